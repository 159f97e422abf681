"""The budget with which a run that has reached its own can be finished."""

from __future__ import annotations

import math

from deepfabric_core.run.state import RunState

# It is reckoned with a margin and, where no sample was made, is so many times as large as what was spent.
_MARGIN = 1.15
_UNKNOWN_REST = 2.0


def larger_budget(state: RunState) -> list[str]:
    """Return the flags for a budget with which a run that has reached its own can be finished, going by what it took.

    Limits that are large enough aren't named.
    """
    if state.budget is None:
        return []
    progress = state.samples_progress
    left = progress.total / progress.done if progress.done else _UNKNOWN_REST
    limits, spent = state.budget.limits, state.budget.spent
    flags: list[str] = []
    for flag, limit, amount in (
        ("--max-cost", limits.cost, spent.cost),
        ("--max-tokens-total", limits.tokens, spent.tokens),
        ("--max-calls", limits.calls, spent.calls),
        ("--max-time", limits.seconds, spent.seconds),
    ):
        needed = (amount or 0) * max(1.0, left) * _MARGIN
        if limit is not None and needed > limit:
            flags += [flag, f"{_rounded_up(needed):.12g}"]
    return flags


def _rounded_up(amount: float) -> float:
    """Return a number with two digits that isn't less.

    >>> _rounded_up(0.0231), _rounded_up(1234)
    (0.024, 1300.0)
    """
    unit = 10.0 ** (math.floor(math.log10(amount)) - 1)
    return round(math.ceil(amount / unit) * unit, 12)
