"""Where samples come from: runs at work and runs that are over, files of all kinds, DataFrames, records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import deepfabric_nb
from deepfabric_core.errors import ConfigError
from deepfabric_nb.runs.run import Run
from tests.core.run.test_results import dataset, job, mostly_failing, run
from tests.nb.conftest import TEA, tea
from tests.nb.runs.test_dataframes import SCHEMA
from tests.nb.samples.page import Page, said, written
from tests.nb.samples.test_card import call

SLOW = tea().replace("latency: 0", "latency: 0.1")
FAULTY = tea(malformed=0.6).replace("You teach.", "You teach., sample_retries: 0")


def titles(page: Page) -> list[str]:
    found: list[str] = page.index()["rows"]["title"]
    return found


def questions(work: Any) -> list[str]:
    return [one["question"] for one in dataset(work)]


def test_a_run_shows_its_samples_in_the_order_of_the_dataset_and_what_failed_below(tmp_path: Path) -> None:
    work = mostly_failing(tmp_path)
    run(work)
    page = Page(Run("data", work, None))
    index = page.index()
    done = len(dataset(work))
    assert index["rows"]["status"] == ["done"] * done + ["failed"] * (20 - done)
    assert [one[:90] for one in questions(work)] == [title[:90] for title in titles(page)][:done]
    card = page.card(done)
    assert card["error"] and card["request"] and card["reply"] and len(card["path"]) == 3
    assert page.channel.source.dataset == work.dataset.absolute() and index["review"]["total"] == done


def test_a_run_at_work_adds_its_samples_and_keeps_the_places_of_those_that_are_there(place: Path) -> None:
    begun = deepfabric_nb.start(SLOW, num_samples=6)
    page = Page(begun)
    assert page.channel.is_growing
    while page.channel.is_growing:
        begun.wait_briefly(0.05)
        page.channel.refresh()
    assert {one["type"] for one in page.sent} == {"rows", "changed"}
    assert page.sent[-1]["at"] == []
    came: list[str] = [title for one in page.sent if one["type"] == "rows" for title in one["rows"]["title"]]
    assert titles(page) == came and len(came) == 6
    grown = [one["topics"] for one in page.sent if "topics" in one][-1]
    assert page.index()["topics"] == grown and all(len(path) == 3 for path in grown)


def test_own_schemas_have_their_topics_as_long_as_the_run_is_known(tmp_path: Path) -> None:
    work = job(tmp_path, generation={"output_schema": SCHEMA}, output={"format": "custom"})
    run(work, until=4)
    page = Page(Run("data", work, None))
    assert all(len(path) == 3 for path in page.index()["topics"])
    assert [field["name"] for field in page.card(0)["fields"]] == ["level", "title"]


def test_a_dataset_brings_the_logs_beside_it(place: Path) -> None:
    deepfabric_nb.start(FAULTY, num_samples=9).wait()
    assert Page("tea.jsonl").index()["rows"]["status"].count("failed") >= 1


def test_a_journal_is_read_and_its_reviews_are_those_of_the_dataset(tmp_path: Path) -> None:
    line = {"topic_id": "a", "cycle": 1, "attempts": 2, "usage": {"cost": 0.5}, "at": 1.0, "sample": said()}
    page = Page(written(tmp_path / "tea.journal.jsonl", line))
    assert page.index()["rows"]["cost"] == [0.5]
    page.decide(0, "accept")
    assert json.loads((tmp_path / "tea.reviews.jsonl").read_text())["topic_id"] == "a"


def test_lines_that_cant_be_read_are_rows_that_say_so(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", said())
    deep = "[" * 100_000
    path.write_text(f'\ufeff{path.read_text()}{{"a": 1\n\n{deep}\n{{"torn": ', encoding="utf-8")
    page = Page(path)
    assert page.index()["rows"]["status"] == ["done", "failed", "failed"]
    assert (
        page.card(1)["error"].startswith("Line 2: mend or remove it, as it is no record")
        and page.card(1)["reply"] == '{"a": 1\n'
    )
    assert len(page.card(2)["reply"]) < 3000


def test_records_that_are_nested_deep_say_so() -> None:
    deep: Any = "bottom"
    for _ in range(400):
        deep = {"in": deep}
    page = Page([{"messages": deep}, said()])
    assert page.card(0)["error"] == "It is nested too deep to be shown." and page.card(1)["messages"]


def test_a_json_array_is_a_dataset_too(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps([said("One?"), said("Two?")], indent=1))
    assert titles(Page(tmp_path / "x.json")) == ["One?", "Two?"]


@pytest.mark.parametrize(("text", "problem"), [("nonsense\n", "none of its lines is a record"), (None, "no such file")])
def test_what_is_no_dataset_is_said_to_be_none(tmp_path: Path, text: str | None, problem: str) -> None:
    if text is not None:
        (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(ConfigError, match=problem):
        Page(tmp_path / "x.jsonl")


def test_a_file_of_reviews_says_which_dataset_to_open_and_one_of_that_name_is_a_dataset(tmp_path: Path) -> None:
    Page(written(tmp_path / "x.jsonl", said())).decide(0, "accept")
    with pytest.raises(
        ConfigError, match=r"x\.reviews\.jsonl has no samples but what people said of them: open x\.jsonl"
    ):
        Page(tmp_path / "x.reviews.jsonl")
    assert titles(Page(written(tmp_path / "films.reviews.jsonl", said()))) == ["Why?"]


def test_an_empty_dataset_is_no_error(tmp_path: Path) -> None:
    assert Page(written(tmp_path / "x.jsonl")).index()["review"]["total"] == 0


@pytest.mark.parametrize("what", [3, ["text"], None])
def test_what_holds_no_samples_is_refused_in_a_sentence(what: Any) -> None:
    with pytest.raises(ConfigError, match="records"):
        Page(what)


# Records as DeepFabric 4.13 writes them.
BASIC = {
    "messages": [{"role": "system", "content": "You teach."}, *said("Why?", "So.")["messages"]],
    "metadata": {"topic_id": "4857794051c8f940"},
    "question": "Why?",
    "final_answer": "So.",
}
STEPS = [
    {"thought": "I look.", "action": "read_file({})"},
    {"thought": "I know.", "action": "Ready to respond to user"},
]
AGENT = {
    "messages": [
        {"role": "user", "content": "Read it."},
        {"role": "assistant", "content": "", "tool_calls": [call("5RhmnvqHm")]},
        {"role": "tool", "content": "print('hello')", "tool_call_id": "5RhmnvqHm"},
        {"role": "assistant", "content": "It greets."},
    ],
    "metadata": {"conversation_type": "cot", "react_steps": 2, "topic_id": "90f0eaf3f13000f0"},
    "reasoning": {"style": "agent", "content": [{"step_number": n, **step} for n, step in enumerate(STEPS, 1)]},
    "tool_context": {"executions": []},
    "tools": [],
    "agent_context": {"mode": "single_turn"},
    "question": "Read it.",
    "final_answer": "It greets.",
}


def test_deepfabrics_own_datasets_are_read_and_reviewed(tmp_path: Path) -> None:
    page = Page(written(tmp_path / "theirs.jsonl", BASIC, AGENT))
    assert titles(page) == ["Why?", "Read it."]
    assert page.card(0)["system"] == "You teach." and page.card(0)["fields"] == page.card(1)["fields"] == []
    spoken = [
        (one["reasoning"], [call["result"] for call in one["calls"]], one["text"]) for one in page.card(1)["messages"]
    ]
    assert spoken == [([], [], "Read it."), (["I look."], ["print('hello')"], ""), (["I know."], [], "It greets.")]
    page.decide(1, "accept")
    assert Page(tmp_path / "theirs.jsonl").index()["rows"]["verdict"] == ["", "accepted"]


# ---- DataFrames


def test_a_part_of_our_frame_shows_the_records_of_its_dataset_and_can_be_reviewed(place: Path) -> None:
    frame = deepfabric_nb.start(TEA, num_samples=6).wait().df
    part = frame.iloc[[4, 1]]
    page = Page(part)
    assert page.index()["can_review"] and page.index()["rows"]["length"] == [
        Page("tea.jsonl").index()["rows"]["length"][at] for at in (4, 1)
    ]
    page.decide(0, "reject")
    assert Page("tea.jsonl").index()["rows"]["verdict"] == ["", "", "", "", "rejected", ""]


def test_a_frame_whose_texts_were_changed_shows_them_and_has_no_place_for_reviews(place: Path) -> None:
    frame = deepfabric_nb.start(TEA, num_samples=2).wait().df
    frame["messages"] = [[{"role": "user", "content": "Mine?"}], *frame["messages"][1:]]
    page = Page(frame)
    assert titles(page)[0] == "Mine?" and page.index()["can_review"] is False


def test_failures_and_samples_in_one_frame_keep_their_status(place: Path) -> None:
    run = deepfabric_nb.start(FAULTY, num_samples=9).wait()
    both = pd.concat([run.df, run.failures])
    both.attrs.update(run.df.attrs)
    page = Page(both)
    assert page.index()["rows"]["status"] == list(both["status"])
    assert page.card(len(both) - 1)["error"]


def test_any_frame_is_a_record_a_row() -> None:
    frame = pd.DataFrame({"title": ["Tea", None], "level": [1.5, float("nan")], "at": pd.Timestamp("2026-01-02")})
    page = Page(frame)
    assert [(one["name"], one["text"]) for one in page.card(0)["fields"]] == [
        ("title", "Tea"),
        ("level", "1.5"),
        ("at", "2026-01-02 00:00:00"),
    ]
    assert [one["name"] for one in page.card(1)["fields"]] == ["at"]
