"""The state of a run follows from its events."""

from __future__ import annotations

from functools import reduce as fold

import pytest

from deepfabric_core.errors import FailureKind as Kind
from deepfabric_core.events import (
    CallAnswered,
    CallFailed,
    Event,
    ExpansionFailed,
    FileWritten,
    LimiterChanged,
    Notice,
    ReplyRejected,
    RunFinished,
    RunStarted,
    SampleFailed,
    SampleFinished,
    StageFinished,
    StageStarted,
    Stopping,
    TopicExpanded,
    TopicsReady,
)
from deepfabric_core.run.state import RunState, reduce
from deepfabric_core.text.run_summary import summary


def after(*events: Event, start: RunState | None = None) -> RunState:
    return fold(reduce, events, start or RunState())


def made(number: int = 0) -> SampleFinished:
    return SampleFinished(f"id{number}", ("root", f"topic {number}"), 1, 1, f"question {number}", f"answer {number}")


def missed(kind: Kind = Kind.TIMEOUT) -> SampleFailed:
    return SampleFailed("id", ("root", "leaf"), 1, kind, "no answer")


def test_an_event_leaves_the_earlier_state_as_it_was() -> None:
    before = after(CallFailed(Kind.TIMEOUT, "slow", 1.0))
    after(CallFailed(Kind.TIMEOUT, "slow", 1.0), start=before)
    assert before.retries == {Kind.TIMEOUT: 1}


def test_a_stage_is_current_from_its_start_to_its_finish() -> None:
    started = after(RunStarted("a", "b", 1.0), StageStarted("samples", 10, 4, 2.0))
    assert (started.stage, started.samples_progress.total, started.samples_progress.window) == ("samples", 10, 4)
    finished = after(StageFinished("samples", 9.0), start=started)
    assert finished.stage is None
    assert finished.samples_progress.elapsed(now=100.0) == 7.0


def test_topics_and_leaves_count_the_root_while_they_grow() -> None:
    state = after(TopicExpanded(("r",), ("a", "b")), TopicExpanded(("r", "a"), ("c", "d")))
    assert (state.topics, state.leaves, state.topics_progress.done) == (5, 3, 4)
    assert state.latest_path == ("r", "a")


def test_missing_topics_are_the_missing_children_and_all_below_a_failed_one() -> None:
    failed = ExpansionFailed(("r", "a"), Kind.INVALID_JSON, "bad", 5)
    state = after(TopicExpanded(("r",), ("a",), missing=2), failed)
    assert (state.topics_missing, state.failed_expansions) == (7, 1)
    assert state.last_failure == failed


def test_the_finished_topics_have_the_last_word_on_their_numbers() -> None:
    state = after(TopicExpanded(("r",), ("a", "b")), TopicsReady("graph", 30, 20, "topics.jsonl"))
    assert (state.topics, state.leaves, state.topics_mode, state.topics_source) == (30, 20, "graph", "topics.jsonl")


def test_calls_are_counted_once_and_retries_apart_from_those_given_up() -> None:
    state = after(
        CallFailed(Kind.RATE_LIMITED, "", 2.0),
        CallFailed(Kind.RATE_LIMITED, "", 0.0),
        CallFailed(Kind.TIMEOUT, "", None),
        CallAnswered("m", 10, 5, None, 1.0),
        ReplyRejected(("r",), Kind.INVALID_JSON),
    )
    assert (state.calls, state.answered) == (4, 1)
    assert state.retries == {Kind.RATE_LIMITED: 2}
    assert state.gave_up == {Kind.TIMEOUT: 1}
    assert state.rejected == {Kind.INVALID_JSON: 1}


def test_the_cost_is_unknown_until_a_call_has_a_known_one() -> None:
    unknown = after(CallAnswered("m", 10, 5, None, 1.0))
    assert unknown.cost is None
    known = after(CallAnswered("m", 1, 2, 0.25, 1.0), CallAnswered("m", 1, 2, 0.0, 1.0), start=unknown)
    assert (known.cost, known.unpriced, known.prompt_tokens, known.completion_tokens) == (0.25, 1, 12, 9)


def test_a_cost_of_nothing_is_a_known_cost() -> None:
    assert after(CallAnswered("m", 1, 1, 0.0, 1.0)).cost == 0.0


@pytest.mark.parametrize(("good", "bad", "rate"), [(0, 0, None), (1, 0, 1.0), (0, 1, 0.0), (3, 1, 0.75)])
def test_the_success_rate_is_the_share_of_settled_samples(good: int, bad: int, rate: float | None) -> None:
    state = after(*[made()] * good, *[missed()] * bad)
    assert state.success_rate == rate


def test_failures_of_samples_and_topics_are_summed_by_category() -> None:
    state = after(missed(), missed(), ExpansionFailed(("r",), Kind.TIMEOUT, "", 3), missed(Kind.TRUNCATED))
    assert state.failures == {Kind.TIMEOUT: 3, Kind.TRUNCATED: 1}
    assert state.sample_failures == {Kind.TIMEOUT: 2, Kind.TRUNCATED: 1}


def test_the_first_few_failures_of_each_category_are_kept_as_examples() -> None:
    lost = ExpansionFailed(("r", "a"), Kind.TIMEOUT, "slow", 3)
    state = after(lost, *(SampleFailed(f"id{n}", ("r",), 1, Kind.TIMEOUT, str(n)) for n in range(10_000)), missed())
    assert [example.message for example in state.failure_examples[Kind.TIMEOUT]] == ["slow", "0", "1"]
    assert after(missed(Kind.TRUNCATED), start=state).failure_examples[Kind.TRUNCATED] == (missed(Kind.TRUNCATED),)


def test_only_the_latest_samples_and_notices_are_kept() -> None:
    state = after(*map(made, range(10_000)), *(Notice(str(n)) for n in range(30)))
    assert state.samples_done == 10_000
    assert [sample.topic_id for sample in state.recent] == [f"id{n}" for n in range(9992, 10_000)]
    assert state.latest_sample == ("question 9999", "answer 9999")
    assert state.notices == tuple(str(n) for n in range(10, 30))


def test_pace_and_time_left_are_unknown_before_the_first_sample() -> None:
    progress = after(StageStarted("samples", 10, 4, 0.0)).samples_progress
    assert (progress.rate(5.0), progress.seconds_left(5.0)) == (None, None)


def test_failed_samples_count_towards_the_time_left_but_not_the_rate() -> None:
    progress = after(StageStarted("samples", 10, 4, 0.0), *[made()] * 4, missed()).samples_progress
    assert (progress.rate(2.0), progress.seconds_left(2.0)) == (2.0, 2.0)


def test_the_ending_closes_the_run() -> None:
    limiter = LimiterChanged(2, 1, 3)
    file = FileWritten("dataset", "out.jsonl")
    state = after(limiter, Stopping(""), file, RunFinished("stopped", "Ctrl-C", 5.0))
    assert (state.limiter, state.stopping, state.files) == (limiter, "asked to stop", (file,))
    assert (state.ending, state.reason, state.finished_at) == ("stopped", "Ctrl-C", 5.0)


def test_the_summary_tells_every_number_once() -> None:
    text = summary(
        after(
            RunStarted("a", "b", 0.0),
            TopicExpanded(("r",), ("a", "b"), missing=1),
            StageStarted("samples", 4, 2, 10.0),
            made(),
            made(),
            missed(Kind.TRUNCATED),
            missed(),
            CallFailed(Kind.RATE_LIMITED, "", 1.0),
            CallAnswered("m", 1200, 34, None, 1.0),
            ReplyRejected(("r",), Kind.INVALID_JSON),
            StageFinished("samples", 11.0),
            FileWritten("partial dataset", "out.partial.jsonl"),
            RunFinished("incomplete", "2 samples failed", 75.0),
        )
    )
    assert text.splitlines() == [
        "Incomplete: 2 samples failed",
        "  Samples              2 of 4 delivered, success rate 50 %",
        "  Failed samples       2 (1 timeout, 1 truncated reply)",
        "  Structure            3 topics, 2 leaves",
        "  Missing topics       1",
        "  Calls                2 (1 answered, 1 failed)",
        "  Retried calls        1 rate limited",
        "  Replies asked again  1 invalid JSON",
        "  Tokens               1,200 in, 34 out",
        "  Cost                 unknown",
        "  Duration             1 min 15 s",
        "  Samples made         2.0/s",
        "  Partial dataset      out.partial.jsonl",
    ]


@pytest.mark.parametrize(
    ("ending", "headline"),
    [("complete", "Complete"), ("incomplete", "Incomplete"), ("stopped", "Stopped"), ("aborted", "Gave up")],
)
def test_the_headline_names_the_ending(ending: str, headline: str) -> None:
    assert summary(after(RunFinished(ending, "", 1.0))) == f"{headline}\n"  # type: ignore[arg-type]


def test_a_nearly_perfect_run_is_not_called_perfect() -> None:
    state = after(StageStarted("samples", 10_000, 8, 0.0), *[made()] * 9_999, missed())
    assert "9,999 of 10,000 delivered, success rate 99.9 %" in summary(state)


def test_a_summary_shows_neither_control_codes_nor_keys() -> None:
    text = summary(after(RunFinished("aborted", "\x1b[31mIncorrect API key provided: sk-abcdef123456", 1.0)))
    assert "\x1b" not in text
    assert "abcdef" not in text
