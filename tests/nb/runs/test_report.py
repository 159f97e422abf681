"""The report on a run: while it has a journal, when it is done, and what a cell shows of it."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

import deepfabric_nb
from deepfabric_core.errors import ConfigError
from deepfabric_core.run.job import Job
from deepfabric_nb.runs.report import Report, report_on_job
from tests.nb.conftest import TEA, Cell


def test_a_run_reports_on_what_it_has_made(place: Path) -> None:
    run = deepfabric_nb.start(TEA, num_samples=4).wait()
    report = run.report()
    assert report.data["samples"] == report.data["making"]["simulated"] == 4
    assert report.data["topics"]["known"] == 9
    assert repr(report).startswith("Report on tea.jsonl: 4 samples\n  All samples are made up")
    assert report.html.startswith("<!DOCTYPE html>")


def test_a_report_is_saved_as_a_page_or_as_data(place: Path) -> None:
    report = deepfabric_nb.start(TEA, num_samples=2).wait().report()
    assert report.save("a/report.html").read_text(encoding="utf-8") == report.html
    assert json.loads(report.save("report.json").read_text(encoding="utf-8")) == report.data


def test_a_cell_shows_the_page_in_a_frame_that_can_do_nothing(place: Path) -> None:
    shown = deepfabric_nb.start(TEA, num_samples=2).wait().report()._repr_html_()
    before, frame = shown.split("<iframe", 1)
    assert "Report on tea.jsonl: 2 samples" in before
    assert frame.startswith(" sandbox ")
    srcdoc = frame.split('srcdoc="', 1)[1].split('"', 1)[0]
    assert unescape(srcdoc).startswith("<!DOCTYPE html>") and unescape(srcdoc).rstrip().endswith("</html>")


def test_a_run_without_samples_has_no_report(place: Path) -> None:
    job = Job(deepfabric_nb.start(TEA, num_samples=1).wait().job.config)
    job.dataset.unlink()
    with pytest.raises(ConfigError, match="no samples to report on yet"):
        report_on_job(Job(job.config, checkpoint_path=place / "elsewhere"), made_up=True)


# ---- the magic


def test_the_magic_reports_on_the_latest_run_a_variable_a_name_and_a_file(
    cell: Cell, shell: InteractiveShell, place: Path
) -> None:
    cell("%%deepfabric --num-samples 3 --name cups", TEA)
    shell.user_ns["mine"] = deepfabric_nb.start(TEA, num_samples=2, output_save_as="two.jsonl").wait()
    for line, samples in (("mine", 2), ("cups", 3), ("tea.jsonl", 3), ("two.jsonl --against tea.jsonl", 2)):
        found = cell(f"%deepfabric report {line}")
        assert isinstance(found, Report) and found.data["samples"] == samples, line


def test_the_magic_writes_a_file_and_assigns_a_variable(cell: Cell, shell: InteractiveShell, place: Path) -> None:
    cell("%%deepfabric --num-samples 3", TEA)
    assert cell("%deepfabric report -o report.html --out found") is None
    assert (place / "report.html").read_text(encoding="utf-8") == shell.user_ns["found"].html


@pytest.mark.parametrize(("what", "said"), [("nowhere.jsonl", "no dataset and no run"), ("", "no run to report on")])
def test_what_is_not_there_is_one_sentence(what: str, said: str, cell: Cell) -> None:
    with pytest.raises(ConfigError, match=said):
        cell(f"%deepfabric report {what}")
