"""How much of a budget is used and what a run will come to: figures for bars, and the words beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from deepfabric_core.amounts import Expected, Range, total
from deepfabric_core.printable import printable
from deepfabric_core.redaction import redact
from deepfabric_core.run.forecast import EXCEEDS, forecast, taken, will_exceed
from deepfabric_core.run.state import RunState
from deepfabric_core.text.spending import are_free
from deepfabric_core.wording import digits, duration, money, rounded

Limited = Literal["cost", "tokens", "calls", "seconds"]

_LIMITED: tuple[Limited, ...] = ("cost", "tokens", "calls", "seconds")
_BILLED: tuple[Limited, ...] = ("cost", "tokens")
_UNITS: dict[Limited, str] = {"cost": "", "tokens": " tokens", "calls": " calls", "seconds": ""}
_LABELS: dict[Limited, str] = {"cost": "Cost", "tokens": "Tokens", "calls": "Calls", "seconds": "Time"}
_NAME = 60


@dataclass(frozen=True, slots=True)
class LimitUse:
    """How much of one limit is used: dollars, tokens, calls or seconds.

    `reserved` is for calls in flight, `unanswered` the part of `spent` that is for calls whose answers were never seen,
    which may have been billed. `expected` is what all that counts against the limit comes to at the end of the
    run, or None if it isn't known or if the run is over.
    """

    limited: Limited
    limit: float
    spent: float
    reserved: float = 0.0
    expected: Range | None = None
    unanswered: float = 0.0

    @property
    def label(self) -> str:
        """What is limited."""
        return _LABELS[self.limited]

    @property
    def is_exceeded(self) -> bool:
        """Whether more is expected than is allowed."""
        return self.expected is not None and self.expected.likely > self.limit

    @property
    def share(self) -> float:
        """The share of the limit that is used, or expected to be."""
        return max(self.spent + self.reserved, self.expected.likely if self.expected else 0.0) / self.limit

    @property
    def told(self) -> str:
        """What is spent, in words: $3.12 of $5.00."""
        return f"{_amount(self.limited, self.spent)} of {_amount(self.limited, self.limit)}{_UNITS[self.limited]}"

    @property
    def remarks(self) -> tuple[str, ...]:
        """What there is to say of what is spent: that it was too much before, or may not have been billed after all."""
        was_lowered = self.spent > self.limit and self.limited != "seconds"
        unanswered = f"{_amount(self.limited, self.unanswered)}{_UNITS[self.limited]}"
        return (
            *(["more than allowed was spent before"] if was_lowered else []),
            *([f"up to {unanswered} of it for calls without an answer"] if self.unanswered else []),
        )

    @property
    def percent(self) -> int:
        """What is spent in percent, never rounded up, and never above 100."""
        return min(100, int(100 * self.spent / self.limit))

    @property
    def reservation(self) -> str:
        """What is reserved, in words; "" for nothing."""
        return f"{_amount(self.limited, self.reserved)} reserved" if self.reserved else ""

    @property
    def forecast(self) -> str:
        """What is expected, in words; "" if that isn't known."""
        return f"forecast {_range(self.limited, self.expected)}" if self.expected else ""


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """The limits of a budget, cost first; `name` if other runs share it, and a warning if more is expected."""

    limits: tuple[LimitUse, ...]
    name: str = ""
    warning: str = ""

    @property
    def tightest(self) -> LimitUse:
        """The limit that is reached first."""
        return max(self.limits, key=lambda use: use.share)

    @property
    def others(self) -> tuple[LimitUse, ...]:
        """All limits but the tightest."""
        return tuple(use for use in self.limits if use is not self.tightest)

    @property
    def shared(self) -> str:
        """Who else spends the budget, in words; "" for nobody."""
        return f"shared with other runs: {self.name}" if self.name else ""

    @property
    def details(self) -> list[str]:
        """What there is to tell besides the tightest limit: its forecast, the other limits, who shares them."""
        others = ", ".join(use.told for use in self.others)
        lines = [*self.tightest.remarks, self.tightest.forecast, f"also {others}" if others else "", self.shared]
        return [line for line in lines if line]


def budget_status(state: RunState, now: float) -> BudgetStatus | None:
    """Return how much of the budget is used at the time `now`, or None if there is no limit that can be reached."""
    budget = state.budget
    if budget is None:
        return None
    expected = expected_of(state, now)
    limits = tuple(_uses(state, expected, now))
    if not limits:
        return None
    status = BudgetStatus(limits, printable(redact(budget.name), _NAME))
    goes_on = not (state.ending or state.stopping)
    if goes_on and status.tightest.is_exceeded and will_exceed(state, now):
        return BudgetStatus(limits, status.name, _warning(state, status))
    return status


def expected_of(state: RunState, now: float) -> Expected | None:
    """Return what the run will have come to, unless it is over."""
    return None if state.ending else forecast(state, now)


def other_notices(state: RunState, status: BudgetStatus | None) -> list[str]:
    """Return the notices but for the one about a budget that won't be enough, if the status tells that."""
    return [notice for notice in state.notices if status is None or not notice.startswith(EXCEEDS)]


def costs_nothing(state: RunState, expected: Expected | None) -> bool:
    """Return whether the run's models are free, as far as they are known."""
    if expected is not None and expected.cost is not None:
        return expected.cost.high == 0
    if not state.calls_of_all_sessions:
        return are_free((state.topics_model, state.samples_model))
    return state.usage_of_all_sessions.cost == 0 and not state.unpriced


def forecast_of(state: RunState, now: float, besides: Collection[Limited] = ()) -> str:
    """Return what the run will cost and use, in words; `besides` is told elsewhere. It is "" if that isn't known."""
    expected = expected_of(state, now)
    if expected is None or costs_nothing(state, expected):
        return ""
    parts = []
    if expected.cost is not None and "cost" not in besides:
        parts.append(f"about {_range('cost', expected.cost)}")
    if "tokens" not in besides:
        parts.append(_range("tokens", expected.tokens))
    return ", ".join(parts)


def in_brief(state: RunState, now: float) -> str:
    """Return what is spent of the budget and what is expected, for a line of progress; "" for nothing."""
    if status := budget_status(state, now):
        use = status.tightest
        by_all = " by all who share it" if status.name and use.limited != "seconds" else ""
        return ", ".join(part for part in (f"{use.told} spent{by_all}", use.forecast) if part)
    expected = expected_of(state, now)
    if costs_nothing(state, expected):
        return ""
    return ", ".join(part for part in (_spent_in_brief(state), _forecast_in_brief(expected)) if part)


def _spent_in_brief(state: RunState) -> str:
    """Return the money, or where no price is known the tokens, that were spent in all sessions; "" for nothing."""
    usage, unpriced = state.usage_of_all_sessions, total(state.spending_of_all_sessions).unpriced
    if usage.cost is not None:
        return f"{'at least ' if unpriced else ''}{money(usage.cost)} spent"
    tokens = usage.prompt_tokens + usage.completion_tokens
    return f"{rounded(tokens)} tokens spent" if tokens else ""


def _forecast_in_brief(expected: Expected | None) -> str:
    if expected is None:
        return ""
    return f"forecast {_range('tokens', expected.tokens) if expected.cost is None else _range('cost', expected.cost)}"


def _uses(state: RunState, expected: Expected | None, now: float) -> Iterator[LimitUse]:
    budget = state.budget
    if budget is None:
        return
    own = taken(state, now)
    for limited in _LIMITED:
        limit, spent, reserved = (
            getattr(amounts, limited) or 0.0 for amounts in (budget.limits, budget.spent, budget.reserved)
        )
        if not limit or (limited == "cost" and not spent and costs_nothing(state, expected)):
            continue
        besides = getattr(budget.besides, limited) or 0.0
        spent = max(spent, besides + (getattr(own, limited) or 0.0))  # the event may be half a second old
        likely: Range | None = getattr(expected, limited) if expected else None
        whole = Range(*(bound + besides for bound in likely)) if likely else None
        unanswered = getattr(budget.unanswered, limited) or 0.0 if limited in _BILLED else 0.0
        yield LimitUse(limited, limit, spent, 0.0 if state.ending else reserved, whole, unanswered)


def _warning(state: RunState, status: BudgetStatus) -> str:
    """Return what will be reached: About $6.20 expected, $5.00 allowed: ends after about 812 of 1,000 samples.

    It is "" if all samples are made.
    """
    use = status.tightest
    likely = use.expected.likely if use.expected else use.spent
    unit, shared = _UNITS[use.limited], " with the other runs" if status.name else ""
    head = f"About {_amount(use.limited, likely)}{unit} expected{shared}, {_amount(use.limited, use.limit)} allowed"
    samples, rest = state.samples_progress, likely - use.spent
    if not samples.total:
        return f"{head}: ends before all is made"
    if not samples.left:
        return ""
    share = max(0.0, use.limit - use.spent) / rest if rest > 0 else 0.0
    last = samples.done + int(samples.left * share)
    return f"{head}: ends after about {digits(last)} of {digits(samples.total)} samples"


def _amount(limited: Limited, amount: float) -> str:
    match limited:
        case "cost":
            return money(amount)
        case "seconds":
            return duration(amount)
        case "calls":
            return digits(round(amount))
        case "tokens":
            return rounded(amount)


def _range(limited: Limited, expected: Range) -> str:
    """Return a likely amount, with its range unless that looks the same: $4.10 ($3.60 to $4.80)."""
    low, likely, high = (_amount(limited, bound) for bound in expected)
    return f"{likely}{_UNITS[limited]}" + (f" ({low} to {high})" if {low, high} != {likely} else "")
