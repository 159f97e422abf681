"""What the page asks and the kernel answers: rows, cards, search, and decisions that are on disk at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepfabric_core.quality.judge.review_agreement import agreement_with_reviews
from deepfabric_core.samples.reviews import sample_id
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.review_log import read_reviews, reviews_path
from tests.nb.samples.page import HOSTILE, Page, copied, judged, said, written

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
TALK = ("messages", "role", "content", "tool_calls", "function", "id", "name", "arguments", "reasoning")
SAID = ("metadata", "topic_path", "judge", "judged", "score", "scores", "findings", "usage", "cost", "tool_context")
NAMES = st.sampled_from(TALK + SAID)
KINDS = st.sampled_from(["read", "decide", "search", "alike", "select"])
LIKE_RECORDS = st.recursive(
    JSON, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=20
)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return written(tmp_path / "tea.jsonl", *(said(f"Question {n}?", f"Answer {n}.") for n in range(5)))


def lines(dataset: Path) -> list[dict[str, Any]]:
    return list(whole_lines(dataset.with_name("tea.reviews.jsonl")))


# ---- rows and cards


def test_a_page_gets_all_rows_and_no_text_but_titles(dataset: Path) -> None:
    index = Page(dataset).index()
    assert index["title"] == "tea.jsonl" and index["can_review"] and index["rows"]["title"][1] == "Question 1?"
    assert {len(column) for column in index["rows"].values()} == {5}
    assert "Answer" not in json.dumps(index)


def test_a_search_finds_rows_by_any_text_of_any_case(dataset: Path) -> None:
    assert Page(dataset).ask("search", ask=7, text="ANSWER 3") == [{"type": "found", "ask": 7, "rows": [3]}]


def test_a_selection_is_known_by_its_id_and_comes_back_to_a_reloaded_page(dataset: Path) -> None:
    page = Page(dataset)
    assert page.ask("select", row=2) == []
    assert page.selected == sample_id(said("Question 2?", "Answer 2."))
    assert page.ask("open")[1:] == [{"type": "selected", "row": 2}]
    page.ask("select", row=-1)
    assert page.selected == ""


@settings(max_examples=50)
@given(st.dictionaries(NAMES | st.text(max_size=4), LIKE_RECORDS, max_size=6))
def test_any_record_can_be_listed_searched_and_read(record: dict[str, Any]) -> None:
    page = Page([record, said()])
    assert len(page.index()["rows"]["title"]) == 2
    page.card(0)
    assert 1 in page.ask("search", ask=1, text="why")[0]["rows"]
    assert list(page.channel.accepted())[-1] == said()


@given(LIKE_RECORDS | st.fixed_dictionaries({"type": KINDS, "row": JSON}))
def test_no_message_breaks_the_channel(message: Any) -> None:
    page = Page([said()])
    page.channel.receive(page, message)
    assert page.index()["review"]["total"] == 1


def test_hostile_texts_go_out_as_text_without_codes(tmp_path: Path) -> None:
    page = Page(written(tmp_path / "x.jsonl", said(HOSTILE, HOSTILE, topic_path=[HOSTILE], model=HOSTILE)))
    shown = json.dumps([page.index(), page.card(0)], ensure_ascii=False)
    assert "\x1b" not in shown and "\u202e" not in shown and "\\\\x1b[31m" in shown and "<img src=x" in shown


def test_a_long_text_comes_whole(tmp_path: Path) -> None:
    long = "word " * 200_000
    assert Page(written(tmp_path / "x.jsonl", said(answer=long))).card(0)["messages"][1]["text"] == long


def test_keys_are_hidden_wherever_they_are_shown_and_stay_in_the_data(tmp_path: Path) -> None:
    page = Page([said("My hunter22-secret?", "Use sk-abcdefgh12345678.")], secret="hunter22-secret")  # noqa: S106 - made up
    shown = json.dumps([page.index(), page.card(0)])
    assert "hunter22" not in shown and "sk-abcdefgh" not in shown and shown.count("[hidden]") == 3
    assert next(page.channel.accepted())["question"] == "My hunter22-secret?"


# ---- decisions


def test_a_decision_is_on_disk_before_it_is_answered(dataset: Path) -> None:
    page = Page(dataset)
    changed = page.decide(1, "reject", reason="It is wrong.", instruction="Be right.")
    assert (
        changed["at"] == [1] and changed["rows"]["verdict"] == ["rejected"] and changed["reasons"] == ["It is wrong."]
    )
    assert changed["review"]["rejected"] == changed["review"]["to_make_again"] == 1
    (line,) = lines(dataset)
    assert (line["action"], line["reason"], line["instruction"]) == ("reject", "It is wrong.", "Be right.")
    assert line["who"] and line["at"] > 1e9 and line["sample"] == sample_id(said("Question 1?", "Answer 1."))


def test_decisions_survive_the_view(dataset: Path) -> None:
    page = Page(dataset)
    for row, action in enumerate(("accept", "reject", "comment")):
        page.decide(row, action, comment="Hm.")
    again = Page(copied(dataset))
    assert again.index()["rows"]["verdict"] == ["accepted", "rejected", "", "", ""]
    assert again.decisions == page.decisions and sorted(again.decisions.values()) == ["accepted", "rejected"]
    assert [(one["action"], one["said"]) for one in again.card(2)["history"]] == [("comment", "Hm.")]


def test_an_edit_keeps_the_text_before_and_after_and_what_repeats_it(dataset: Path) -> None:
    page = Page(dataset)
    page.decide(0, "edit", texts=[{"at": ["messages", 1, "content"], "text": "Better."}])
    (line,) = lines(dataset)
    assert line["before"] == said("Question 0?", "Answer 0.") and line["after"] == said("Question 0?", "Better.")
    card = page.card(0)
    assert card["messages"][1]["text"] == "Better."
    assert [(one["at"], one["text"]) for one in card["before"]] == [(["messages", 1, "content"], "Answer 0.")]
    assert next(page.channel.accepted()) == said("Question 0?", "Better.")
    page.decide(0, "edit", texts=[{"at": ["messages", 0, "content"], "text": "What?"}])
    assert next(page.channel.accepted()) == said("What?", "Better.")


def test_an_edited_sample_is_listed_and_found_as_it_is_now(dataset: Path) -> None:
    page = Page(dataset)
    texts = [{"at": ["messages", 0, "content"], "text": "Which tea?"}]
    assert page.decide(0, "edit", texts=texts)["rows"]["title"] == ["Which tea?"]
    assert page.ask("search", ask=1, text="which TEA")[0]["rows"] == [0]
    assert page.ask("undo")[0]["rows"]["title"] == ["Question 0?"]
    assert page.ask("search", ask=1, text="which TEA")[0]["rows"] == []


def test_accepted_are_the_records_that_nobody_rejected(dataset: Path) -> None:
    page = Page(dataset)
    page.decide(3, "reject")
    assert [one["question"] for one in page.channel.accepted()] == [f"Question {n}?" for n in (0, 1, 2, 4)]


def test_many_are_rejected_and_taken_back_at_once(dataset: Path) -> None:
    page = Page(dataset)
    page.decide(0, "accept")
    (changed,) = page.ask("decide_all", rows=[1, 2, 3, 99], action="reject", reason="Alike.")
    assert changed["at"] == [1, 2, 3] and changed["review"]["can_undo"] == "Reject 3 samples"
    changed, selected = page.ask("undo")
    assert changed["rows"]["verdict"] == ["", "", ""] and selected == {"type": "selected", "row": 1}
    assert changed["review"]["can_undo"] == "Accept “Question 0?”"
    assert set(page.decisions.values()) == {"accepted"}
    page.ask("undo")
    assert page.refusal("undo") == "There is nothing to undo."
    assert len(lines(dataset)) == 8  # nothing is ever taken out


def test_equal_samples_have_one_verdict(tmp_path: Path) -> None:
    page = Page(written(tmp_path / "x.jsonl", said(cycle=0), said("Else?"), said(cycle=1)))
    assert page.decide(2, "reject")["at"] == [0, 2]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["accept", "reject", "edit", "undo"])), max_size=12))
def test_what_the_page_was_told_is_what_a_new_view_reads(tmp_path_factory: Any, steps: list[tuple[int, str]]) -> None:
    folder = tmp_path_factory.mktemp("reviews")
    dataset = written(folder / "tea.jsonl", *(said(f"Question {n}?") for n in range(5)))
    page, shown = Page(dataset), [""] * 5
    for row, action in steps:
        texts = [{"at": ["messages", 1, "content"], "text": f"By {action}"}]
        for reply in page.ask(action) if action == "undo" else page.ask("decide", row=row, action=action, texts=texts):
            for at, verdict in zip(reply.get("at", ()), reply.get("rows", {}).get("verdict", ()), strict=True):
                shown[at] = verdict
    assert Page(dataset).index()["rows"]["verdict"] == Page(copied(dataset)).index()["rows"]["verdict"] == shown


def test_people_and_the_judge_are_compared_where_both_have_judged(tmp_path: Path) -> None:
    records = [judged(n, passed=n < 2) for n in range(4)]
    page = Page(written(tmp_path / "x.jsonl", *records, said()))
    for row, action in enumerate(("accept", "reject", "accept", "reject", "accept")):
        progress = page.decide(row, action)["review"]
    assert (progress["agrees"], progress["compared"]) == (2, 4)
    assert (progress["accepted"], progress["rejected"], progress["total"]) == (3, 2, 5)


def test_an_edited_sample_is_compared_with_the_judge_neither_on_the_page_nor_in_the_report(tmp_path: Path) -> None:
    records = [judged(n, passed=n < 1) for n in range(3)]
    dataset = written(tmp_path / "x.jsonl", *records)
    page = Page(dataset)
    for row in range(3):
        page.decide(row, "accept")
    (reply, *_) = page.ask("decide", row=1, action="edit", texts=[{"at": ["messages", 1, "content"], "text": "Mine"}])
    assert (reply["review"]["agrees"], reply["review"]["compared"]) == (1, 2)
    found = agreement_with_reviews(records, read_reviews(reviews_path(dataset)))
    assert (found.share, found.count) == (0.5, 2)


# ---- what is refused


def test_samples_without_a_file_can_be_read_and_not_reviewed() -> None:
    page = Page([said()])
    assert page.index()["can_review"] is False
    assert page.refusal("decide", row=0, action="accept").startswith("These samples belong to no file, so there is no")


def test_what_is_no_sample_of_the_dataset_has_no_verdict(tmp_path: Path) -> None:
    dataset = written(tmp_path / "tea.jsonl", said(topic_id="a", cycle=0))
    item = {"topic_id": "a", "topic_path": ["Tea"], "cycle": 0}
    written(tmp_path / "tea.failures.jsonl", {**item, "cycle": 1, "kind": "timeout", "error": "Too slow."})
    found = {"gate": "checks", "check": "too_short", "reason": "it is short", "evidence": "So."}
    written(tmp_path / "tea.rejected.jsonl", {**item, **found, "sample": said("Short?")})
    page = Page(dataset)
    index = page.index()
    assert index["rows"]["status"] == ["done", "rejected", "failed"] and index["rows"]["attempts"] == [2, 1, 1]
    assert [index["reasons"][at] for at in index["rows"]["reason"][1:]] == ["too short", "timeout"]
    assert page.card(1)["checks"] == [{"check": "too short", "reason": "it is short", "evidence": "So."}]
    assert page.card(2)["error"] == "Too slow." and page.card(2)["path"] == ["Tea"]
    assert "isn't in it" in page.refusal("decide", row=1, action="accept")
    assert "failed" in page.refusal("decide", row=2, action="reject")
    assert "can't be done" in page.refusal("decide", row=9, action="reject")
    assert index["review"]["total"] == 1


def test_reviews_that_cant_be_written_are_shown_and_say_why(dataset: Path) -> None:
    Page(dataset).decide(0, "reject")
    reviews = dataset.with_name("tea.reviews.jsonl")
    reviews.write_text(reviews.read_text() + "no decision\n")
    page = Page(dataset)
    assert page.index()["can_review"] is False and page.index()["rows"]["verdict"][0] == "rejected"
    assert "line 2: it is damaged" in page.refusal("decide", row=1, action="reject")


def test_a_decision_that_another_process_made_is_there_when_the_view_is_opened_again(dataset: Path) -> None:
    page = Page(dataset)
    page.decide(0, "accept")
    other = lines(dataset)[0]
    with dataset.with_name("tea.reviews.jsonl").open("a") as file:
        file.write(json.dumps({**other, "id": "b", "action": "reject", "who": "Else"}) + "\n")
    assert page.index()["rows"]["verdict"][0] == "rejected"
    page.decide(1, "accept")
    assert len(read_reviews(dataset.with_name("tea.reviews.jsonl")).decisions) == 3


def test_views_of_a_dataset_tell_each_other_of_decisions(dataset: Path) -> None:
    page, other = Page(dataset), Page(dataset)
    page.decide(3, "reject", reason="No.")
    (told,) = other.sent
    assert (told["type"], told["at"], told["rows"]["verdict"]) == ("changed", [3], ["rejected"])
    assert told["reasons"] == ["No."] and told["review"]["can_undo"].startswith("Reject") and other.decisions
    other.decide(0, "edit", texts=[{"at": ["messages", 1, "content"], "text": "Better."}])
    assert page.sent[-1]["at"] == [0] and page.sent[-1]["rows"]["verdict"] == ["edited"]
    page.ask("undo")
    page.ask("undo")
    assert other.index()["rows"]["verdict"] == [""] * 5 and page.decisions == other.decisions == {}
    assert len(lines(dataset)) == 4


def test_what_another_process_decides_reaches_all_views_with_the_next_decision(dataset: Path) -> None:
    page, other = Page(dataset), Page(dataset)
    page.decide(0, "accept")
    with dataset.with_name("tea.reviews.jsonl").open("a") as file:
        file.write(json.dumps({**lines(dataset)[0], "id": "b", "action": "reject"}) + "\n")
    page.ask("decide", row=1, action="accept")
    for view in (page, other):
        assert [verdict for one in view.sent for verdict in one.get("rows", {}).get("verdict", ())][-2:] == [
            "rejected",
            "accepted",
        ]


# ---- alike


def test_samples_that_are_alike_can_be_rejected_together(tmp_path: Path) -> None:
    long = "Brakes squeal since a film of water lets the pad grip and slip in turns, many times a second"
    records = [said(f"Question {n}?", f"{long}, as {n} says.", topic_path=["Bikes", "Brakes"]) for n in range(3)]
    far = said("What is tea?", "Leaves of a bush in hot water, for some minutes.", topic_path=["Bikes", "Tea"])
    page = Page(written(tmp_path / "x.jsonl", *records, far))
    (reply,) = page.ask("alike", row=1)
    assert [(one["label"], one["rows"]) for one in reply["groups"]] == [
        ("3 near-duplicates", [0, 1, 2]),
        ("3 samples in “Brakes”", [0, 1, 2]),
    ]
    page.decide(0, "accept")
    assert page.ask("alike", row=1)[0]["groups"][0]["rows"] == [1, 2]
    assert page.ask("alike", row=3)[0]["groups"] == []


def groups(page: Page, row: int) -> Iterator[str]:
    return (one["label"] for one in page.ask("alike", row=row)[0]["groups"])


def test_samples_of_one_defect_are_alike(tmp_path: Path) -> None:
    page = Page(written(tmp_path / "x.jsonl", *(judged(n, passed=n > 1) for n in range(4))))
    assert list(groups(page, 0)) == ["2 samples that the judge is against"] and list(groups(page, 3)) == []


# ---- making again


def test_making_again_needs_a_run_and_rejected_samples(dataset: Path) -> None:
    without = Page(dataset)
    assert "belong to no run" in without.index()["review"]["why_not_again"]
    assert "belong to no run" in without.refusal("make_again")
    page = Page(dataset, make_again=lambda: pytest.fail("nothing is rejected"))
    review = page.index()["review"]
    assert review["can_make_again"] and not review["why_not_again"]
    assert page.refusal("make_again").startswith("No sample is rejected")
