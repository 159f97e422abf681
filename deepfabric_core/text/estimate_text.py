"""An estimate in words: as a table for people, as a line, and as a document for scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from deepfabric_core.amounts import Expected, Range
from deepfabric_core.errors import DeepFabricError
from deepfabric_core.run.estimate.budget_fit import BudgetFit, LimitFit
from deepfabric_core.run.estimate.estimate import Estimate, estimate
from deepfabric_core.run.estimate.finished import estimate_of
from deepfabric_core.run.estimate.levers import Lever
from deepfabric_core.run.estimate.pricing import prices_used
from deepfabric_core.run.job import Job
from deepfabric_core.text.labels import labelled
from deepfabric_core.wording import counted, digits, duration, money, rounded

_LABEL = 16
_COLUMNS = (16, 16, 16, 17)
_SMALLEST, _TENTH_OF_A_CENT, _MUCH = 0.0001, 0.001, 1000
_MANY = 10
_NONE, _HALF = 0.01, 0.5
_COMPLETE = "complete: a resume costs nothing"


def estimate_table(found: Estimate, levers: Sequence[Lever] = (), width: int | None = None) -> str:
    """Return an estimate as a table, and below it what it rests on, the prices, and what would cost less.

    Lines below the table are broken where they are longer than `width`, if that is given.
    """
    priced = not found.is_free
    heads = ["calls", "prompt tokens", "reply tokens", *(["cost"] if priced else [])]
    lines = [_row("", heads)]
    for purpose, expected in found.by_purpose.items():
        lines += _rows(purpose.capitalize(), expected, priced=priced)
    if len(found.by_purpose) > 1:
        lines += _rows("In all", found.total, priced=priced)
    facts = [labelled(name, text, _LABEL, width) for name, text in _facts(found)]
    return "\n".join([*lines, "", *facts, *_levers(levers)])


def _levers(levers: Sequence[Lever]) -> Iterator[str]:
    if levers:
        yield ""
        yield "What would cost less:"
    for lever in levers:
        yield f"  {lever.what}: -{_brief_money(lever.saves)}"


def expected_facts(job: Job) -> Iterator[tuple[str, str]]:
    """Yield the lines of a plan about what a run will take and whether its budget is enough, each after its label.

    Nothing is yielded if that can't be reckoned.
    """
    try:
        found = estimate_of(job)
    except DeepFabricError:  # which is told elsewhere, with all that is wrong
        return
    samples = found.total.rests_on
    basis = f"after {counted(samples, 'real sample')}" if samples else "by lengths only"
    basis = _COMPLETE if found.is_complete else basis
    yield "Expected", f"{expected_line(found.total)}, {basis}; see deepfabric estimate"
    if found.budget:
        yield "Budget", _about_budget(found.budget, found)


def likely_cost(job: Job) -> str:
    """Return what a run is likely to cost, to be added to a sentence about its size; empty if it is free or unknown."""
    try:
        cost = estimate(job).total.cost
    except DeepFabricError:  # which is told elsewhere, with all that is wrong
        return ""
    return f", likely to cost {_brief_money(cost.likely)}" if cost and cost.likely else ""


def expected_line(expected: Expected) -> str:
    """Return what a run is expected to take: about $4.10 ($3.20 to $5.60), 1.2 M tokens, 1,040 calls."""
    amounts = f"{rounded(expected.tokens.likely)} tokens, {digits(round(expected.calls.likely))} calls"
    if expected.cost is None:
        return f"{amounts} at a price that is unknown"
    if not expected.cost.high:
        return f"about {amounts}"
    return f"about {_with_range(expected.cost, _brief_money)}, {amounts}"


def as_document(found: Estimate, levers: Sequence[Lever] = ()) -> dict[str, Any]:
    """Return an estimate as JSON; a range has the keys low, likely and high, and is null if it is unknown."""
    prices = {
        "from": prices_used(found.models) or None,
        "unpriced": list(found.unpriced),
        "free": found.is_free,
    }
    spent = found.spent
    return {
        **_as_object(found.total),
        "by_purpose": {purpose: _as_object(one) for purpose, one in found.by_purpose.items()},
        "samples": found.samples,
        "rests_on": {"samples": found.total.rests_on},
        "complete": found.is_complete,
        "budget": None if found.budget is None else _budget_object(found.budget),
        "spent": {"cost": spent.cost, "calls": spent.calls, "tokens": spent.tokens, "seconds": spent.seconds},
        "prices": prices,
        "levers": [{"what": lever.what, "saves": round(lever.saves, 6)} for lever in levers],
    }


def _budget_object(budget: BudgetFit) -> dict[str, Any]:
    """Return a budget as an object, with an object for each limit; `samples` is null if all are likely to be made."""
    limits = {
        fit.limited: {"limit": fit.limit, "left": round(fit.left, 6), "verdict": fit.verdict, "samples": fit.samples}
        for fit in budget.limits
    }
    return {"shared_as": budget.name or None, "refused": budget.refusal or None, **limits}


def _as_object(expected: Expected) -> dict[str, Any]:
    return {
        "cost": _range_object(expected.cost, 6),
        "calls": _range_object(expected.calls, 0),
        "tokens": _range_object(expected.tokens, 0),
        "prompt_tokens": _range_object(expected.prompt_tokens, 0),
        "completion_tokens": _range_object(expected.completion_tokens, 0),
        "seconds": _range_object(expected.seconds, 1),
    }


def _range_object(range_: Range | None, places: int) -> dict[str, float] | None:
    if range_ is None:
        return None
    return {name: round(value, places or None) for name, value in range_._asdict().items()}


# ---- rows


def _rows(name: str, expected: Expected, *, priced: bool) -> Iterator[str]:
    parts = (expected.calls, expected.prompt_tokens, expected.completion_tokens)
    likely, bounds = [_count(part.likely) for part in parts], [_bounds(part, rounded) for part in parts]
    if priced:
        likely.append("unknown" if expected.cost is None else _brief_money(expected.cost.likely))
        bounds.append("" if expected.cost is None else _bounds(expected.cost, _brief_money))
    yield _row(name, likely)
    if any(bounds):
        yield _row("", bounds)


def _row(name: str, cells: list[str]) -> str:
    shown = (f"{' ' + cell:>{width}}" for cell, width in zip(cells, _COLUMNS, strict=False))
    return (f"{name:<{_LABEL - 1}}" + "".join(shown)).rstrip()


def _bounds(range_: Range, shown: Callable[[float], str]) -> str:
    low, high = shown(range_.low), shown(range_.high)
    return "" if low == high else f"{low}-{high}"


def _with_range(range_: Range, shown: Callable[[float], str]) -> str:
    low, high = shown(range_.low), shown(range_.high)
    return shown(range_.likely) + ("" if low == high else f" ({low} to {high})")


# ---- facts


def _facts(found: Estimate) -> Iterator[tuple[str, str]]:
    total = found.total
    if total.seconds is not None:
        yield "Time", f"about {_with_range(total.seconds, _roughly)}{_how_sure(found)}"
    yield "Rests on", rests_on(found)
    yield from _about_money(found)
    if found.budget:
        yield "Budget", _about_budget(found.budget, found)
    if found.spent.calls:
        money_spent = f"{money(found.spent.cost)}, " if found.spent.cost and not found.is_free else ""
        calls = counted(found.spent.calls, "call")
        yield "Spent so far", f"{money_spent}{rounded(found.spent.tokens or 0)} tokens, {calls}; in all figures above"


def _about_budget(budget: BudgetFit, found: Estimate) -> str:
    """Return whether each limit of the budget is enough, what is left of it, and how far it goes."""
    limits = [
        _about_limit(fit, budget, found) for fit in budget.limits if not (budget.refusal and fit.limited == "cost")
    ]
    shared = f"shared with other runs: {budget.name}" if budget.name else ""
    return "; ".join(filter(None, (budget.refusal.removesuffix("."), ", ".join(limits), shared)))


def _about_limit(fit: LimitFit, budget: BudgetFit, found: Estimate) -> str:
    is_shared = budget.name and fit.limited != "seconds"
    left = f" ({_limited(fit, fit.left)} left)" if is_shared else ""
    said = f"{_limited(fit, fit.limit)}{left}: {fit.verdict}"
    if not fit.fits_a_call:
        return f"{said} (not even for one {'more ' if found.spent.calls else ''}call)"
    if fit.samples is None or not found.samples:
        return said
    made = f"about {digits(fit.samples)} of {counted(found.samples, 'sample')}" if fit.samples else "no sample"
    return f"{said} (for {made})"


def _limited(fit: LimitFit, amount: float) -> str:
    match fit.limited:
        case "cost":
            return money(amount)
        case "seconds":
            return _roughly(amount)
        case _:
            return f"{rounded(amount)} {fit.limited.removesuffix('s') if amount == 1 else fit.limited}"


def _roughly(seconds: float) -> str:
    """Return a duration in minutes, if it is longer than that.

    >>> _roughly(1663), _roughly(42), _roughly(5000)
    ('28 min', '42 s', '1 h 23 min')
    """
    minute = 60
    return duration(seconds if seconds < minute else minute * round(seconds / minute)).removesuffix(" 0 s")


def _how_sure(found: Estimate) -> str:
    return "" if found.total.rests_on else ", by what is usual and no more"


def rests_on(found: Estimate) -> str:
    """Return what an estimate rests on."""
    total = found.total
    real = counted(total.rests_on, "real sample") if total.rests_on else "lengths only"
    if found.is_complete:
        return f"{real}; {_COMPLETE}"
    if not total.rests_on:
        return f"{real}: no sample was made yet; --preview makes a few, which are kept"
    return f"{real}{_of_ranges(total)}"


def _of_ranges(total: Expected) -> str:
    """Return how far ranges can be relied on; empty if there are none."""
    if total.tokens.low == total.tokens.high:
        return ""
    if total.rests_on < _MANY:
        return "; of so few, ranges are rough"
    return "; a range holds the true figure in nine cases of ten"


def _about_money(found: Estimate) -> Iterator[tuple[str, str]]:
    if found.is_free:
        yield "Cost", "nothing: the model is on this machine, or makes its answers up"
        return
    if found.unpriced:
        models = ", ".join(found.unpriced)
        prices = "llm.prices: {input: 0.15, output: 0.60}, in dollars per million tokens"
        yield "Cost", f"unknown: no price is known of {models}; give one by {prices}"
    if prices := prices_used(found.models):
        yield "Prices", prices


def _count(value: float) -> str:
    """Return a number; one that rounds to 0 and isn't is <1."""
    return "<1" if _NONE < value < _HALF else rounded(value)


def _brief_money(value: float) -> str:
    """Return an amount of US dollars for a column: two digits that count below a dollar, rounded if it is large.

    >>> _brief_money(4.1), _brief_money(0.1), _brief_money(0.0434), _brief_money(0.00002), _brief_money(39_512.2)
    ('$4.10', '$0.10', '$0.043', '<$0.0001', '$39.5 k')
    """
    if not value:
        return "$0"
    if value < _SMALLEST:
        return f"<{money(_SMALLEST)}"
    if value < _TENTH_OF_A_CENT:
        return money(round(value, 4))
    if value >= _MUCH:
        return f"${rounded(value)}"
    return money(value) if value >= 1 else money(float(f"{value:.1e}"))
