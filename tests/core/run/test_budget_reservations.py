"""The law of a budget: whatever calls take and however they overlap, what is spent and reserved stays within it."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepfabric_core.amounts import Amounts
from deepfabric_core.events import BudgetChanged, Event, Stopping
from deepfabric_core.run.budget import RunBudget
from deepfabric_core.stop import Stop, Stopped
from deepfabric_core.store.budget_ledger import BudgetLedger, Sum
from tests.core.llm.limits.virtual_loop import run_in_virtual_time

# What a call takes at most in tokens, the share of it that it really takes, and how long it lasts.
CALLS = st.lists(
    st.tuples(st.integers(1, 400), st.floats(0, 1), st.floats(0.01, 5), st.booleans()), min_size=1, max_size=30
)


@given(CALLS, st.integers(1, 1500))
@settings(max_examples=30)
def test_what_is_spent_and_reserved_never_exceeds_the_limit(
    calls: list[tuple[int, float, float, bool]], limit: int
) -> None:
    told: list[Event] = []
    with tempfile.TemporaryDirectory() as folder:
        ledger = BudgetLedger("run one", "one", Sum(), Path(folder))
        stop = Stop()
        budget = RunBudget(Amounts(tokens=limit), ledger, told.append, stop, float)

        async def call(most: int, share: float, seconds: float, *, started: bool) -> int:
            try:
                reserved = await budget.reserve(lambda: [Amounts(0.0, most, 1)], started=started)
            except Stopped:
                return 0
            balance = ledger.balance()
            assert balance.spent.tokens + balance.reserved.tokens <= limit
            await asyncio.sleep(seconds)
            spent = int(most * share)
            reserved.settle(Amounts(0.0, spent, 1), answered=True)
            return spent

        async def all_calls() -> list[int]:
            return await asyncio.gather(
                *(call(most, share, seconds, started=begun) for most, share, seconds, begun in calls)
            )

        spent = sum(run_in_virtual_time(all_calls()))
        assert ledger.balance().spent.tokens == spent <= limit
        assert ledger.balance().in_flight == 0
        if budget.reached:
            assert stop.requested and any(isinstance(event, Stopping) for event in told)
        elif not any(most > limit - spent for most, *_ in calls):
            assert ledger.balance().spent.calls == len(calls), "nothing was held back without need"
        ledger.close()
    assert all(event.spent.tokens is not None for event in told if isinstance(event, BudgetChanged))


def test_what_calls_without_an_answer_may_have_taken_is_told_apart_and_counts_besides(tmp_path: Path) -> None:
    told: list[Event] = []
    ledger = BudgetLedger("run one", "one", Sum(1.0, 100, 1), tmp_path)
    budget = RunBudget(Amounts(cost=9.0), ledger, told.append, Stop(), float, before=Sum(1.0, 100, 1))

    async def calls() -> None:
        for answered in (True, False):
            reserved = await budget.reserve(lambda: [Amounts(0.5, 50, 1)], started=False)
            reserved.settle(Amounts(0.25, 25, 1), answered=answered)

    asyncio.run(calls())
    budget.tell()
    ledger.close()
    last = told[-1]
    assert isinstance(last, BudgetChanged)
    assert last.spent == Amounts(1.5, 150, 3, 0.0)
    assert (last.unanswered, last.besides) == (Amounts(0.25, 25, 0), Amounts(0.25, 25, 0))


@pytest.mark.parametrize(
    ("limit", "spent", "reached"), [(2, 2, "2 of 2 calls are made"), (3, 2, ""), (2, 3, "3 of 2 calls are made")]
)
def test_no_work_begins_where_nothing_is_left_for_even_the_smallest_call(
    tmp_path: Path, limit: int, spent: int, reached: str
) -> None:
    ledger, stop = BudgetLedger("run one", "one", Sum(0.0, 100, spent), tmp_path), Stop()
    budget = RunBudget(Amounts(calls=limit), ledger, lambda _: None, stop, float)
    budget.end_if_spent()
    ledger.close()
    assert (budget.reached, stop.requested) == (reached, bool(reached))
