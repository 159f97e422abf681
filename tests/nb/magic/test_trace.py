"""Traces in a notebook: the flag, the table, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from deepfabric_core.errors import ConfigError
from tests.core.commands import lines
from tests.nb.conftest import TEA, Cell

Capture = pytest.CaptureFixture[str]


def test_a_cell_records_its_calls_and_a_line_shows_them(cell: Cell, place: Path, capsys: Capture) -> None:
    cell("%%deepfabric --trace calls.jsonl", TEA)
    assert len(lines(place / "calls.jsonl")) == 1 + 4 + 9
    capsys.readouterr()
    table = cell("%deepfabric trace calls.jsonl")
    assert list(table.index) == list(range(1, 14))
    assert table["topic_path"][1] == "Tea" and set(table["outcome"]) == {"stop"}
    assert table.attrs["calls"] == 13
    assert "Calls   13\n" in capsys.readouterr().out
    assert len(cell("%deepfabric trace calls.jsonl --failed")) == 0


def test_a_cell_that_is_run_again_goes_on_with_its_trace(cell: Cell, place: Path) -> None:
    for number in (4, 4, 6):
        cell(f"%%deepfabric --trace calls.jsonl --num-samples {number}", TEA)
    assert sum("trace" not in line for line in lines(place / "calls.jsonl")) == 4 + 6


def test_texts_of_others_are_escaped(cell: Cell, shell: InteractiveShell, place: Path) -> None:
    cell("%%deepfabric --trace calls.jsonl --num-samples 1", TEA.replace("prompt: Tea", 'prompt: "<b>Tea\\e[2J"'))
    table = cell("%deepfabric trace calls.jsonl")
    data, _ = shell.display_formatter.format(table)  # type: ignore[union-attr]
    assert "&lt;b&gt;Tea\\x1b" in data["text/html"] and "<b>" not in data["text/html"]
    assert "\x1b" not in data["text/plain"]


def test_a_recorded_run_is_done_again_in_a_cell(cell: Cell, place: Path) -> None:
    live = cell("%%deepfabric --trace calls.jsonl", TEA)
    again = TEA.replace("{provider: simulated}", "{provider: recorded, recorded: {path: calls.jsonl}}")
    frame = cell("%%deepfabric --output-save-as again.jsonl", again)
    assert list(frame["messages"]) == list(live["messages"])


@pytest.mark.parametrize("said", ["it isn't a trace", "no such file"])
def test_what_is_no_trace_is_one_sentence(cell: Cell, place: Path, said: str) -> None:
    if said == "it isn't a trace":
        (place / "calls.jsonl").write_text("{}")
    with pytest.raises(ConfigError, match=said):
        cell("%deepfabric trace calls.jsonl")
