"""Write numbers in sentences: counts with plurals, thousands separators, "is" or "are"."""

from __future__ import annotations

# Numbers from here on are rounded.
_EXACT = 10**15
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
