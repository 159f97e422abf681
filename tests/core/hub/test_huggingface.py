"""Uploads to the Hugging Face hub, by its own library, against a hub on this machine that fails on demand."""

from __future__ import annotations

import io
from importlib import import_module
from pathlib import Path

import datasets  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
import yaml
from huggingface_hub import snapshot_download

from deepfabric_core.errors import ConfigError, DeepFabricError, MissingKeyError
from deepfabric_core.hub.faults import UploadError
from deepfabric_core.hub.huggingface import check_repository
from deepfabric_core.samples.reviews import Decision, sample_id
from deepfabric_core.store.review_log import ReviewLog, reviews_path
from tests.core.commands import lines
from tests.core.export.samples import answered, write
from tests.core.hub.conftest import NAME, Uploads
from tests.hub_server import READS, WRITES, HubServer, Repository
from tests.stand_in import Fault


def _head(hub: HubServer) -> dict[str, object]:
    head = yaml.safe_load(hub.files(NAME)["README.md"].decode().split("---\n")[1])
    assert isinstance(head, dict)
    return head


def test_a_dataset_is_uploaded_privately_with_its_card_in_one_commit(hub: HubServer, upload: Uploads) -> None:
    done = upload(configs=["trl"], tags=["tea"], license="cc-by-4.0")
    assert done.url == f"{hub.url}/datasets/{NAME}"
    repository = hub.repositories[NAME]
    assert repository.private and len(repository.commits) == 1
    assert sorted(repository.files) == [
        "README.md",
        "data/train-00000-of-00001.parquet",
        "topics.svg",
        "trl/train-00000-of-00001.parquet",
    ]
    head = _head(hub)
    assert head["license"] == "cc-by-4.0" and head["size_categories"] == ["n<1K"]
    assert head["tags"] == ["deepfabric", "synthetic", "tool-use", "agent", "tea"]


def test_what_was_uploaded_is_read_by_datasets_with_its_splits_and_configs(
    hub: HubServer, upload: Uploads, place: Path
) -> None:
    upload(configs=["trl"], split="train=0.5,test=0.5", by="random")
    folder = snapshot_download(NAME, repo_type="dataset", local_dir=place / "back", token=WRITES, endpoint=hub.url)
    read = datasets.load_dataset(str(folder), cache_dir=str(place / "cache"))
    trl = datasets.load_dataset(str(folder), "trl", cache_dir=str(place / "cache"))
    assert {side: len(rows) for side, rows in read.items()} == {side: len(rows) for side, rows in trl.items()}
    assert {row["question"] for side in read.values() for row in side} == {
        line["question"] for line in lines(upload.dataset)
    }
    assert {row["messages"][1]["content"] for row in trl["test"]} == {row["question"] for row in read["test"]}
    worked = next(row for side in trl.values() for row in side if row["tools"])
    assert worked["messages"][2]["tool_calls"][0]["function"]["arguments"] == {"path": "tea.txt"}


def test_a_second_upload_of_the_same_sends_and_commits_nothing(hub: HubServer, upload: Uploads) -> None:
    upload()
    hub.seen.clear()
    upload()
    assert not hub.lines("^PUT ") and not hub.lines("/commit/")


def test_a_broken_connection_is_gone_on_from_where_it_broke(hub: HubServer, upload: Uploads) -> None:
    hub.faults.append(Fault("^PUT /lfs/", breaks=True))
    upload()
    sent = hub.lines("^PUT /lfs/")
    assert [one.status for one in sent] == [0, 200]
    assert len(hub.files(NAME)) == 3


def test_what_arrived_before_an_upload_failed_is_not_sent_again(hub: HubServer, upload: Uploads) -> None:
    hub.faults.append(Fault("^PUT /lfs/", status=400, after=1))
    with pytest.raises(DeepFabricError, match="refuses the upload"):
        upload(configs=["trl"])
    assert hub.files(NAME) == {}  # nothing is half there
    first = [one.line for one in hub.lines("^PUT /lfs/", 200)]
    hub.seen.clear()
    upload(configs=["trl"])
    assert len(first) == 1 and first[0] not in [one.line for one in hub.lines("^PUT /lfs/")]
    assert len(hub.files(NAME)) == 4


@pytest.mark.slow
def test_a_connection_that_stays_broken_is_one_sentence_and_the_next_run_goes_on(
    hub: HubServer, upload: Uploads
) -> None:
    hub.faults.append(Fault("^PUT /lfs/", breaks=True, after=1, times=99))
    with pytest.raises(UploadError, match=r"can't be reached at .* Run the command again: what has arrived isn't"):
        upload(configs=["trl"])
    hub.faults.clear()
    hub.seen.clear()
    upload(configs=["trl"])
    assert len(hub.lines("^PUT /lfs/")) == 1


def test_a_large_file_goes_in_parts(place: Path, upload: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    with HubServer(parts=4000, latency=0.05) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", WRITES)
        upload()
        assert len(hub.lines(r"^PUT /lfs/\w+/\d+$", 200)) > 1
        rows = pq.read_table(io.BytesIO(hub.files(NAME)["data/train-00000-of-00001.parquet"]))
        assert rows.num_rows == 6


def test_many_rows_are_many_files_and_fewer_take_the_place_of_all(hub: HubServer, upload: Uploads) -> None:
    few = upload.dataset.read_bytes()
    write(upload.dataset, *[answered(f"How long does tea {number} steep?") for number in range(1001)])
    upload.shard_bytes = 1
    upload()
    names = [name for name in sorted(hub.files(NAME)) if name.startswith("data/")]
    assert names == [f"data/train-{number:05}-of-00002.parquet" for number in range(2)]
    assert sum(pq.read_table(io.BytesIO(hub.files(NAME)[name])).num_rows for name in names) == 1001
    assert "file 2 of 2" in upload.told[-1]
    hub.repositories[NAME].files["notes.txt"] = b"mine"
    upload.dataset.write_bytes(few)
    upload()
    assert sorted(hub.files(NAME)) == ["README.md", "data/train-00000-of-00001.parquet", "notes.txt", "topics.svg"]


def test_a_broken_server_is_asked_again_after_a_while(hub: HubServer, upload: Uploads) -> None:
    hub.faults += [Fault("create", status=500), Fault("create", status=503), Fault("/commit/", status=502)]
    hub.faults.append(Fault("GET /api/datasets/", breaks=True))
    upload()
    assert upload.waits == [1.0, 2.0, 1.0, 1.0]
    assert "the server answered 503; next try in 2 s" in upload.told


@pytest.mark.parametrize(("asked", "waited"), [("17", 17.0), ("-1", 0.0), ("inf", 1.0), ("soon", 1.0)])
def test_a_rate_limit_is_waited_for_as_long_as_it_asks(
    asked: str, waited: float, hub: HubServer, upload: Uploads
) -> None:
    hub.faults.append(Fault("create", status=429, headers={"Retry-After": asked}))
    upload()
    assert upload.waits == [waited]


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (Fault("create", status=429, headers={"Retry-After": "3600"}), UploadError, r"\(429\).* again in 1 h 0 min"),
        (Fault("create", status=429, times=99), UploadError, r"takes no more requests for now \(429\)"),
        (Fault("create", status=500, times=99), UploadError, r"has trouble of its own \(500\)"),
        (Fault("create", breaks=True, times=99), UploadError, "can't be reached"),
        (Fault("create", status=400, body={"error": "Bad name"}), ConfigError, r"refuses the upload.*400\): Bad name"),
        (Fault("/commit/", status=403, body={"error": "No."}), ConfigError, r"doesn't let you write.*403: No\)"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    fault: Fault, kind: type[DeepFabricError], said: str, hub: HubServer, upload: Uploads
) -> None:
    hub.faults.append(fault)
    with pytest.raises(kind, match=said) as raised:
        upload()
    assert "\n" not in str(raised.value) and WRITES not in str(raised.value)


def test_a_wrong_token_is_one_sentence_without_the_token(
    hub: HubServer, upload: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong-token-of-mine")
    with pytest.raises(ConfigError, match=r"doesn't take the token in HF_TOKEN \(401\)") as raised:
        upload()
    assert "wrong-token-of-mine" not in str(raised.value) and upload.waits == []


def test_a_token_that_may_only_read_is_told_so(
    hub: HubServer, upload: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", READS)
    with pytest.raises(ConfigError, match=r"doesn't let you write to someone/tea.*write token"):
        upload()


def test_somebody_elses_name_is_refused(hub: HubServer, upload: Uploads) -> None:
    with pytest.raises(ConfigError, match="doesn't let you write to other/tea"):
        upload(repository="other/tea")


def test_without_a_token_nothing_is_asked(hub: HubServer, upload: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(MissingKeyError, match="set HF_TOKEN"):
        upload()
    assert hub.seen == []


def test_nothing_private_goes_where_everybody_can_see_it(hub: HubServer, upload: Uploads) -> None:
    hub.repositories[NAME] = Repository(private=False)
    with pytest.raises(ConfigError, match="everybody can see it"):
        upload()
    assert hub.files(NAME) == {}
    upload(private=False)
    assert "README.md" in hub.files(NAME)


def test_a_private_repository_is_made_public_if_that_is_asked(hub: HubServer, upload: Uploads) -> None:
    upload()
    upload(private=False)
    assert hub.repositories[NAME].private is False


def test_what_people_wrote_into_the_card_stays(hub: HubServer, upload: Uploads) -> None:
    upload(tags=["tea"])
    card = hub.files(NAME)["README.md"].decode().replace("license", "licence")
    mine = card.replace("---\n\n# tea", "arxiv: 1234\n---\n\n# tea") + "\n## Thanks\n\nTo all who drink it.\n"
    hub.repositories[NAME].files["README.md"] = mine.encode()
    upload(tags=["leaf"])
    text = hub.files(NAME)["README.md"].decode()
    assert text.count("## Thanks") == 1 and text.count("# tea\n") == 1
    assert _head(hub)["arxiv"] == 1234 and {"tea", "leaf"} <= set(_head(hub)["tags"])  # type: ignore[call-overload]


def test_a_configuration_that_is_dropped_goes_with_its_files(hub: HubServer, upload: Uploads) -> None:
    upload(configs=["trl"])
    hub.repositories[NAME].files["other/train-00000-of-00001.parquet"] = b"mine"
    upload()
    assert [name.partition("/")[0] for name in sorted(hub.files(NAME))] == ["README.md", "data", "other", "topics.svg"]


def test_a_card_of_another_make_is_kept_below(hub: HubServer, upload: Uploads) -> None:
    hub.repositories[NAME] = Repository(private=True, files={"README.md": b"---\nlicense: mit\n---\n# Old\n"})
    upload()
    assert hub.files(NAME)["README.md"].decode().endswith("again. -->\n\n# Old\n") and _head(hub)["license"] == "mit"


def test_what_people_rejected_is_not_uploaded_and_edits_are(hub: HubServer, upload: Uploads) -> None:
    records = lines(upload.dataset)
    after = {**records[1], "final_answer": "As edited."}
    log = ReviewLog(reviews_path(upload.dataset))
    log.add(Decision("1", sample_id(records[0]), "reject", "me", 0.0, reason="dull"))
    log.add(Decision("2", sample_id(records[1]), "edit", "me", 1.0, before=records[1], after=after))
    log.close()
    upload()
    rows = pq.read_table(io.BytesIO(hub.files(NAME)["data/train-00000-of-00001.parquet"])).to_pylist()
    assert len(rows) == 5 and "As edited." in [row["final_answer"] for row in rows]
    card = hub.files(NAME)["README.md"].decode()
    assert "1 edited and taken so, 1 rejected and left out" in card and "5 synthetic samples" in card


def test_the_library_is_as_it_was_afterwards(hub: HubServer, upload: Uploads) -> None:
    constants, utils = import_module("huggingface_hub.constants"), import_module("huggingface_hub.utils")

    def settings() -> tuple[object, ...]:
        bars = utils.are_progress_bars_disabled()
        return constants.HF_HUB_DISABLE_XET, utils.logging.get_verbosity(), utils.get_session().timeout, bars

    before = settings()
    upload()
    assert settings() == before


@pytest.mark.parametrize("name", ["tea", "me/tea", "https://huggingface.co/datasets/me/tea", " me/tea "])
def test_a_repository_may_be_named_like_that(name: str) -> None:
    assert check_repository(name) in ("tea", "me/tea")


@pytest.mark.parametrize("name", ["", "a/b/c", "me/te a", "me/../tea", "me/tea--x", "me/" + "x" * 97, "-tea", "mé/tea"])
def test_a_repository_cant_be_named_like_that(name: str) -> None:
    with pytest.raises(ConfigError, match="can't be a repository's name"):
        check_repository(name)
