"""The budget with which a run that has reached its own can be finished."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from deepfabric_core.amounts import Expected
from deepfabric_core.config.budget import FLAGS
from deepfabric_core.errors import DeepFabricError
from deepfabric_core.events import BudgetChanged
from deepfabric_core.run.estimate.estimate import estimate
from deepfabric_core.run.forecast import forecast

if TYPE_CHECKING:
    from deepfabric_core.run.job import Job
    from deepfabric_core.run.state import RunState

# What the whole run takes is reckoned with a margin and, where nothing tells it, is so many times what was spent.
_MARGIN = 1.15
_UNKNOWN_REST = 2.0
# A limit that was reached becomes at least so many times as large, with room for so many calls like the next one.
_TIMES = 2
_CALLS = 2
# The share of a limit from which it is as good as reached.
_NEARLY = 0.95


def larger_budget(state: RunState) -> list[str]:
    """Return the flags for a budget with which a run that has reached its own can be finished, going by its forecast.

    Without a forecast it goes by what the samples so far took.
    """
    if state.budget is None:
        return []
    progress = state.samples_progress
    done = progress.done / progress.total if progress.total else 0.0
    return larger_limits(state.budget, done, forecast(replace(state, ending=None), state.finished_at or 0.0))


def larger_for_checkpoint(job: Job, budget: BudgetChanged | None, samples: int) -> list[str]:
    """Return such flags for a run that isn't at work, of which so many samples are made, going by its estimate."""
    if budget is None or not _reached(budget):
        return []
    expected = None
    with suppress(DeepFabricError):
        expected = estimate(job).total
    return larger_limits(budget, samples / max(1, job.samples_wanted(None)), expected)


def larger_limits(budget: BudgetChanged, done: float, expected: Expected | None = None) -> list[str]:
    """Return the flags for larger limits: of those that are reached, and of those that won't be enough.

    There are none while no limit is reached, or nearly so. `done` is the share of the samples that are made, by which
    the rest is reckoned where nothing is `expected` of the whole run.

    >>> from deepfabric_core.amounts import Amounts
    >>> larger_limits(BudgetChanged(Amounts(cost=0.5, calls=20), Amounts(cost=0.1, calls=20)), done=0.5)
    ['--max-calls', '46']
    """
    if not _reached(budget):
        return []
    flags: list[str] = []
    for name, (flag, rounded_up) in _LIMITED.items():
        limit, needed = getattr(budget.limits, name), _needed(budget, name, done, expected)
        if limit is not None and needed > limit:
            flags += [flag, rounded_up(needed)]
    return flags


def _needed(budget: BudgetChanged, name: str, done: float, expected: Expected | None) -> float:
    limit, spent, besides, next_call = _figures(budget, name)
    likely = getattr(expected, name, None)
    whole = likely.likely if likely else (spent - besides) * (1 / done if done else _UNKNOWN_REST)
    needed = _MARGIN * whole + besides + next_call  # the last call, too, is sent only if its worst case is left
    return max(needed, _TIMES * limit, spent + _CALLS * next_call) if _is_reached(budget, name) else needed


def _reached(budget: BudgetChanged) -> bool:
    return any(_is_reached(budget, name) for name in _LIMITED)


def _is_reached(budget: BudgetChanged, name: str) -> bool:
    limit, spent, _, next_call = _figures(budget, name)
    return limit > 0 and (spent + next_call > limit or spent >= _NEARLY * limit)


def _figures(budget: BudgetChanged, name: str) -> tuple[float, ...]:
    """Return a limit (0 for none), and what is spent, besides and for the next call."""
    return tuple(
        getattr(amounts, name) or 0.0 for amounts in (budget.limits, budget.spent, budget.besides, budget.next_call)
    )


def _rounded_up(amount: float) -> str:
    """Return a number with two digits that isn't less.

    >>> _rounded_up(0.0231), _rounded_up(1234), _rounded_up(0.0000002)
    ('0.024', '1300', '0.0000002')
    """
    digits = 1 - math.floor(math.log10(amount))
    up = math.ceil(round(amount * 10.0**digits, 6)) / 10.0**digits
    return f"{up:.{max(0, digits)}f}".rstrip("0").rstrip(".") if digits > 0 else f"{up:.0f}"


def _whole(amount: float) -> str:
    """Return a whole number that isn't less, of two digits if it has more.

    >>> _whole(5.2), _whole(1234.5)
    ('6', '1300')
    """
    return _rounded_up(math.ceil(amount))


_LIMITED: dict[str, tuple[str, Callable[[float], str]]] = {
    "cost": (FLAGS["cost"], _rounded_up),
    "tokens": (FLAGS["tokens"], _whole),
    "calls": (FLAGS["calls"], _whole),
    "seconds": (FLAGS["time"], _whole),
}
