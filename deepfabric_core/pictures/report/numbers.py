"""Write numbers for people: short ones on cards and axes, shares and sizes."""

from __future__ import annotations

from deepfabric_core.wording import digits

_UNITS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))
_SHORT = 10_000
_FEW = 0.1
_MEGABYTE = 10**6


def short(number: float) -> str:
    """Return a number in a few characters.

    >>> short(950), short(12345), short(2_500_000), short(0.25)
    ('950', '12.3k', '2.5M', '0.25')
    """
    if abs(number) < _SHORT:
        return digits(int(number)) if number == int(number) else f"{number:.3g}"
    for size, unit in _UNITS:
        if abs(number) >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:g}"


def percent(part: float, whole: float = 1.0) -> str:
    """Return a share in percent, with a decimal where it is small; never 0 or 100 unless it is exactly that.

    >>> percent(1, 3), percent(1, 500), percent(99_999, 100_000), percent(0, 5)
    ('33 %', '0.2 %', '>99 %', '0 %')
    """
    if not whole:
        return "-"
    share = part / whole
    if share in (0, 1):
        return f"{share * 100:.0f} %"
    if share < _FEW:
        return f"{share * 100:.1f} %" if share * 1000 >= 1 / 2 else "<0.1 %"
    return f"{share * 100:.0f} %" if share * 1000 < 995 else ">99 %"  # noqa: PLR2004 - rounds to 100


def size(number: int) -> str:
    """Return a number of bytes.

    >>> size(900), size(3_080_479)
    ('900 bytes', '3.1 MB')
    """
    if number < _SHORT:
        return f"{digits(number)} bytes"
    return f"{number / 10**3:.0f} kB" if number < _MEGABYTE else f"{number / _MEGABYTE:,.1f} MB"
