"""What is said of a budget and of what a run will come to, for every screen."""

from __future__ import annotations

from functools import reduce as fold

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.amounts import Amounts, Expected, Range
from deepfabric_core.events import (
    BudgetChanged,
    CallAnswered,
    Event,
    Notice,
    Resumed,
    RunExpected,
    RunFinished,
    RunStarted,
    SampleFinished,
    StageFinished,
    StageStarted,
    Stopping,
)
from deepfabric_core.run.forecast import will_exceed
from deepfabric_core.run.state import RunState, reduce
from deepfabric_core.text.budget_status import BudgetStatus, budget_status, forecast_of, in_brief, other_notices
from deepfabric_core.text.run_facts import budget_facts

NOW = 60.0
ZERO = Amounts(0.0, 0, 0, 0.0)


LIKELY = Range(3.2, 4.1, 5.6)


def expected(cost: Range | None = LIKELY, tokens: float = 1_200_000, calls: float = 1100) -> Expected:
    """About $4.10 for 1,000 samples."""

    def near(amount: float) -> Range:
        return Range(0.9 * amount, amount, 1.1 * amount)

    return Expected(near(calls), near(0.75 * tokens), near(0.25 * tokens), near(tokens), cost, near(600.0))


def begun(of_run: Expected | None = None, total: int = 1000) -> list[Event]:
    """A run without topics to grow, at its first sample."""
    started: list[Event] = [RunStarted("openai/small", "openai/small", 0.0), RunExpected(of_run or expected())]
    return [*started, StageStarted("samples", total, 8, 0.0)]


def made(samples: int, cost: float | None = 0.004) -> list[Event]:
    """So many samples, of 1,200 tokens each."""
    one: list[Event] = [CallAnswered("m", 900, 300, cost, 1.0), SampleFinished("id", ("a", "b"), 1, 1, "q", "a")]
    return one * samples


def state_of(*events: Event) -> RunState:
    return fold(reduce, events, RunState())


def status_of(*events: Event) -> BudgetStatus:
    status = budget_status(state_of(*events), NOW)
    assert status
    return status


def half_way(limits: Amounts, *, name: str = "", others: Amounts | None = None) -> list[Event]:
    """500 of 1,000 samples are made for $2."""
    besides = others or Amounts(0.0, 0, 0)
    spent = Amounts(2.0 + (besides.cost or 0), 600_000 + (besides.tokens or 0), 500 + (besides.calls or 0), 60.0)
    return [*begun(), *made(500), BudgetChanged(limits, spent, Amounts(0.21, 30_000, 8), name, besides)]


@pytest.mark.parametrize(
    ("limits", "told", "reservation"),
    [
        (Amounts(cost=5.0), "$2.00 of $5.00", "$0.21 reserved"),
        (Amounts(tokens=2_000_000), "600 k of 2 M tokens", "30 k reserved"),
        (Amounts(calls=1200), "500 of 1,200 calls", "8 reserved"),
        (Amounts(seconds=7200.0), "1 min 0 s of 2 h 0 min", ""),
    ],
)
def test_each_limit_is_told_in_its_own_unit(limits: Amounts, told: str, reservation: str) -> None:
    use = status_of(*half_way(limits)).tightest
    assert (use.told, use.reservation) == (told, reservation)


def test_the_tightest_limit_is_the_one_that_is_used_up_first() -> None:
    status = status_of(*half_way(Amounts(5.0, 9_000_000, 1100, 7200.0)))
    assert status.tightest.label == "Calls"
    assert [use.label for use in status.others] == ["Cost", "Tokens", "Time"]
    assert "also $2.00 of $5.00, 600 k of 9 M tokens, 1 min 0 s of 2 h 0 min" in status.details


def test_before_anything_is_spent_the_estimate_is_the_forecast() -> None:
    status = status_of(RunExpected(expected()), BudgetChanged(Amounts(cost=5.0), ZERO))
    assert (status.tightest.told, status.tightest.percent) == ("$0 of $5.00", 0)
    assert status.tightest.forecast.startswith("forecast $4.10 ($")


def test_a_forecast_above_the_budget_says_how_far_it_will_reach() -> None:
    """$2 for 500 samples, so $3 are enough for about 750."""
    status = status_of(*half_way(Amounts(cost=3.0)))
    assert status.tightest.is_exceeded
    head, _, samples = status.warning.partition(" of 1,000 samples")
    assert head.startswith("About $4.0")
    assert "expected, $3.00 allowed: ends after about " in head
    assert 740 <= int(head.rpartition(" ")[2]) <= 760
    assert samples == ""


def test_while_topics_grow_nobody_knows_which_sample_will_be_the_last() -> None:
    dear = RunExpected(expected(Range(8.0, 9.0, 10.0)))
    growing = StageStarted("topics", 100, 4, 0.0)
    status = status_of(RunStarted("m", "m", 0.0), dear, growing, BudgetChanged(Amounts(cost=5.0), ZERO))
    assert status.warning == "About $9.00 expected, $5.00 allowed: ends before all is made"


@pytest.mark.parametrize("last", [Stopping("q"), RunFinished("budget", "$3.00 are spent", 61.0)])
def test_a_run_that_stops_is_not_warned_any_more(last: Event) -> None:
    assert status_of(*half_way(Amounts(cost=3.0)), last).warning == ""


def test_the_notice_of_a_budget_that_is_not_enough_is_left_out_where_the_bar_tells_it() -> None:
    events = half_way(Amounts(cost=3.0))
    said = Notice(will_exceed(state_of(*events), NOW))
    state = state_of(*events, Notice("by the way"), said)
    assert other_notices(state, budget_status(state, NOW)) == ["by the way"]
    assert other_notices(state, None) == ["by the way", said.message]


def test_a_run_within_its_budget_is_not_warned() -> None:
    assert status_of(*half_way(Amounts(cost=5.0))).warning == ""


def test_at_the_end_nothing_is_forecast_or_reserved() -> None:
    over = [*half_way(Amounts(cost=5.0)), StageFinished("samples", 60.0), RunFinished("complete", "", 61.0)]
    use = status_of(*over).tightest
    assert (use.told, use.reservation, use.forecast) == ("$2.00 of $5.00", "", "")
    assert forecast_of(state_of(*over), NOW) == ""


def test_what_other_runs_spend_of_a_shared_budget_counts_and_is_added_to_the_forecast() -> None:
    alone = status_of(*half_way(Amounts(cost=5.0)))
    shared = status_of(*half_way(Amounts(cost=5.0), name="tea", others=Amounts(1.5, 300_000, 400)))
    assert alone.tightest.expected and shared.tightest.expected
    assert shared.tightest.expected.likely == pytest.approx(alone.tightest.expected.likely + 1.5)
    assert shared.shared == "shared with other runs: tea"
    assert " expected with the other runs, $5.00 allowed" in shared.warning
    assert alone.shared == ""


def test_a_resumed_run_goes_on_from_what_earlier_sessions_spent() -> None:
    earlier = Resumed(500, {}, 0, 450_000, 150_000, 2.0, calls=500, seconds=60.0)
    start, reckoned, _ = begun()
    resumed = [start, earlier, reckoned, StageStarted("samples", 1000, 8, 0.0, done=500)]
    status = status_of(*resumed, *made(100), BudgetChanged(Amounts(cost=10.0), Amounts(2.4, 720_000, 600, 120.0)))
    assert status.tightest.told == "$2.40 of $10.00"
    assert status.tightest.expected
    assert status.tightest.expected.likely == pytest.approx(4.0, abs=0.3)


def test_a_free_model_has_no_money_to_tell_of() -> None:
    free = [*begun(expected(Range(0.0, 0.0, 0.0))), *made(100, cost=0.0)]
    assert forecast_of(state_of(*free), NOW) == in_brief(state_of(*free), NOW) == ""
    limited = state_of(*free, BudgetChanged(Amounts(cost=5.0), ZERO))
    assert budget_status(limited, NOW) is None
    both = status_of(*free, BudgetChanged(Amounts(cost=5.0, calls=200), Amounts(0.0, 120_000, 100, 60.0)))
    assert [use.told for use in both.limits] == ["100 of 200 calls"]


def test_of_an_unknown_price_only_tokens_are_forecast() -> None:
    unknown = state_of(*begun(expected(None)), *made(500, cost=None))
    assert "$" not in forecast_of(unknown, NOW) + in_brief(unknown, NOW)
    assert forecast_of(unknown, NOW).startswith("1.2 M tokens")


def test_what_is_told_beside_a_bar_is_not_told_again() -> None:
    state = state_of(*begun(), *made(500))
    assert forecast_of(state, NOW).startswith("about $4.0")
    assert forecast_of(state, NOW, ["cost"]).startswith("1.2 M tokens (")
    assert "tokens" not in forecast_of(state, NOW, ["tokens"])


def test_without_an_estimate_nothing_is_forecast() -> None:
    state = state_of(
        RunStarted("m", "m", 0.0), *made(3), BudgetChanged(Amounts(cost=5.0), Amounts(0.012, 3600, 3, 1.0))
    )
    assert forecast_of(state, NOW) == ""
    assert in_brief(state, NOW) == "$0.012 of $5.00 spent"


def test_a_line_of_progress_says_what_is_spent_and_by_whom() -> None:
    assert in_brief(state_of(*begun(), *made(3)), NOW).startswith("$0.012 spent, forecast $4.")
    assert in_brief(state_of(*begun(expected(None)), *made(3, cost=None)), NOW).startswith("3,600 tokens spent, forec")
    shared = BudgetChanged(Amounts(cost=5.0), Amounts(0.5, 3600, 3, 1.0), name="tea")
    assert in_brief(state_of(*begun(), shared), NOW).startswith("$0.50 of $5.00 spent by all who share it, forecast")


@pytest.mark.parametrize("started", [[], [RunStarted("simulated/m", "demo", 0.0)]])
def test_a_free_model_has_no_money_to_tell_of_before_its_first_call_either(started: list[Event]) -> None:
    assert budget_status(state_of(BudgetChanged(Amounts(cost=5.0), ZERO), *started), NOW) is None


def test_the_name_of_a_budget_is_one_short_line_of_printable_text() -> None:
    status = status_of(*half_way(Amounts(cost=5.0), name="\x1b[31mred\n" + "w" * 200))
    assert status.name.isprintable()
    assert len(status.name) <= 60


amounts = st.builds(
    Amounts,
    st.floats(0, 1e6),
    st.integers(0, 10**12),
    st.integers(0, 10**9),
    st.floats(0, 1e7),
)
limits = st.builds(
    Amounts,
    st.none() | st.floats(1e-6, 1e6),
    st.none() | st.integers(1, 10**12),
    st.none() | st.integers(1, 10**9),
    st.none() | st.floats(0.01, 1e7),
)


@given(limits, amounts, amounts, st.integers(0, 40), st.floats(0, 100), st.sampled_from(["", "tea"]))
def test_whatever_is_spent_can_be_told(
    limited: Amounts, spent: Amounts, reserved: Amounts, done: int, cost: float, name: str
) -> None:
    events = [*begun(expected(Range(cost, cost, cost)), 40), *made(done, cost / 40)]
    state = state_of(*events, BudgetChanged(limited, spent, reserved, name))
    status = budget_status(state, NOW)
    if status is None:
        assert limited == Amounts() or (limited == Amounts(cost=limited.cost) and not spent.cost)
        return
    assert status.tightest.share == max(use.share for use in status.limits)
    if status.warning and not status.warning.endswith("made"):
        last = int(status.warning.rpartition(" of ")[0].rpartition(" ")[2].replace(",", ""))
        assert done <= last < 40


def test_calls_without_an_answer_are_told_beside_what_is_spent() -> None:
    lost = BudgetChanged(Amounts(cost=1.0, calls=9), Amounts(0.0178, 9, 3, 1.0), unanswered=Amounts(0.0064, 3, 1))
    status = budget_status(state_of(lost, RunFinished("stopped", "", NOW)), NOW)
    assert status is not None
    (fact,) = budget_facts(status)
    assert fact.value == "$0.0178 of $1.00, up to $0.0064 of it for calls without an answer, 3 of 9 calls"
    cost = BudgetStatus(status.limits[:1])
    assert "up to $0.0064 of it for calls without an answer" in cost.details


def test_what_was_spent_before_a_limit_was_lowered_is_said_and_is_no_percentage() -> None:
    status = budget_status(state_of(BudgetChanged(Amounts(cost=0.0001), Amounts(0.00181, 9, 3, 1.0))), NOW)
    assert status is not None
    assert status.tightest.percent == 100
    assert status.details == ["more than allowed was spent before"]
