"""What follows from decisions on samples, whatever they are and in whatever order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deepfabric_core.quality.judge.review_agreement import agreement_with_reviews
from deepfabric_core.samples.reviews import Decision, Reviews, sample_id, standing
from deepfabric_core.store.review_log import ReviewLog, read_reviews

SAMPLES = ("a", "b", "c")
ACTIONS = ("accept", "reject", "edit", "comment")

decisions = st.lists(
    st.tuples(st.sampled_from(SAMPLES), st.sampled_from(ACTIONS), st.text(max_size=8)), max_size=12
).map(lambda drawn: [_decision(number, *one) for number, one in enumerate(drawn)])


def _decision(number: int, sample: str, action: Any, said: str) -> Decision:
    after = {"text": said} if action == "edit" else None
    return Decision(str(number), sample, action, "ann", float(number), reason=said, comment=said, after=after)


def undo(decision: Decision) -> Decision:
    return Decision(f"undo {decision.id}", decision.sample, "undo", "ann", 0.0, undoes=decision.id)


def folded(taken: Sequence[Decision]) -> Reviews:
    reviews = Reviews()
    for one in taken:
        reviews.add(one)
    return reviews


def held(reviews: Reviews) -> list[Any]:
    return [reviews.of(sample) for sample in SAMPLES]


@given(decisions)
def test_an_undo_takes_back_exactly_the_last_decision(taken: list[Decision]) -> None:
    reviews = folded(taken)
    for expected in reversed(range(len(taken))):
        last = reviews.last
        assert last == taken[expected]
        reviews.add(undo(last))
        assert held(reviews) == held(folded(taken[:expected]))
    assert reviews.last is None and not list(reviews.samples()) and not reviews.rejected()


@given(decisions)
def test_decisions_on_other_samples_change_nothing(taken: list[Decision]) -> None:
    whole = folded(taken)
    for sample in SAMPLES:
        assert whole.of(sample) == folded([one for one in taken if one.sample == sample]).of(sample)


@given(decisions)
def test_the_last_verdict_stands_and_comments_add_up(taken: list[Decision]) -> None:
    reviews = folded(taken)
    for sample in SAMPLES:
        own = [one for one in taken if one.sample == sample]
        last = next((one.action for one in reversed(own) if one.action != "comment"), None)
        review = reviews.of(sample)
        assert review.is_rejected == (last == "reject") == (sample in reviews.rejected())
        assert review.verdict == {None: None, "reject": "rejected"}.get(last, "accepted")
        assert review.comments == tuple(one.comment for one in own if one.comment)


@settings(max_examples=25)
@given(decisions, st.data())
def test_a_file_that_was_torn_anywhere_holds_all_whole_lines(
    tmp_path_factory: Any, taken: list[Decision], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("reviews") / "tea.reviews.jsonl"
    log = ReviewLog(path)
    for one in taken:
        log.add(one)
    content = path.read_bytes() if taken else b""
    torn = content[: data.draw(st.integers(0, len(content)))]
    path.write_bytes(torn)
    whole = torn.count(b"\n") + (torn != content and content.startswith(torn + b"\n"))
    assert held(read_reviews(path)) == held(folded(taken[:whole]))
    again = ReviewLog(path)
    extra = _decision(99, "a", "reject", "late")
    again.add(extra)
    assert held(read_reviews(path)) == held(folded([*taken[:whole], extra])) == held(again.reviews)


KEYED = st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 4)), max_size=12)


@given(KEYED, st.sets(st.integers(0, 4)))
def test_of_each_work_item_the_last_sample_stands_that_nobody_rejected(
    drawn: list[tuple[str, int]], rejected: set[int]
) -> None:
    samples = [(place, key, {"text": text}) for place, (key, text) in enumerate(drawn)]
    found = standing(samples, lambda record: record["text"] in rejected)
    for key in {key for key, _ in drawn}:
        fine = [place for place, (one, text) in enumerate(drawn) if one == key and text not in rejected]
        last = max(place for place, (one, _) in enumerate(drawn) if one == key)
        assert found.accepted.get(key) == (fine[-1] if fine else None)
        assert found.rejected.get(key) == (None if fine else last)


def test_the_accepted_are_those_that_nobody_rejected_as_they_were_edited() -> None:
    records: list[dict[str, Any]] = [{"text": name} for name in "abc"]
    edit = Decision("1", sample_id(records[1]), "edit", "ann", 0.0, after={"text": "better"})
    reviews = folded([Decision("0", sample_id(records[0]), "reject", "ann", 0.0), edit])
    reviewed = [(record, reviews.of(sample_id(record))) for record in records]
    taken = [review.applied_to(record) for record, review in reviewed if not review.is_rejected]
    assert taken == [{"text": "better"}, {"text": "c"}]


def test_the_judge_is_compared_with_people_on_what_both_judged_and_nobody_edited(tmp_path: Path) -> None:
    def judged(name: str, *, passed: bool, judged: bool = True) -> dict[str, Any]:
        return {"messages": [], "text": name, "metadata": {"judge": {"judged": judged, "passed": passed}}}

    records = [judged(name, passed=name in "abd") for name in "abcdef"]
    records[5] = judged("f", passed=True, judged=False)
    said = dict(zip("abcdf", ("accept", "reject", "reject", "edit", "accept"), strict=True))
    reviews = folded(
        [
            replace(_decision(number, sample_id(record), said[record["text"]], "x"), sample=sample_id(record))
            for number, record in enumerate(records)
            if record["text"] in said
        ]
    )
    found = agreement_with_reviews(records, reviews)
    assert (found.count, round(found.share * found.count)) == (3, 2)
    assert agreement_with_reviews(records[4:], reviews).kappa is None
