"""Uploads to Kaggle, by its own library, against a Kaggle on this machine that fails on demand."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from deepfabric_core.config.schema import Config, Kaggle
from deepfabric_core.errors import ConfigError, DeepFabricError, MissingKeyError
from deepfabric_core.hub.after_run import publish_made
from deepfabric_core.hub.faults import UploadError
from deepfabric_core.hub.kaggle import check_handle
from deepfabric_core.hub.kaggle_files import SentFiles
from deepfabric_core.hub.publish import shown, to_kaggle
from tests.kaggle_server import KEY, Dataset, KaggleServer
from tests.stand_in import Fault

NAME = "someone/tea-leaves"


@pytest.fixture
def kaggle(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KaggleServer]:
    monkeypatch.delenv("KAGGLE_API_TOKEN", raising=False)
    with KaggleServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def _upload(dataset: Path, **settings: object) -> list[str]:
    told: list[str] = []
    told.append(to_kaggle(Kaggle.model_validate({"handle": NAME, **settings}), dataset, None, told.append).url)
    return told


def test_a_dataset_is_uploaded_privately_with_what_it_says_of_itself(kaggle: KaggleServer, tea: Path) -> None:
    told = _upload(tea, configs=["trl"], tags=["tea"], license="cc-by-4.0", version_notes="First")
    assert told[-1] == f"https://www.kaggle.com/datasets/{NAME}"
    files = kaggle.files(NAME)
    assert sorted(files) == [
        "README.md",
        "data/train-00000-of-00001.parquet",
        "dataset-metadata.json",
        "topics.svg",
        "trl/train-00000-of-00001.parquet",
    ]
    assert pq.read_table(io.BytesIO(files["data/train-00000-of-00001.parquet"])).num_rows == 6
    said = kaggle.datasets[NAME].settings
    assert said["isPrivate"] is True and said["title"] == "Tea Leaves" and said["licenses"] == [{"name": "CC-BY-4.0"}]
    assert (
        said["keywords"] == ["deepfabric", "synthetic", "tea"] and "kagglehub.dataset_download" in said["description"]
    )


def test_another_upload_is_another_version(kaggle: KaggleServer, tea: Path) -> None:
    _upload(tea)
    _upload(tea, version_notes="Second")
    assert [version.get("versionNotes") for version in kaggle.datasets[NAME].versions] == [None, "Second"]


def test_a_broken_connection_is_gone_on_from_where_it_broke(kaggle: KaggleServer, tea: Path) -> None:
    kaggle.faults.append(Fault("^PUT /upload/", breaks=True))
    _upload(tea)
    broken = kaggle.lines("^PUT /upload/", 0)[0]
    again = [one.headers.get("content-range", "") for one in kaggle.lines(f"^{broken.line}$", 200)]
    assert again[0].startswith(f"bytes {broken.received}-")


def test_what_arrived_before_an_upload_failed_is_not_sent_again(kaggle: KaggleServer, tea: Path) -> None:
    kaggle.faults.append(Fault("^PUT /upload/", status=400, after=2))
    with pytest.raises(ConfigError, match="refuses the upload"):
        _upload(tea, configs=["trl"])
    arrived = len(kaggle.lines("^PUT /upload/", 200))
    kaggle.seen.clear()
    _upload(tea, configs=["trl"])
    assert arrived == 2 and len(kaggle.lines("^PUT /upload/", 200)) == 5 - arrived
    assert len(kaggle.files(NAME)) == 5


def test_files_that_kaggle_has_deleted_meanwhile_are_sent_again(kaggle: KaggleServer, tea: Path) -> None:
    kaggle.faults.append(Fault("CreateDataset$", status=400, body={"code": 400, "message": "Unknown blob"}))
    with pytest.raises(ConfigError, match="Unknown blob"):
        _upload(tea)
    kaggle.seen.clear()
    _upload(tea)
    assert len(kaggle.lines("^PUT /upload/", 200)) == 4


def test_a_file_counts_as_sent_for_a_day(place: Path) -> None:
    SentFiles(NAME, lambda: 1000.0).add("a", "token")
    assert SentFiles(NAME, lambda: 1000.0 + 23 * 3600).token("a") == "token"
    assert SentFiles(NAME, lambda: 1000.0 + 25 * 3600).token("a") is None
    assert SentFiles("other/tea", lambda: 1000.0).token("a") is None


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (Fault("CreateDataset$", status=403, body={"code": 403, "message": "denied"}), ConfigError, "let you write"),
        (Fault("PUT /upload/", status=400), ConfigError, "refuses the upload"),
        (Fault("GetDataset", status=429, headers={"Retry-After": "999"}), UploadError, r"\(429\)"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    fault: Fault, kind: type[DeepFabricError], said: str, kaggle: KaggleServer, tea: Path
) -> None:
    kaggle.faults.append(fault)
    with pytest.raises(kind, match=said) as raised:
        _upload(tea)
    assert "\n" not in str(raised.value) and KEY not in str(raised.value)


def test_a_wrong_key_is_one_sentence(kaggle: KaggleServer, tea: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_KEY", "another-key-altogether")
    with pytest.raises(ConfigError, match=r"doesn't take the key in KAGGLE_KEY.*\(401\)") as raised:
        _upload(tea)
    assert "another-key" not in str(raised.value)


def test_without_a_key_nothing_is_asked(kaggle: KaggleServer, tea: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    with pytest.raises(MissingKeyError, match="KAGGLE_USERNAME and KAGGLE_KEY"):
        _upload(tea)
    assert kaggle.seen == []


def test_nothing_private_goes_where_everybody_can_see_it(kaggle: KaggleServer, tea: Path) -> None:
    kaggle.datasets[NAME] = Dataset(settings={"isPrivate": False})
    with pytest.raises(ConfigError, match="everybody can see it"):
        _upload(tea)
    assert not kaggle.blobs
    _upload(tea, private=False)
    assert kaggle.datasets[NAME].settings["isPrivate"] is False


def test_files_that_have_arrived_are_not_lost_by_a_description_that_is_refused(kaggle: KaggleServer, tea: Path) -> None:
    kaggle.faults.append(Fault("UpdateDatasetMetadata", status=400, body={"code": 400, "message": "Bad tag"}))
    told = _upload(tea)
    assert "Note: the files have arrived, but Kaggle didn't take" in told[-2] and "Bad tag" in told[-2]


def test_a_dry_run_shows_what_kaggle_would_be_told(place: Path, tea: Path) -> None:
    text = shown(Kaggle(handle=NAME), tea, None)
    assert text.startswith("# tea-leaves") and "dataset-metadata.json" in text


def test_handles_have_two_parts() -> None:
    assert check_handle("https://www.kaggle.com/datasets/me/tea") == "me/tea"
    for name in ("tea", "a/b/c", "me/te a", ""):
        with pytest.raises(ConfigError, match="can't be a dataset on Kaggle"):
            check_handle(name)


def test_after_a_run_that_made_nothing_kaggle_gets_no_other_version(kaggle: KaggleServer, tea: Path) -> None:
    written = {
        "topics": {"prompt": "Tea"},
        "generation": {"system_prompt": "You teach."},
        "output": {"save_as": str(tea)},
        "kaggle": {"handle": NAME},
    }
    config, told = Config.model_validate(written), list[str]()
    assert publish_made(config, tea, told.append, is_new=False)
    assert "Kaggle gets no other version" in told[-1] and not kaggle.seen
