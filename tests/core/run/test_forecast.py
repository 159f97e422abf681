"""The forecast begins as what was expected, turns into what is measured, and is exact at the end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.amounts import Amounts, Expected, Range
from deepfabric_core.events import (
    BudgetChanged,
    CallAnswered,
    Event,
    LimiterChanged,
    Notice,
    Resumed,
    RunExpected,
    RunFinished,
    RunStarted,
    SampleFinished,
    StageFinished,
    StageStarted,
    TopicExpanded,
    TopicsReady,
)
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.forecast import forecast, will_exceed
from deepfabric_core.run.state import RunState, reduce


def wide(likely: float) -> Range:
    return Range(likely / 2, likely, likely * 2)


def expected(samples: int = 100, *, cost: float = 10.0, topics: Amounts | None = None) -> Expected:
    calls, tokens = samples + 10, 1000.0 * samples
    of_topics = topics or Amounts(cost / 10, round(tokens / 10), 10, 10.0)
    parts = wide(tokens / 4), wide(tokens * 3 / 4)
    return Expected(wide(calls), *parts, wide(tokens), wide(cost), wide(100.0), topics=of_topics)


def answered(cost: float | None = 0.1, tokens: int = 1000) -> CallAnswered:
    return CallAnswered("m", tokens // 4, tokens - tokens // 4, cost, 1.0)


def made(number: int) -> SampleFinished:
    return SampleFinished(f"t{number}", ("a",), 0, 1, "q", "a")


def after(*events: Event, state: RunState | None = None) -> RunState:
    state = state or RunState()
    for event in events:
        state = reduce(state, event)
    return state


BEGIN = (RunStarted("m", "m", 0.0), RunExpected(expected()))
TOPICS: tuple[Event, ...] = (
    StageStarted("topics", 10, 4, 0.0),
    *(answered(0.1, 1000) for _ in range(10)),
    TopicExpanded(("a",), tuple("abcdefghij")),
    StageFinished("topics", 10.0),
    TopicsReady("tree", 11, 10),
)


def samples(number: int, cost: float = 0.1) -> list[Event]:
    return [event for one in range(number) for event in (answered(cost), made(one))]


def sampled(number: int, cost: float = 0.1) -> RunState:
    state = after(*BEGIN, *TOPICS, StageStarted("samples", 100, 4, 10.0))
    return after(*samples(number, cost), state=state)


def test_nothing_is_forecast_of_which_nothing_was_expected() -> None:
    assert forecast(RunState(), 1.0) is None


def test_it_begins_as_what_was_expected() -> None:
    state = after(*BEGIN)
    begun = forecast(state, 0.0)
    assert begun is not None
    assert begun.cost == pytest.approx(expected().cost)
    assert begun.tokens == pytest.approx(expected().tokens)


@pytest.mark.parametrize("factor", [0.3, 1.0, 3.0])
def test_it_turns_into_what_is_measured(factor: float) -> None:
    true = 1.0 + 100 * 0.1 * factor
    errors = []
    for number in (1, 10, 60, 100):
        foreseen = forecast(sampled(number, 0.1 * factor), 10.0 + number)
        assert foreseen is not None
        assert foreseen.cost is not None
        assert foreseen.cost.low <= foreseen.cost.likely <= foreseen.cost.high
        errors.append(abs(foreseen.cost.likely / true - 1))
    assert errors == sorted(errors, reverse=True)
    assert errors[1] < 0.2
    assert errors[-1] < 1e-9


def test_its_range_closes_as_samples_are_made() -> None:
    def width(number: int) -> float:
        foreseen = forecast(sampled(number), 10.0 + number)
        assert foreseen is not None
        assert foreseen.cost is not None
        return foreseen.cost.high - foreseen.cost.low

    widths = [width(number) for number in (0, 2, 10, 40, 90, 100)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == 0


def test_at_the_end_it_is_what_was_spent() -> None:
    state = after(RunFinished("stopped", "", 50.0), state=sampled(30))
    foreseen = forecast(state, 60.0)
    assert foreseen is not None
    assert foreseen.cost == pytest.approx((4.0, 4.0, 4.0))
    assert foreseen.calls == (40, 40, 40)


def test_earlier_sessions_count_once() -> None:
    resumed = Resumed(50, {}, 0, 15_000, 45_000, 6.0, 60, 60.0)
    state = after(
        RunStarted("m", "m", 0.0),
        RunExpected(expected(cost=11.0)),
        TopicsReady("tree", 11, 10, source="an earlier run"),
        resumed,
        StageStarted("samples", 100, 4, 0.0, done=50),
    )
    begun = forecast(state, 0.0)
    assert begun is not None
    assert begun.cost is not None
    assert begun.cost.likely == pytest.approx(11.0)
    assert begun.cost.low > 6.0
    state = after(*samples(50), state=state)
    done = forecast(state, 60.0)
    assert done is not None
    assert done.cost == pytest.approx((11.0, 11.0, 11.0))


def test_a_cost_with_calls_of_unknown_price_is_unknown() -> None:
    state = after(answered(None), made(1), state=sampled(3))
    foreseen = forecast(state, 20.0)
    assert foreseen is not None
    assert foreseen.cost is None
    assert foreseen.tokens.likely > 0


@given(st.lists(st.floats(0.001, 5.0), min_size=1, max_size=100))
def test_it_is_never_less_than_what_is_spent(costs: list[float]) -> None:
    state = after(*BEGIN, *TOPICS, StageStarted("samples", 100, 4, 10.0))
    for one, cost in enumerate(costs):
        state = after(answered(cost), made(one), state=state)
    foreseen = forecast(state, 20.0)
    assert foreseen is not None
    assert foreseen.cost is not None
    assert foreseen.cost.low >= sum(costs)


def limited(state: RunState, **limits: float) -> RunState:
    return after(BudgetChanged(Amounts(**limits), Amounts()), state=state)  # type: ignore[arg-type]


def test_a_budget_that_will_not_do_is_told_of_before_it_is_reached() -> None:
    assert will_exceed(limited(sampled(20), cost=8.0), 30.0) == (
        "The whole run is likely to take $10.92, after 20 samples; the budget is $8.00, so it will stop early"
    )
    assert "50,000 tokens" in will_exceed(limited(sampled(20), tokens=50_000), 30.0)
    assert "50 calls" in will_exceed(limited(sampled(20), calls=50), 30.0)
    assert not will_exceed(limited(sampled(20), cost=12.0), 30.0)


def test_nothing_is_told_of_after_too_few_samples() -> None:
    assert not will_exceed(limited(sampled(2, cost=0.5), cost=20.0), 12.0)
    assert will_exceed(limited(sampled(10, cost=0.5), cost=20.0), 20.0)


def test_what_other_runs_spent_of_a_shared_budget_counts() -> None:
    state = sampled(20)
    shared = BudgetChanged(Amounts(cost=12.0), Amounts(cost=3.0 + 5.0), name="ours", besides=Amounts(cost=5.0))
    assert "$15.92" in will_exceed(after(shared, state=state), 30.0)


def test_it_is_told_of_once() -> None:
    told: list[Event] = []
    sink = EventSink(told.append, limited(sampled(20), cost=8.0), clock=lambda: 30.0)
    for one in range(20, 40):
        sink(answered())
        sink(made(one))
    notices = [event for event in told if isinstance(event, Notice)]
    assert len(notices) == 1
    assert sink.state == replace(sink.state, notices=(notices[0].message,))


def test_a_limit_of_time_is_told_in_seconds() -> None:
    assert "is likely to take 1 min 2 s, after 20 samples; the budget is 42 s" in will_exceed(
        limited(sampled(20), seconds=42), 20.0
    )


def test_what_is_spent_on_samples_in_flight_is_not_charged_to_the_finished_ones() -> None:
    steps, wanted = 4, 12
    likely = Expected(wide(wanted * steps), wide(1.0), wide(1.0), wide(2.0), wide(3 * wanted * steps * 0.1))
    state = after(
        RunStarted("m", "m", 0.0),
        RunExpected(likely),
        TopicsReady("tree", 13, 12, source="t.jsonl"),
        StageStarted("samples", wanted, 5, 0.0),
        LimiterChanged(5, 5, 0),
        *(answered() for _ in range(5 * steps - 2)),
        made(1),
        made(2),
    )
    foreseen = forecast(state, 1.0)
    assert foreseen is not None
    assert foreseen.cost is not None
    assert foreseen.cost.likely == pytest.approx(wanted * steps * 0.1, rel=0.3)
