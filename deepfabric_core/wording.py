"""Write numbers in sentences: money, counts with plurals, thousands separators, "is" or "are"."""

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
