"""Write numbers in sentences: money, durations, counts with plurals, thousands separators, "is" or "are"."""

from __future__ import annotations

import math

# Numbers from here on are rounded.
_EXACT = 10**15
# Smaller ones are short enough as they are.
_SHORT = 10_000
_UNITS = ((10**3, "k"), (10**6, "M"), (10**9, "G"), (10**12, "T"))
# Beyond three digits they would be rounded up to the next unit.
_BELOW_NEXT_UNIT = 999.5
# No amount is shown with more decimals.
_MOST_DECIMALS = 9
# Beyond so many, hours don't matter.
_MANY_DAYS = 10
_IRREGULAR = {"entry": "entries", "leaf": "leaves", "reply": "replies", "retry": "retries"}


def counted(number: int, what: str) -> str:
    """Return a number with the noun that it counts, in singular or plural.

    >>> counted(1, "sample"), counted(1200, "sample"), counted(2, "failed reply")
    ('1 sample', '1,200 samples', '2 failed replies')
    """
    return f"{digits(number)} {what if number == 1 else plural(what)}"


def digits(number: int) -> str:
    """Return a number with thousands separators, or rounded if it is very large.

    >>> digits(97656), digits(50**10)
    ('97,656', '9.8 x 10^16')
    """
    if number < _EXACT:
        return f"{number:,}"
    mantissa, _, exponent = f"{number:.1e}".partition("e+")
    return f"{mantissa} x 10^{exponent}"


def rounded(number: float) -> str:
    """Return a number with three digits and a unit, if it is long.

    >>> rounded(950), rounded(12345), rounded(999_999), rounded(1_240_000)
    ('950', '12.3 k', '1 M', '1.24 M')
    """
    if number < _SHORT:
        return f"{number:,.0f}"
    size, unit = next(((s, u) for s, u in _UNITS if number / s < _BELOW_NEXT_UNIT), _UNITS[-1])
    return f"{number / size:.3g} {unit}"


def money(dollars: float | None) -> str:
    """Return an amount of US dollars; below a dollar it has three digits, or only cents if there is nothing beyond.

    >>> money(1234.5), money(0.0412), money(0.5), money(0.0), money(None)
    ('$1,234.50', '$0.0412', '$0.50', '$0', 'unknown')
    """
    if dollars is None:
        return "unknown"
    if dollars == 0:
        return "$0"
    decimals = 2 if abs(dollars) >= 1 else min(_MOST_DECIMALS, 2 - math.floor(math.log10(abs(dollars))))
    whole, point, cents = f"{dollars:,.{decimals}f}".partition(".")
    return f"${whole}{point}{cents[:2]}{cents[2:].rstrip('0')}"


def duration(seconds: float) -> str:
    """Return a number of seconds in hours, minutes and seconds; from two days on in days and hours.

    >>> duration(19.2), duration(200), duration(7500), duration(200_000), duration(88_293_600)
    ('19 s', '3 min 20 s', '2 h 5 min', '2 days 7 h', '1,021 days')
    """
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours_of_day = divmod(hours, 24)
    if days >= _MANY_DAYS:
        return f"{days:,} days"
    if days > 1:
        return f"{days} days {hours_of_day} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def plural(what: str) -> str:
    """Return the plural of a noun phrase."""
    before, space, last = what.rpartition(" ")
    return f"{before}{space}{_IRREGULAR.get(last, last + 's')}"


def are(number: int) -> str:
    """Return the verb after a count: 1 sample is, 2 samples are."""
    return "is" if number == 1 else "are"


def were(number: int) -> str:
    """Return the verb after a count: 1 sample was, 2 samples were."""
    return "was" if number == 1 else "were"


def of_them_leaves(number: int) -> str:
    """Return how many of some topics are leaves, in words.

    >>> of_them_leaves(1), of_them_leaves(9)
    ('1 of them a leaf', '9 of them leaves')
    """
    return f"{number:,} of them {'a leaf' if number == 1 else 'leaves'}"
