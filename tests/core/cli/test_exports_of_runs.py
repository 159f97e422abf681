"""A run exports its dataset as the config asks for once it is complete; a failed export doesn't touch the dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.cli.conftest import Here
from tests.core.commands import lines
from tests.core.conftest import write_config


def config(place: Path, *exports: object) -> str:
    output = {"save_as": "out/dataset.jsonl", "num_samples": 6, "exports": list(exports)}
    return write_config(place, output=output)


def test_exports_are_written_once_the_dataset_is_complete_and_named_in_the_summary(here: Here, place: Path) -> None:
    sides = {"to": "openai", "path": "out/sides", "split": "train=0.5,test=0.5"}
    done = here("generate", config(place, "trl", sides, {"to": "alpaca", "path": "out/a.jsonl"}), "--tui", "simple")
    assert done.returncode == 0, done.stderr
    assert [line.split()[3] for line in done.stdout.splitlines() if "Export as" in line] == [
        "out/dataset.trl.jsonl",
        "out/sides/train.jsonl",
        "out/sides/test.jsonl",
        "out/a.jsonl",
    ]
    assert len(lines(place / "out/dataset.trl.jsonl")) == 6
    assert sum(len(lines(place / "out/sides" / name)) for name in ("train.jsonl", "test.jsonl")) == 6
    (place / "out/a.jsonl").unlink()
    dataset = (place / "out/dataset.jsonl").read_bytes()
    again = here("generate", "config.yaml", "--resume")
    assert again.returncode == 0 and len(lines(place / "out/a.jsonl")) == 6
    assert (place / "out/dataset.jsonl").read_bytes() == dataset


def test_a_failed_export_is_a_sentence_and_the_dataset_and_the_other_exports_stand(here: Here, place: Path) -> None:
    file = config(place, "trl-preference", {"to": "trl", "path": "out/b.jsonl"})
    done = here("generate", file, "--tui", "simple")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == (
        "Incomplete: the dataset is complete, but the export trl-preference to out/dataset.trl-preference.jsonl "
        "failed: out/dataset.jsonl has nothing for trl-preference: no sample in it was edited, and none was rejected "
        "and made again with the same question. Nothing was written"
    )
    assert len(lines(place / "out/dataset.jsonl")) == len(lines(place / "out/b.jsonl")) == 6
    again = here("generate", file, "--resume")
    assert again.returncode == 1 and "the export trl-preference" in again.stdout and "Go on with" not in again.stderr


def test_an_export_whose_check_finds_something_is_told_and_stands(here: Here, place: Path) -> None:
    (place / "mute.jinja").write_text("{% for m in messages if m.role != 'assistant' %}{{ m.content }}{% endfor %}")
    done = here("generate", config(place, {"to": "trl", "check": "mute.jinja"}), "--tui", "simple")
    assert done.returncode == 1
    assert "out/dataset.trl.jsonl would train badly against mute.jinja" in done.stdout
    assert "6 records (1, 2, 3, 4, 5 and 1 more): a message isn't in the rendered text" in done.stderr
    assert len(lines(place / "out/dataset.trl.jsonl")) == 6


@pytest.mark.parametrize(
    ("export", "said"),
    [
        ({"to": "trl", "path": "out/dataset.jsonl"}, "output.exports[0]: out/dataset.jsonl is "),
        ({"to": "trl", "path": "out/topics.jsonl"}, "output.exports[0]: out/topics.jsonl is the topics file, too"),
        ({"to": "trl", "path": "config.yaml"}, "output.exports[0]: config.yaml ends in neither .jsonl nor .parquet"),
        ({"to": "mine.jinja"}, "output.exports[0]: mine.jinja: the template can't be read"),
        ({"to": "alpaca", "check": "qwen3"}, "output.exports[0]: --check: no chat template renders alpaca"),
        (
            {"to": "trl", "check": "quen3"},
            "output.exports[0]: --check: there is no file, no folder and no template quen3",
        ),
        ({"to": "chatml", "reasoning": "thinking"}, "output.exports[0]: chatml has no place thinking for reasoning"),
        ({"to": "trl", "path": "a.jsonl", "split": "a=0.5,b=0.5"}, "output.exports[0]: a.jsonl is one file"),
    ],
)
def test_what_cannot_be_exported_is_said_before_anything_is_spent(
    export: dict[str, str], said: str, here: Here, place: Path
) -> None:
    file = config(place, export)
    for command in ("validate", "estimate", "generate"):
        done = here(command, file)
        assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr, command
    assert not (place / "out/dataset.jsonl").exists()


def test_two_exports_of_one_path_are_refused(here: Here, place: Path) -> None:
    done = here("validate", config(place, "trl", {"to": "openai", "path": "out/dataset.trl.jsonl"}))
    assert done.returncode == 2
    assert (
        "output.exports[1]: out/dataset.trl.jsonl is output.exports[0], too; give the export another path"
        in done.stderr
    )


def test_a_plan_names_the_exports_and_what_makes_no_dataset_exports_nothing(here: Here, place: Path) -> None:
    file = config(place, "trl")
    told = here("validate", file).stdout
    assert "Exports        trl to out/dataset.trl.jsonl" in told
    assert here("generate", file, "--topic-only").returncode == 0
    assert not (place / "out/dataset.trl.jsonl").exists()


def test_exports_of_a_run_that_is_gone_on_with_are_those_of_the_whole_dataset(here: Here, place: Path) -> None:
    output = {"save_as": "out/dataset.jsonl", "num_samples": 6, "exports": ["trl"], "checkpoint": {"interval": 1}}
    file = write_config(place, output={**output, "num_samples": 3})
    assert here("generate", file).returncode == 0
    file = write_config(place, output=output)
    assert here("generate", file, "--fresh", "--tui", "simple").returncode == 0
    rows = lines(place / "out/dataset.trl.jsonl")
    records = lines(place / "out/dataset.jsonl")
    assert [row["messages"] for row in rows] == [record["messages"] for record in records]
