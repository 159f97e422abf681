"""`Samples` for users: what it is made of, its traits, and samples that are made again."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import ipykernel.ipkernel  # noqa: F401 - from here on, widgets have the comms of a real kernel
import pytest

import deepfabric_nb
from deepfabric_core.errors import ConfigError
from deepfabric_core.samples.reviews import sample_id
from deepfabric_nb import Samples
from tests.nb.conftest import TEA, Cell
from tests.nb.samples.page import Page, said, written
from tests.nb.samples.test_sources import SLOW
from tests.nb.wire import Wire


class Shown:
    """A view on a wire."""

    def __init__(self, view: Samples) -> None:
        self.view = view
        view.comm = self.wire = Wire()
        self.wire.sent.clear()

    def ask(self, kind: str, **message: Any) -> list[dict[str, Any]]:
        before = len(self.wire.messages)
        self.wire.receive({"type": kind, **message})
        return self.wire.messages[before:]


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    records = [said(question, topic_path=["Drinks", "Tea"]) for question in ("One?", "Two?")]
    return Shown(Samples(written(tmp_path / "tea.jsonl", *records)))


def test_selection_and_decisions_are_traits_that_other_cells_can_watch(shown: Shown) -> None:
    seen: list[Any] = []
    shown.view.observe(lambda change: seen.append((change.name, change.new)), ["selected", "decisions"])
    shown.ask("select", row=1)
    shown.ask("decide", row=1, action="reject")
    own = shown.view.selected
    assert seen == [("selected", own), ("decisions", {own: "rejected"})]
    states = [sent["state"] for sent in shown.wire.sent if sent.get("state")]
    assert {"selected": own} in states and {"decisions": {own: "rejected"}} in states


def test_a_sample_that_python_selects_is_shown_on_the_page_and_one_that_the_page_selects_isnt_sent_back(
    shown: Shown,
) -> None:
    shown.view.selected = sample_id(said("Two?"))
    assert shown.wire.messages == [{"type": "selected", "row": 1}]
    assert shown.ask("select", row=0) == []
    shown.view.selected = "nowhere"
    assert len(shown.wire.messages) == 1


def test_what_was_decided_is_there_in_python(shown: Shown) -> None:
    shown.ask("decide", row=0, action="edit", texts=[{"at": ["messages", 1, "content"], "text": "Better."}])
    shown.ask("decide", row=1, action="reject", reason="No.")
    assert shown.view.accepted == [said("One?", "Better.", topic_path=["Drinks", "Tea"])]
    decided = shown.view.reviews
    assert list(decided["action"]) == ["edit", "reject"] and list(decided["topic"]) == ["Tea", "Tea"]
    assert list(decided["reason"].fillna("")) == ["", "No."] and decided["holds"].all()
    assert repr(shown.view) == "<Samples: 2 samples of tea.jsonl; reviewed: 1 accepted, 1 rejected>"


def test_the_state_on_the_wire_holds_no_samples(shown: Shown) -> None:
    state = shown.view.get_state()
    assert set(state) >= {"selected", "decisions", "frame"}
    assert "One?" not in str({name: value for name, value in state.items() if not name.startswith("_")})


def test_a_cell_shows_the_latest_run_a_named_one_a_file_or_a_variable(cell: Cell) -> None:
    cell("%%deepfabric --name first", TEA.replace("auto", "3"))
    cell("%%deepfabric --name second --out held", TEA.replace("auto", "2").replace("tea.jsonl", "b.jsonl"))
    for line, said_ in {
        "": "2 samples of second",
        "first": "3 samples of first",
        "tea.jsonl": "3 samples of tea.jsonl",
        "held": "2 samples of b.jsonl",
    }.items():
        assert repr(cell(f"%deepfabric samples {line}")) == f"<Samples: {said_}>"
    assert cell("%deepfabric samples first --out view\nview.accepted[0]['question']")


def test_what_isnt_there_is_refused_in_a_sentence(cell: Cell) -> None:
    with pytest.raises(ConfigError, match="no run nowhere"):
        cell("%deepfabric samples nowhere")


def test_a_run_that_works_while_a_cell_waits_adds_its_samples(place: Path) -> None:
    begun = deepfabric_nb.start(SLOW, num_samples=4)
    shown = Shown(Samples(begun))
    begun.wait()
    assert sum(len(one["rows"]["title"]) for one in shown.wire.messages if one["type"] == "rows") == 4
    assert not begun.screens and len(shown.view.accepted) == 4


def test_a_run_that_works_between_cells_adds_its_samples(place: Path) -> None:
    async def between_cells() -> Shown:
        begun = deepfabric_nb.start(SLOW, num_samples=3)
        shown = Shown(Samples(begun))
        while shown.view.is_growing:  # noqa: ASYNC110 - as a notebook does
            await asyncio.sleep(0.05)
        return shown

    assert len(asyncio.run(between_cells()).view.accepted) == 3


OWN = """{topics: {prompt: Tea, depth: 1, degree: 4}, output: {save_as: own.jsonl, num_samples: 4, format: custom},
generation: {system_prompt: You teach., output_schema: {type: object, required: [title, text], properties:
  {title: {type: string}, text: {type: string}}}}, llm: {provider: simulated}}"""


def test_records_of_an_own_schema_are_made_again_in_the_view_of_their_file(cell: Cell, place: Path) -> None:
    cell("%%deepfabric", OWN)
    shown = Shown(Samples("own.jsonl"))
    before = shown.view.accepted
    shown.ask("decide", row=1, action="reject")
    after = made_again(shown)
    assert len(after) == 4 and after[1] != before[1] and [after[0], *after[2:]] == [before[0], *before[2:]]


def made_again(shown: Shown) -> list[Any]:
    """Make the rejected samples again, and return what is accepted then."""
    assert shown.ask("make_again")[-1]["type"] == "changed"
    until = time.monotonic() + 20
    while shown.view.is_growing and time.monotonic() < until:
        shown.view.draw()
        time.sleep(0.05)
    return shown.view.accepted


def test_a_rejected_sample_is_made_again_in_its_place(cell: Cell, place: Path) -> None:
    cell("%%deepfabric", TEA.replace("auto", "6"))
    shown = Shown(cell("%deepfabric samples"))
    before = [one["question"] for one in shown.view.accepted]
    shown.ask("decide", row=2, action="reject", instruction="Be shorter.")
    after = [one["question"] for one in made_again(shown)]
    assert len(after) == 6 and after[2] != before[2]
    assert [*after[:2], *after[3:]] == [*before[:2], *before[3:]]
    assert [one["question"] for one in Page("tea.jsonl").channel.accepted()] == after
    told = [one for one in shown.wire.messages if one["type"] == "made_again"]
    assert [(one["rows"], one["total"], one["is_over"]) for one in told] == [
        ([], 1, False),
        ([2], 1, False),
        ([2], 1, True),
    ]
    assert [one for one in shown.ask("open") if one["type"] == "made_again"] == told[-1:]
