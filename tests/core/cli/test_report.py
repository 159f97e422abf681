"""`deepfabric report`: a page or JSON, and one sentence about what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.core.conftest import Run, write_config
from tests.core.run.report.test_make_report import records, written


def test_a_page_is_written_beside_the_dataset(deepfabric: Run, place: Path) -> None:
    written(place / "tea.jsonl", *records(5))
    done = deepfabric("report", "tea.jsonl")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "tea.report.html reports on 5 samples.\n"
    assert (place / "tea.report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_json_goes_to_standard_output_alone(deepfabric: Run, place: Path) -> None:
    written(place / "tea.jsonl", *records(5), "{broken")
    done = deepfabric("report", "tea.jsonl", "--json", "-")
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert found["samples"] == 5 and found["dataset"]["damage"][0]["line"] == 6
    assert not (place / "tea.report.html").exists()


def test_both_are_written_and_another_dataset_is_compared_with(deepfabric: Run, place: Path) -> None:
    written(place / "tea.jsonl", *records(5))
    written(place / "old.jsonl", *records(3))
    done = deepfabric("report", "tea.jsonl", "-o", "out/r.html", "--json", "out/r.json", "--against", "old.jsonl")
    assert done.returncode == 0
    found = json.loads((place / "out/r.json").read_text(encoding="utf-8"))
    assert found["difference"]["shared"]["samples"] == 3
    assert "Difference" in (place / "out/r.html").read_text(encoding="utf-8")


def test_what_a_run_has_made_is_reported_on_with_its_topics(deepfabric: Run, place: Path) -> None:
    config = write_config(place)
    assert deepfabric("generate", config, "--tui", "simple").returncode == 0
    done = deepfabric("report", "out/dataset.jsonl", "--topics", "out/topics.jsonl", "--json", "-")
    found = json.loads(done.stdout)
    assert (found["samples"], found["topics"]["known"], found["topics"]["missing"]) == (9, 9, 0)
    assert found["making"]["simulated"] == 9
    assert "made up by a simulated model" in found["notes"][0]["text"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.jsonl"], "missing.jsonl: the dataset can't be read: there is no such file."),
        (["tea.jsonl", "--against", "missing.jsonl"], "missing.jsonl: the dataset can't be read"),
        (["tea.jsonl", "--topics", "missing.jsonl"], "missing.jsonl: the topics file can't be read"),
        (["tea.jsonl", "-o", "tea.jsonl"], "tea.jsonl is read for the report; give the report another name."),
        (["tea.jsonl", "-o", "a.html", "--json", "a.html"], "--output and --json name the same file"),
        (["notes.txt"], "notes.txt is no dataset: line 1: it isn't a JSON object"),
    ],
)
def test_what_cannot_be_read_or_written_is_one_sentence(
    arguments: list[str], said: str, deepfabric: Run, place: Path
) -> None:
    before = written(place / "tea.jsonl", *records(2)).read_bytes()
    (place / "notes.txt").write_text("Buy tea.\n")
    done = deepfabric("report", *arguments)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    assert (place / "tea.jsonl").read_bytes() == before
