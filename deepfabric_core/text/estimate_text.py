"""An estimate in words: as a table for people, as a line, and as a document for scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from deepfabric_core.amounts import Expected, Range
from deepfabric_core.errors import DeepFabricError
from deepfabric_core.run.estimate.estimate import Estimate, estimate
from deepfabric_core.run.estimate.levers import Lever
from deepfabric_core.run.estimate.pricing import prices_used
from deepfabric_core.run.job import Job
from deepfabric_core.text.number_format import duration
from deepfabric_core.wording import counted, digits, money, rounded

_LABEL, _COLUMN = 16, 16
_SMALLEST, _TENTH_OF_A_CENT, _MUCH = 0.0001, 0.001, 100_000
_NONE, _HALF = 0.01, 0.5


def estimate_table(found: Estimate, levers: Sequence[Lever] = ()) -> str:
    """Return an estimate as a table, and below it what it rests on, the prices, and what would cost less."""
    priced = not found.is_free
    heads = ["calls", "prompt tokens", "reply tokens", *(["cost"] if priced else [])]
    lines = [_row("", heads)]
    for purpose, expected in found.by_purpose.items():
        lines += _rows(purpose.capitalize(), expected, priced=priced)
    if len(found.by_purpose) > 1:
        lines += _rows("In all", found.total, priced=priced)
    facts = [f"{name:<{_LABEL}}{text}" for name, text in _facts(found)]
    return "\n".join([*lines, "", *facts, *_levers(levers)])


def _levers(levers: Sequence[Lever]) -> Iterator[str]:
    if levers:
        yield ""
        yield "What would cost less:"
    for lever in levers:
        yield f"  {lever.what}: -{_brief_money(lever.saves)}"


def expected_of(job: Job) -> str:
    """Return the line of a plan about what a run is expected to take; empty if that can't be reckoned."""
    try:
        found = estimate(job)
    except DeepFabricError:  # which is told elsewhere, with all that is wrong
        return ""
    samples = found.total.rests_on
    basis = f"after {counted(samples, 'real sample')}" if samples else "by lengths only"
    return f"{'Expected':<14} {expected_line(found.total)}, {basis}; see deepfabric estimate"


def expected_line(expected: Expected) -> str:
    """Return what a run is expected to take: about $4.10 ($3.20 to $5.60), 1.2 M tokens, 1,040 calls."""
    amounts = f"{rounded(expected.tokens.likely)} tokens, {digits(round(expected.calls.likely))} calls"
    if expected.cost is None:
        return f"{amounts} at a price that is unknown"
    if not expected.cost.high:
        return f"about {amounts}"
    return f"about {_with_range(expected.cost, money)}, {amounts}"


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
        "spent": {"cost": spent.cost, "calls": spent.calls, "tokens": spent.tokens, "seconds": spent.seconds},
        "prices": prices,
        "levers": [{"what": lever.what, "saves": round(lever.saves, 6)} for lever in levers],
    }


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
    return (f"{name:<{_LABEL - 1}}" + "".join(f"{' ' + cell:>{_COLUMN}}" for cell in cells)).rstrip()


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
    yield "Rests on", rests_on(total)
    yield from _about_money(found)
    if budget := ", ".join(_about_limits(found)):
        yield "Budget", budget
    if found.spent.calls:
        money_spent = f"{money(found.spent.cost)}, " if found.spent.cost and not found.is_free else ""
        calls = counted(found.spent.calls, "call")
        yield "Spent so far", f"{money_spent}{rounded(found.spent.tokens or 0)} tokens, {calls}; in all figures above"


def _about_limits(found: Estimate) -> Iterator[str]:
    """Yield whether each limit of the budget is enough."""
    total, limits = found.total, found.limits
    for range_, limit, shown in (
        (total.cost, limits.cost, money(limits.cost)),
        (total.tokens, limits.tokens, f"{rounded(limits.tokens or 0)} tokens"),
        (total.calls, limits.calls, f"{rounded(limits.calls or 0)} calls"),
        (total.seconds, limits.seconds, _roughly(limits.seconds or 0)),
    ):
        if limit is not None and range_ is not None:
            yield f"{shown}: {_enough(range_, limit)}"


def _enough(range_: Range, limit: float) -> str:
    if range_.low > limit:
        return "not enough"
    if range_.likely > limit:
        return "probably not enough"
    return "probably enough" if range_.high > limit else "enough"


def _roughly(seconds: float) -> str:
    """Return a duration in minutes, if it is longer than that.

    >>> _roughly(1663), _roughly(42), _roughly(5000)
    ('28 min', '42 s', '1 h 23 min')
    """
    minute = 60
    return duration(seconds if seconds < minute else minute * round(seconds / minute)).removesuffix(" 0 s")


def _how_sure(found: Estimate) -> str:
    return "" if found.total.rests_on else ", by what is usual and no more"


def rests_on(total: Expected) -> str:
    """Return what an estimate rests on."""
    if not total.rests_on:
        return "lengths only: no sample was made yet; --preview makes a few, which are kept"
    return f"{counted(total.rests_on, 'real sample')}; a range holds the true figure in nine cases of ten"


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
    """Return an amount of US dollars with two digits that count below a dollar, for a column.

    >>> _brief_money(4.1), _brief_money(0.1), _brief_money(0.0434), _brief_money(0.00002)
    ('$4.10', '$0.10', '$0.043', '$0')
    """
    if value < _SMALLEST:
        return "$0"
    if value < _TENTH_OF_A_CENT:
        return money(round(value, 4))
    if value >= _MUCH:
        return f"${rounded(value)}"
    return money(value) if value >= 1 else money(float(f"{value:.1e}"))
