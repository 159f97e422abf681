"""The law of the way on: a limit that was reached is named, with a value that is really larger."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.amounts import Amounts, Expected, Range
from deepfabric_core.events import BudgetChanged
from deepfabric_core.run.larger_budget import larger_limits

COST = st.floats(1e-7, 1e4)
SHARE = st.floats(0, 1)


@given(COST, SHARE, st.floats(0.01, 10), st.just(0.0) | st.floats(1e-5, 1), st.one_of(st.none(), COST))
def test_a_limit_that_is_reached_becomes_twice_as_large_or_more(
    limit: float, share: float, next_call: float, done: float, likely: float | None
) -> None:
    spent, least = share * limit, next_call * limit
    nothing = Range(0, 0, 0)
    cost = None if likely is None else Range(likely, likely, likely)
    expected = Expected(nothing, nothing, nothing, nothing, cost)
    budget = BudgetChanged(Amounts(limit), Amounts(spent, 10, 1, 1.0), next_call=Amounts(least, 1, 1))
    flags = larger_limits(budget, done, expected)
    if spent + least > limit or share >= 0.95:
        assert flags[0] == "--max-cost" and len(flags) == 2
        assert float(flags[1]) >= 0.999999 * max(2 * limit, spent + 2 * least, likely or 0)
    else:
        assert not flags


def test_a_limit_that_will_not_be_enough_is_raised_along_with_the_one_that_is_reached() -> None:
    limits, spent = Amounts(1.0, 1000, 10, 60.0), Amounts(0.4, 400, 10, 5.0)
    flags = larger_limits(BudgetChanged(limits, spent, next_call=Amounts(0.1, 10, 1)), done=0.25)
    assert flags == ["--max-cost", "2", "--max-tokens-total", "1900", "--max-calls", "47"]
    assert not larger_limits(BudgetChanged(limits, Amounts(0.4, 400, 5, 5.0)), done=0.25)


def test_what_others_have_spent_is_allowed_for_and_not_multiplied() -> None:
    shared = BudgetChanged(Amounts(10.0), Amounts(10.0), name="ours", besides=Amounts(9.0))
    assert larger_limits(shared, done=0.01) == ["--max-cost", "130"]
