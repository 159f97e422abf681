"""All sums of a report: whatever a record holds they are made, and two parts come to the same as the whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.quality.finding import Finding
from deepfabric_core.quality.report.document import Findings, compact, document
from deepfabric_core.quality.report.sums import Measures, ReportSums
from deepfabric_core.samples.reading import metadata_of


def findings(candidate: Candidate) -> list[Finding]:
    return [Finding("checks", "shouting", "it shouts", "speak", "!!!")] if "!!!" in candidate.answer else []


MEASURES = Measures(tokens=lambda text: len(text.split()), language=lambda _: "en", findings=findings)


def record(question: str = "Why?", answer: str = "So it is.", **metadata: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": messages, "metadata": metadata, "question": question, "final_answer": answer}


def sums(records: list[dict[str, Any]], first: int = 1) -> ReportSums:
    found = ReportSums()
    for line, one in enumerate(records, first):
        candidate = candidate_of(one)
        found.add(candidate, metadata_of(one), line, MEASURES)
    return found


def report(records: list[dict[str, Any]], **findings: Any) -> dict[str, Any]:
    file = {"name": "tea.jsonl", "path": "tea.jsonl", "bytes": 1, "damaged": 0, "damage": []}
    return document(sums(records), Findings(file=file, tokens={"counted_by": "words", "exact": True}, **findings))


def judged(score: Any, **scores: Any) -> dict[str, Any]:
    return {"score": score, "scores": scores, "reasons": dict.fromkeys(scores, "Well."), "model": "gpt-4o"}


def test_a_dataset_of_two_samples_is_summed_up() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    made: dict[str, Any] = {
        "model": "m",
        "attempts": 2,
        "usage": usage,
        "cost": 0.25,
        "cost_known": True,
        "simulated": True,
    }
    found = report([record(topic_path=["Tea", "Green"], judge=judged(4.0, clarity=5, depth=3), **made), record()])
    assert found["samples"] == 2
    assert found["making"]["models"] == [{"name": "m", "samples": 1}]
    assert (found["making"]["prompt_tokens"], found["making"]["calls"], found["making"]["simulated"]) == (10, 2, 1)
    assert found["cost"] == {"accepted": 0.25, "rejected": None, "total": 0.25, "per_accepted_sample": 0.25}
    assert found["lengths"]["answer"]["median"] == 3
    assert found["lengths"]["reasoning"] is None
    assert [one["name"] for one in found["judge"]["criteria"]] == ["depth", "clarity"]
    assert found["topics"]["covered"] == 1
    assert found["languages"][0] | {"examples": []} == {
        "name": "en",
        "code": "en",
        "title": "English",
        "count": 2,
        "examples": [],
    }


def test_failed_checks_are_counted_with_the_first_examples() -> None:
    found = report([record(answer=f"Yes!!! {number}") for number in range(9)] + [record()])["checks"]
    assert (found["failing"], found["by_check"][0]["count"]) == (9, 9)
    assert [example["line"] for example in found["by_check"][0]["examples"]] == [1, 2, 3, 4, 5]


def test_the_lowest_scores_are_shown_with_their_reasons() -> None:
    found = report([record(judge=judged(number % 7, clarity=number % 7)) for number in range(70)])["judge"]
    assert [one["score"] for one in found["lowest"]] == [0.0] * 10
    assert found["lowest"][0]["reasons"] == {"clarity": "Well."}
    assert found["mean"] == 3.0 and found["judged"] == 70


def test_what_rejected_samples_cost_is_part_of_each_accepted_ones_cost() -> None:
    found = report([record(cost=1.0), record(cost=1.0)], rejected={"samples": 2, "cost": 1.0, "by_reason": []})
    assert found["cost"]["total"] == 3.0 and found["cost"]["per_accepted_sample"] == 1.5


def test_a_cost_that_is_unknown_stays_unknown() -> None:
    assert report([record(cost=0.0, cost_known=False)])["cost"]["total"] is None


def test_records_of_a_schema_of_their_own_are_measured_as_a_whole() -> None:
    found = report([{"title": "A title", "steps": [{"text": "First this"}]}])
    assert found["lengths"]["sample"]["median"] == 4
    assert found["lengths"]["question"] is None
    assert found["making"]["kinds"] == [{"name": "own schema", "samples": 1}]


@pytest.mark.parametrize(
    "metadata",
    [
        {"cost": float("nan"), "attempts": True, "usage": []},
        {"cost": 10**400, "attempts": -3, "usage": {"prompt_tokens": "7"}},
        {"judge": {"score": "4"}, "model": ["m"], "topic_path": [1]},
        {"judge": {"score": 4, "scores": [1], "reasons": 3, "model": {}}, "topic_id": {}},
        {"judge": {"score": 4, "scores": {"x" * 500: 1e300}, "reasons": {"a": 1}}, "conversation_type": 5},
        {"topic_path": ["\ud800", "\u202e", "x" * 9000]},
    ],
)
def test_metadata_of_any_kind_is_taken_or_left(metadata: dict[str, Any]) -> None:
    found = report([record(**metadata)])
    assert found["samples"] == 1
    json.dumps(found, allow_nan=False)


def test_texts_of_any_kind_are_summed_up() -> None:
    answers = ["", "x" * 300_000, "مرحبا بالعالم", "猫は水を飲む。", "👩‍🚀" * 50, "\ud800 half", "a\x00b\x1b[2J"]
    found = report([record(answer=answer) for answer in answers])
    assert found["samples"] == len(answers)
    assert len(json.dumps(found)) < 100_000


some_records = st.lists(
    st.builds(
        record,
        answer=st.sampled_from(["Yes!!!", "No.", "One two three", "猫"]),
        model=st.sampled_from(["a", "b", None]),
        cost=st.sampled_from([0.5, 0.25, None, "x"]),
        judge=st.sampled_from([None, judged(4, clarity=4), judged(2.5, clarity=1, depth=4)]),
        topic_path=st.sampled_from([["Tea", "Green"], ["Tea", "Black"], []]),
    ),
    max_size=12,
)


@settings(max_examples=40)
@given(some_records, some_records)
def test_two_parts_come_to_the_same_as_the_whole(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    merged, whole = sums(one), sums(one + other)
    merged.merge(sums(other, len(one) + 1))
    assert merged.as_object() == whole.as_object()
    assert merged.topics.as_object(None) == whole.topics.as_object(None)


def test_ten_thousand_samples_make_a_report_of_bounded_size() -> None:
    many = [
        record(f"Why {number}?", f"So!!! {number}", topic_path=["Tea", f"t{number % 500}"]) for number in range(10_000)
    ]
    found = report(many)
    assert found["samples"] == 10_000
    assert len(json.dumps(found)) < 200_000


def test_a_compact_report_has_fewer_examples_and_the_same_figures() -> None:
    whole = report([record(answer="Yes!!!")] * 9)
    less = compact(whole, examples=1)
    assert len(less["checks"]["by_check"][0]["examples"]) == 1
    assert len(whole["checks"]["by_check"][0]["examples"]) == 5
    assert less["checks"]["by_check"][0]["count"] == 9


def test_notes_say_what_stands_out() -> None:
    def said(found: Mapping[str, Any]) -> str:
        return " ".join(note["text"] for note in found["notes"])

    assert said(report([])) == "The dataset has no samples."
    assert "made up by a simulated model" in said(report([record(simulated=True)]))
    assert "written by hand" in said(report([record(demonstration=True), record()]))
    assert "failed a check" in said(report([record(answer="So!!!")]))
    assert "1 of 2 topics have no sample" in said(
        report([record(topic_path=["Tea", "Green"])], leaves=[("Tea", "Green"), ("Tea", "Black")])
    )
    assert said(report([record(f"Why {n}?", f"{n} so {n + 1} it {n + 2} is") for n in range(30)])) == ""
