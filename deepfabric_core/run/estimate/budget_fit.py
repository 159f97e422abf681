"""Whether a config's budget is enough, and how far it goes: with what was spent of it, by others that share it too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

from deepfabric_core.amounts import Amounts, Expected, Range
from deepfabric_core.config.budget import Budget
from deepfabric_core.store.budget_ledger import Sum, budget_key, spent_by_run

Verdict = Literal["enough", "probably enough", "probably not enough", "not enough"]


@dataclass(frozen=True, slots=True)
class LimitFit:
    """Whether one limit is enough: `limited` is cost, tokens, calls or seconds; the amounts are in its unit.

    `left` is what neither this run nor others have spent. `samples` is how many are likely to be made, or None if
    all are. `fits_a_call` says whether the next call may be made, whatever it takes.
    """

    limited: str
    limit: float
    left: float
    verdict: Verdict
    samples: int | None = None
    fits_a_call: bool = True


@dataclass(frozen=True, slots=True)
class BudgetFit:
    """Whether a budget is enough. `name` if other runs share it; `refusal` says why its cost can't be kept."""

    limits: tuple[LimitFit, ...]
    name: str = ""
    refusal: str = ""


def spent_besides(settings: Budget, run: str, own: Sum) -> Sum:
    """Return what was spent of a budget besides what a run knows of: by others, or by calls that were never answered.

    Args:
        settings: the config's budget.
        run: the id of the run; "" if it wasn't begun.
        own: what the run knows of.

    Raises:
        ConfigError: the ledger can't be read.
    """
    if not settings.name and not run:
        return Sum()
    spent = spent_by_run(budget_key(settings.name, run))
    besides = spent.pop(run, Sum()).beyond(own)._replace(unpriced=0)  # of its own, the run itself tells
    for other in spent.values():
        besides = besides.plus(other)
    return besides


def fit_of(
    limits: Amounts, besides: Sum, total: Expected, samples: int, own: Amounts, call: Amounts
) -> Iterator[LimitFit]:
    """Yield how far each limit goes.

    Args:
        limits: what may be spent.
        besides: what was spent besides what the run knows of.
        total: what the whole run is expected to take.
        samples: how many it makes.
        own: what the run has spent so far.
        call: what the next call may take at most.
    """
    others = Amounts(besides.cost, besides.tokens, besides.calls, 0.0)
    for field in fields(Amounts):
        name = field.name
        limit, range_ = getattr(limits, name), getattr(total, name)
        if limit is None or range_ is None:
            continue
        may_spend = limit - (getattr(others, name) or 0)
        left = max(0, may_spend - (getattr(own, name) or 0))
        is_done = range_.high <= (getattr(own, name) or 0)
        fits = is_done or (getattr(call, name) or 0) <= left
        made = None if range_.likely <= may_spend else _samples(range_, getattr(total.topics, name) or 0, may_spend)
        number = None if made is None else max(total.rests_on, int(samples * made))
        yield LimitFit(name, limit, left, _verdict(range_, may_spend, fits=fits), number, fits)


def _samples(range_: Range, topics: float, limit: float) -> float:
    """Return the share of the samples that is likely to be made within a limit that isn't enough."""
    return max(0.0, limit - topics) / max(range_.likely - topics, 1e-12)


def _verdict(range_: Range, limit: float, *, fits: bool) -> Verdict:
    if range_.low > limit or not fits:
        return "not enough"
    if range_.likely > limit:
        return "probably not enough"
    return "probably enough" if range_.high > limit else "enough"
