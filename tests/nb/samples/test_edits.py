"""Edits by hand: texts at places of a record, and what repeats them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.errors import ConfigError
from deepfabric_nb.samples.edits import edited
from tests.core.run.test_results import dataset, job, run
from tests.nb.conftest import Cell
from tests.nb.samples.page import Page, said
from tests.nb.samples.test_card import AGENT
from tests.nb.samples.test_samples_view import OWN, Shown


def test_arguments_are_changed_everywhere_in_the_record(tmp_path: Path) -> None:
    work = job(tmp_path, generation=AGENT)
    run(work)
    record = next(
        one for one in dataset(work) if "a.txt" in json.dumps(one["tool_context"]["executions"][1]["arguments"])
    )
    page = Page([record])
    place = page.card(0)["messages"][2]["calls"][0]["at"]
    after = edited(record, [(place, '{\n  "file_path": "b.txt"\n}')])
    arguments = '{"file_path": "b.txt"}'
    assert after["messages"][4]["tool_calls"][0]["function"]["arguments"] == arguments
    assert after["tool_context"]["executions"][1]["arguments"] == arguments
    assert after["reasoning"]["content"][1]["action"] == f"read_file({arguments})"
    assert edited(record, [(place, json.dumps({"file_path": "a.txt"}, indent=2))]) == record


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1', "The arguments of a tool call can't be saved: expecting ',' delimiter at line 1, column 8; mend"),
        ("[1]", "have to be a JSON object"),
        ("[" * 5000, "can't be saved: it is nested too deeply"),
        ('{"a": NaN}', "can't be saved: NaN is no JSON value"),
    ],
)
def test_arguments_that_arent_json_are_refused_in_a_sentence(text: str, problem: str) -> None:
    call = {"id": "a", "function": {"name": "f", "arguments": "{}"}}
    record = {"messages": [{"role": "assistant", "content": "", "tool_calls": [call]}]}
    with pytest.raises(ConfigError) as refused:
        edited(record, [(["messages", 0, "tool_calls", 0, "function", "arguments"], text)])
    assert problem in str(refused.value) and "\n" not in str(refused.value)


def test_fields_keep_being_text_or_json() -> None:
    record = {"title": "Tea", "level": 3, "steps": ["Boil"]}
    after = edited(record, [(["title"], "4"), (["level"], "4"), (["steps"], '["Boil", "Pour"]')])
    assert after == {"title": "4", "level": 4, "steps": ["Boil", "Pour"]}
    for text in ("four", '"four"', "null"):
        with pytest.raises(ConfigError, match=r"level: a number is wanted, such as 1\.5, without"):
            edited(record, [(["level"], text)])
    with pytest.raises(ConfigError, match="steps: a list is wanted"):
        edited(record, [(["steps"], "3")])
    with pytest.raises(ConfigError, match="The field steps can't be saved: expecting value at line 1, column 2"):
        edited(record, [(["steps"], "[")])


SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["minutes"],
    "properties": {
        "minutes": {"type": "integer", "maximum": 60},
        "note": {"type": ["string", "null"], "maxLength": 9},
        "level": {"enum": ["easy", "hard"]},
    },
}
RECIPE = {"minutes": 15, "note": None, "level": "easy"}


@pytest.mark.parametrize(
    ("field", "text", "problem"),
    [
        ("minutes", '"soon"', "minutes: a whole number is wanted, such as 15, without quotes."),
        ("minutes", "soon", "minutes: a whole number is wanted"),
        ("minutes", "1.5", "minutes: a whole number is wanted"),
        ("minutes", "1e400", "minutes: a whole number is wanted"),
        ("minutes", "61", "minutes doesn't fit the run's output_schema: 61 is greater than the maximum of 60."),
        ("level", "simple", "level doesn't fit the run's output_schema: 'simple' is not one of ['easy', 'hard']."),
        ("note", "far too long", "note doesn't fit"),
    ],
)
def test_an_edit_stays_within_the_output_schema(field: str, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        edited(RECIPE, [([field], text)], SCHEMA)
    assert str(refused.value).startswith(problem)


def test_what_a_schema_allows_is_saved_and_what_never_fitted_isnt_held_up() -> None:
    for text, note in {"Stir.": "Stir.", "5": "5", "null": None, '"5"': "5"}.items():
        assert edited(RECIPE, [(["note"], text)], SCHEMA)["note"] == note
    assert edited({"minutes": 99, "note": "x"}, [(["note"], "y")], SCHEMA) == {"minutes": 99, "note": "y"}


def test_the_schema_is_that_of_the_run_also_for_its_dataset(cell: Cell) -> None:
    own = OWN.replace("text: {type: string}", "text: {type: string, minLength: 2}")
    cell("%%deepfabric", own)
    for view in (cell("%deepfabric samples"), cell("%deepfabric samples own.jsonl")):
        shown = Shown(view)
        (reply,) = shown.ask("decide", row=0, action="edit", texts=[{"at": ["text"], "text": ""}])
        assert reply["type"] == "refused" and "text doesn't fit the run's output_schema" in reply["message"]


@pytest.mark.parametrize("place", [["nowhere"], ["messages", 9, "content"], ["messages", "x"], ["question", 0]])
def test_a_place_that_isnt_there_is_refused(place: list[str | int]) -> None:
    with pytest.raises(ConfigError, match=r"has no such text any more|can't be saved"):
        edited(said(), [(place, "x")])


@given(st.text(), st.text(), st.text())
def test_an_edit_changes_its_text_and_its_repetitions_alone(question: str, answer: str, text: str) -> None:
    record = said(question, answer, model="m")
    before = copy.deepcopy(record)
    after = edited(record, [(["messages", 1, "content"], text)])
    assert record == before
    if question == answer != "":
        return  # which of the two is repeated can't be told
    assert after["messages"][1]["content"] == text and after["messages"][0] == before["messages"][0]
    assert after["final_answer"] == (text if answer else "") and after["metadata"] == before["metadata"]
