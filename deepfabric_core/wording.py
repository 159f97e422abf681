"""Numbers in sentences."""

from __future__ import annotations

# More than anybody counts to the last digit.
_EXACT = 10**15
_IRREGULAR = {"leaf": "leaves", "reply": "replies", "retry": "retries"}


def counted(number: int, what: str) -> str:
    """A number with what it counts, one or several.

    >>> counted(1, "sample"), counted(1200, "sample"), counted(2, "failed reply")
    ('1 sample', '1,200 samples', '2 failed replies')
    """
    return f"{digits(number)} {what if number == 1 else plural(what)}"


def digits(number: int) -> str:
    """A number as people read it.

    >>> digits(97656), digits(50**10)
    ('97,656', '9.8 x 10^16')
    """
    if number < _EXACT:
        return f"{number:,}"
    mantissa, _, exponent = f"{number:.1e}".partition("e+")
    return f"{mantissa} x 10^{exponent}"


def plural(what: str) -> str:
    """Several of what the last word names."""
    before, space, last = what.rpartition(" ")
    return f"{before}{space}{_IRREGULAR.get(last, last + 's')}"


def are(number: int) -> str:
    """The verb after so many: 1 sample is, 2 samples are."""
    return "is" if number == 1 else "are"


def were(number: int) -> str:
    """The verb after so many: 1 sample was, 2 samples were."""
    return "was" if number == 1 else "were"


def of_them_leaves(number: int) -> str:
    """How many of some topics are leaves.

    >>> of_them_leaves(1), of_them_leaves(9)
    ('1 of them a leaf', '9 of them leaves')
    """
    return f"{number:,} of them {'a leaf' if number == 1 else 'leaves'}"
