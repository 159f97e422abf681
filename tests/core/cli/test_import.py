"""`deepfabric import`: any dataset becomes one of ours, and each record that doesn't is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deepfabric_core.export.export import ExportRequest, export
from deepfabric_core.export.find_format import find_format
from deepfabric_core.imports.import_dataset import ImportRequest, default_output, import_dataset
from deepfabric_core.run.report.make_report import ReportRequest, make_report
from tests.core.conftest import Run
from tests.core.export.samples import rows, write
from tests.core.samples.foreign.test_readers import SHAPES

GOOD = {"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}], "id": "7"}
BAD = {"conversations": [{"from": "nobody", "value": "Why?"}]}


def test_what_is_read_is_written_and_what_is_not_is_told_with_its_line(deepfabric: Run, place: Path) -> None:
    write(place / "chats.jsonl", GOOD, BAD, GOOD)
    done = deepfabric("import", "chats.jsonl")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (
        "chats.imported.jsonl has 2 samples, read as sharegpt.\n"
        "Note: kept in metadata.more: id (of 2).\n"
        "not read, 1 record (line 2): message 1 in it is by 'nobody', and nobody knows who that is.\n"
    )
    assert [row["final_answer"] for row in rows(place / "chats.imported.jsonl")] == ["So.", "So."]
    strict = deepfabric("import", "chats.jsonl", "--strict", "-o", "strict.jsonl")
    assert strict.returncode == 1 and "chats.jsonl, line 2: message 1" in strict.stderr
    assert not (place / "strict.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.json"], "missing.json: the dataset can't be read: no such file"),
        (["chats.jsonl", "--from", "coffee"], "There is no format coffee to import; there are deepfabric, "),
        (["chats.jsonl", "-o", "chats.jsonl"], "chats.jsonl is what is read"),
        (["chats.jsonl", "-o", "chats.parquet"], "a dataset of ours is a .jsonl file"),
        (["chats.jsonl", "--topic-column", "kind"], "has no topic in kind"),
        (["bad.jsonl"], "bad.jsonl has no record that can be read as a conversation; line 1: message 1"),
        (["empty.jsonl"], "empty.jsonl has no record that can be read as a conversation."),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(
    arguments: list[str], said: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from deepfabric_core.cli.app import app
    from deepfabric_core.errors import ConfigError

    write(place / "chats.jsonl", GOOD)
    write(place / "bad.jsonl", BAD)
    write(place / "empty.jsonl")
    with pytest.raises(ConfigError) as caught:
        app.main(["import", *arguments], standalone_mode=False)
    assert said in str(caught.value)
    assert sorted(path.name for path in place.glob("*.*")) == ["bad.jsonl", "chats.jsonl", "empty.jsonl"]
    capsys.readouterr()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_dataset_of_any_format_is_exported_and_reported_on_as_it_is_and_imported(shape: str, place: Path) -> None:
    name, record = SHAPES[shape]
    source = write(place / "other.jsonl", record)
    result = import_dataset(ImportRequest(source, place / "own.jsonl"))
    assert dict(result.formats) == {name: 1} and not result.lost
    made = []
    for dataset in (source, place / "own.jsonl"):
        output = place / f"{dataset.stem}.trl.jsonl"
        export(ExportRequest(dataset, find_format("trl"), output, "reasoning_content"))
        made.append(rows(output))
        assert make_report(ReportRequest(dataset))["samples"] == 1
    assert made[0] == made[1] and made[0][0]["messages"][-1]["content"] == "A."
    again = import_dataset(ImportRequest(place / "own.jsonl", place / "again.jsonl"))
    assert rows(place / "again.jsonl") == rows(place / "own.jsonl") and again.samples == 1


def test_pairs_and_labels_come_back_from_an_import(place: Path) -> None:
    pairs = [{"prompt": f"{word}?", "chosen": "A.", "rejected": "B."} for word in ("Why", "How", "Why")]
    labels = [{"prompt": "Who?", "completion": f"{word}.", "label": word == "I"} for word in ("I", "You")]
    source = write(place / "other.jsonl", *pairs, *labels)
    result = import_dataset(ImportRequest(source, place / "own.jsonl"))
    assert (result.samples, result.worse, result.bad) == (5, 3, 1)
    for name, wanted in (("trl-preference", 3), ("trl-kto", 8), ("trl", 4)):
        made = [
            export(ExportRequest(dataset, find_format(name), place / f"{name}.jsonl", "reasoning_content")).rows
            for dataset in (place / "own.jsonl", source)
        ]
        assert made[0] == wanted
        assert made[1] == (wanted if name != "trl" else 5)
    labelled = {row["completion"][0]["content"]: row["label"] for row in rows(place / "trl-kto.jsonl")}
    assert labelled == {"A.": True, "B.": False, "I.": True, "You.": False}


def test_a_dataset_that_people_reviewed_is_not_written_over(place: Path) -> None:
    from deepfabric_core.errors import ConfigError

    source = write(place / "other.jsonl", {"prompt": "Who?", "completion": "I.", "label": False})
    request = ImportRequest(source, place / "own.jsonl")
    import_dataset(request)
    import_dataset(request)
    assert len(rows(place / "own.reviews.jsonl")) == 1
    decision = {"id": "d", "sample": "s", "action": "accept", "who": "me", "at": 1.0}
    with (place / "own.reviews.jsonl").open("a") as file:
        file.write(json.dumps(decision) + "\n")
    with pytest.raises(ConfigError, match="has reviews by people"):
        import_dataset(request)


def test_samples_of_one_topic_have_their_cycles(place: Path) -> None:
    source = write(place / "other.jsonl", *[{"question": "Q?", "answer": "A.", "topic": "Tea"}] * 2)
    import_dataset(ImportRequest(source, place / "own.jsonl"))
    assert [row["metadata"]["cycle"] for row in rows(place / "own.jsonl")] == [0, 1]


def test_the_output_is_named_after_the_dataset() -> None:
    assert default_output(Path("a/chats.tar.json.gz")) == Path("a/chats.imported.jsonl")


def test_the_formats_are_listed(deepfabric: Run) -> None:
    done = deepfabric("import", "--list")
    assert done.returncode == 0 and "\nsharegpt           turns of a human" in done.stdout


SAID = {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (json.dumps(SAID).encode("utf-16"), "line 1: it is UTF-16; save the file as UTF-8."),
        (json.dumps(SAID).encode() + b"\r" + json.dumps(SAID).encode() + b"\r", "its lines end in carriage returns"),
    ],
)
def test_a_file_of_another_kind_of_text_says_how_to_save_it(
    content: bytes, said: str, deepfabric: Run, place: Path
) -> None:
    (place / "odd.jsonl").write_bytes(content)
    done = deepfabric("import", "odd.jsonl")
    assert done.returncode == 2 and said in done.stderr


def test_what_was_encoded_twice_is_read_as_it_was_meant(deepfabric: Run, place: Path) -> None:
    arguments = json.dumps({"path": "rims.md"})
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": json.dumps(arguments)}}
    answer = {"role": "assistant", "content": "So."}
    turns = [SAID["messages"][0], {"role": "assistant", "content": "", "tool_calls": [call]}]
    turns += [{"role": "tool", "tool_call_id": "c1", "content": "Half a turn."}, answer]
    lines = (json.dumps(json.dumps(SAID)), json.dumps({"messages": turns}))
    (place / "twice.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert deepfabric("import", "twice.jsonl").returncode == 0
    first, second = rows(place / "twice.imported.jsonl")
    assert first["final_answer"] == "So."
    assert second["messages"][1]["tool_calls"][0]["function"]["arguments"] == arguments


def test_prompts_without_an_answer_are_told(deepfabric: Run, place: Path) -> None:
    write(place / "asked.jsonl", SAID, {"messages": SAID["messages"][:1]})
    assert "Note: 1 sample without an answer" in deepfabric("import", "asked.jsonl").stderr
