"""Runs, files, DataFrames and records are exported from a notebook, and what was lost and found shows itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient

import deepfabric_nb
from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_nb.samples.exported import Exported
from tests.core.export.samples import answered, rows, worked, write
from tests.nb.conftest import TEA, Cell
from tests.nb.runs.test_reviews import review


def test_a_run_is_exported_beside_its_dataset_without_what_people_rejected(place: Path) -> None:
    run = deepfabric_nb.start(TEA, num_samples=4).wait()
    review(place, 0, "reject", reason="dull")
    done = deepfabric_nb.export(run, to="trl", check="qwen3")
    assert (done.files, done.rows, done.is_sound, done.defects) == ({Path("tea.trl.jsonl"): 3}, 3, True, {})
    assert len(rows(place / "tea.trl.jsonl")) == 3
    assert repr(done).splitlines()[-1] == "3 records checked against qwen3: nothing is lost."


def test_defects_are_numbers_of_records_and_are_shown_escaped(place: Path) -> None:
    empty = worked()
    empty["messages"][-1]["content"] = " "
    dataset = write(place / "<b>.jsonl", answered(reasoning="Hm."), empty)
    done = deepfabric_nb.export(dataset, to="trl", path="out.parquet", check="llama3.1", split=None)
    assert done.is_sound is False and done.files == {Path("out.parquet"): 2}
    assert done.defects["the assistant says nothing and calls nothing"] == (2,)
    assert done.defects["reasoning isn't in the rendered text"] == (1, 2)
    page = done._repr_html_()
    assert "2 records: 1, 2" in page and "<script" not in page
    assert 'reasoning="drop" leaves it out on purpose' in repr(done)
    assert json.loads(done.save_report(place / "r.json").read_text())["defective_records"] == 2
    folder = deepfabric_nb.export(str(dataset), to="openai", split={"train": 0.5, "test": 0.5})
    assert set(folder.files) == {place / "<b>.openai" / name for name in ("train.jsonl", "test.jsonl")}
    assert folder.lost == {"the reasoning": 2} and folder.is_sound is None


def test_frames_and_records_are_exported_to_the_place_that_is_named(place: Path) -> None:
    frame = deepfabric_nb.start(TEA, num_samples=4).wait().df
    assert deepfabric_nb.export(frame.head(2), to="alpaca", path="two.jsonl").rows == 2
    assert deepfabric_nb.export([answered()], to="chatml", path=Path("one.jsonl")).rows == 1
    for samples, options, said in (
        (frame, {"to": "trl"}, "Say where to"),
        (
            [answered()],
            {"to": "trll", "path": "a.jsonl"},
            r"export: to: there is no format trll \(did you ",
        ),
        ([answered()], {"to": "trl", "path": "a.jsonl", "hold_out": ["Tea"]}, "export: hold_out divides a dataset"),
        ([answered()], {"to": "trl", "path": "a.jsonl", "chek": "qwen3"}, "export: chek: "),
        ([], {"to": "trl", "path": "a.jsonl"}, "no samples to export yet"),
        (place / "none.jsonl", {"to": "trl"}, "none.jsonl: the dataset can't be read"),
    ):
        with pytest.raises(ConfigError, match=said) as told:
            deepfabric_nb.export(samples, **options)
        assert "\n" not in str(told.value)
    with pytest.raises(OutputError, match=r"^it has nothing for trl-preference: no sample in it was edited"):
        deepfabric_nb.export([answered()], to="trl-preference", path="a.jsonl")
    assert not (place / "a.jsonl").exists()


def test_several_datasets_and_runs_are_mixed_by_their_weights(cell: Cell, place: Path) -> None:
    run = deepfabric_nb.start(TEA, num_samples=4).wait()
    other = write(place / "other.jsonl", *(answered(f"Why {word}?", f"For {word}.") for word in ("salt", "tin")))
    together: Any = [run, other]
    both = deepfabric_nb.export(together, to="trl", path="both.jsonl", check="qwen3")
    assert (both.rows, both.is_sound) == (6, True)
    part = deepfabric_nb.export({"tea.jsonl": 0.5, other: 2}, to="trl", path="part.jsonl", keep_duplicates=True)
    assert part.rows == 6 and "2 of 4 samples are taken of tea.jsonl" in repr(part)
    assert deepfabric_nb.export({"tea.jsonl": "50%", other: "50%"}, to="trl", path="half.jsonl", seed=3).rows == 4
    assert cell("%deepfabric export tea.jsonl=0.5 other.jsonl --to trl -o mixed.jsonl").rows == 4
    assert cell("%deepfabric export tea.jsonl=0.5 --to trl -o some.jsonl").rows == 2
    wrong: tuple[tuple[Any, str], ...] = (
        ({"tea.jsonl": 0}, "'0' is no weight"),
        (["tea.jsonl", "nothing.jsonl"], "nothing.jsonl: the dataset can't be read"),
        ({"tea.jsonl": "50%", other: 1}, "Give all datasets a share"),
    )
    for datasets, said in wrong:
        with pytest.raises(ConfigError, match=said):
            deepfabric_nb.export(datasets, to="trl", path="mix.jsonl")


def test_a_run_that_is_not_complete_exports_what_it_has_made(place: Path) -> None:
    run = deepfabric_nb.start(TEA, num_samples=6).wait()
    (place / "tea.jsonl").rename(place / "moved.jsonl")
    done = deepfabric_nb.export(run, to="trl")
    assert done.rows == 6 and done.files == {Path("tea.trl.jsonl"): 6}


def test_the_magic_exports_the_latest_run_a_variable_a_name_and_a_file(
    cell: Cell, shell: InteractiveShell, place: Path
) -> None:
    cell("%%deepfabric --num-samples 3 --name cups", TEA)
    shell.user_ns["mine"] = deepfabric_nb.load("tea.jsonl").head(2)
    write(place / "other.jsonl", answered())
    for line, count in (("", 3), ("cups", 3), ("mine -o a.jsonl", 2), ("other.jsonl b.jsonl", 1)):
        found = cell(f"%deepfabric export {line} --to trl --check qwen3")
        assert isinstance(found, Exported) and found.rows == count and found.is_sound, line
    assert cell("%deepfabric export other.jsonl --to trl --check qwen3 --report r.json --out kept") is None
    assert isinstance(shell.user_ns["kept"], Exported) and (place / "r.json").exists()
    for line, said in (
        ("nothing --to trl", "There is no dataset and no run nothing"),
        ("tea.jsonl --check qwen3", "--check is for a trainer's format: give one by --to"),
        ("a b c --to trl", "Say what to export and where to"),
    ):
        with pytest.raises(Exception, match=said):
            cell(f"%deepfabric export {line}")


def test_an_executed_notebook_holds_what_was_exported(place: Path) -> None:
    write(place / "tea.jsonl", answered(), worked())
    code = "import deepfabric_nb\ndeepfabric_nb.export('tea.jsonl', to='trl', check='llama3.1')"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(place)}}).execute()
    shown = notebook.cells[0].outputs[0].data
    assert "tea.trl.jsonl" in shown["text/html"] and "1 record: 2" in shown["text/html"]
    assert shown["text/plain"].startswith("tea.trl.jsonl has 2 rows in the format trl.\n2 records checked against")
