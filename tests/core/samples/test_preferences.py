"""Pairs of a better and a worse answer: where they come from, and what makes none."""

from __future__ import annotations

from typing import Any

from deepfabric_core.samples.preferences import preferences
from deepfabric_core.samples.reviews import Decision, Reviews, sample_id


def record(answer: str, question: str = "Why?") -> dict[str, Any]:
    said = [("system", "You teach."), ("user", question), ("assistant", answer)]
    return {"messages": [{"role": role, "content": content} for role, content in said], "metadata": {}}


def line(sample: dict[str, Any], topic: str = "t", **more: Any) -> dict[str, Any]:
    return {"topic_id": topic, "cycle": 0, "sample": sample, **more}


def edited(sample: dict[str, Any], after: dict[str, Any]) -> Reviews:
    reviews = Reviews()
    reviews.add(Decision("1", sample_id(sample), "edit", "ann", 0.0, before=sample, after=after))
    return reviews


def pairs(found: Any) -> list[tuple[str, str, str]]:
    return [(one.chosen[-1]["content"], one.rejected[-1]["content"], one.source) for one in found.pairs]


def test_an_edited_sample_is_better_than_it_was() -> None:
    found = preferences([line(record("so-so"))], [], edited(record("so-so"), record("good")))
    assert pairs(found) == [("good", "so-so", "edit")]
    assert found.pairs[0].prompt == record("")["messages"][:2]
    assert found.pairs[0].as_object().keys() == {"prompt", "chosen", "rejected", "source"}


def test_what_was_rejected_is_worse_than_what_stands_for_the_same_work_item() -> None:
    refused = [
        line(record("bad"), gate="review", check="review"),
        line(record("worse"), gate="checks", check="refusal"),
        line(record("worst"), gate="judge", check="clarity"),
        line(record("the same again"), gate="duplicates", check="near_duplicate"),
        line(record("bad"), gate="review", check="same as rejected"),
        line(record("elsewhere"), "another topic", gate="judge", check="clarity"),
    ]
    found = preferences([line(record("good"))], refused, Reviews())
    assert pairs(found) == [("good", "bad", "review"), ("good", "worse", "checks"), ("good", "worst", "judge")]
    assert not found.left_out


def test_another_question_the_same_answer_and_no_conversation_make_no_pair_and_are_counted() -> None:
    refused = [
        line(record("bad", "How?"), gate="review", check="review"),
        line(record("good"), gate="judge", check="clarity"),
        line({"fact": "no conversation"}, gate="checks", check="length"),
    ]
    found = preferences([line(record("good"))], refused, Reviews())
    assert not found.pairs
    assert found.left_out == {"another question": 1, "the same answer": 1, "no conversation": 1}


def test_a_sample_that_people_reject_is_nobodys_better_one() -> None:
    reviews = Reviews()
    reviews.add(Decision("1", sample_id(record("bad")), "reject", "ann", 0.0))
    assert not preferences([line(record("bad"))], [line(record("x"), gate="judge", check="y")], reviews).pairs


def test_the_answer_of_an_agent_begins_after_the_last_question() -> None:
    def agent(answer: str) -> dict[str, Any]:
        call = {"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}
        result = {"role": "tool", "content": "42", "tool_call_id": "1"}
        messages = record(answer)["messages"]
        return {"messages": [*messages[:2], call, result, messages[2]], "metadata": {}}

    found = preferences([line(agent("so-so"))], [], edited(agent("so-so"), agent("good")))
    assert [one["role"] for one in found.pairs[0].chosen] == ["assistant", "tool", "assistant"]
