"""Ranges that hold the true figure in nine cases of ten: how they are scaled, added, and drawn from what was measured.

What samples take is skewed: few take much. So the range of a mean is reckoned on a logarithmic scale, by Student's t,
with a variation that few samples don't yet show; and what happens rarely, as a number of events with a prior rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, hypot, log, sqrt
from typing import NamedTuple

from deepfabric_core.amounts import Range

NOTHING = Range.exactly(0.0)
ONE = Range.exactly(1.0)

# Bounds of the middle 90 % of a normal distribution, in standard deviations.
_BOUND = 1.645
# Samples differ in what they take by about this share of the mean; it is believed as much as so many samples are.
VARIATION = 0.6
_BELIEF = 3.0


class Rate(NamedTuple):
    """How often something is believed to happen for each item, before any was seen; `weight` is in items."""

    often: float
    weight: float


def within(likely: float, factor: float) -> Range:
    """Return a range from the likely figure divided by a factor to the figure times it."""
    return Range(likely / factor, likely, likely * factor)


def capped(range_: Range, most: float) -> Range:
    """Return a range of which nothing is above a bound."""
    return Range(*(min(part, most) for part in range_))


def scaled(range_: Range, factor: float) -> Range:
    """Return a range times an exact factor."""
    return Range(*(part * factor for part in range_))


def shifted(range_: Range, by: float) -> Range:
    """Return a range with an exact figure added."""
    return Range(*(part + by for part in range_))


def times(one: Range, other: Range) -> Range:
    """Return the product of two figures that don't depend on each other."""
    likely = one.likely * other.likely
    if likely <= 0:
        return Range(one.low * other.low, likely, one.high * other.high)
    up = exp(hypot(log(one.high / one.likely), log(other.high / other.likely)))
    if one.low <= 0 or other.low <= 0:
        return Range(0.0, likely, likely * up)
    down = exp(-hypot(log(one.likely / one.low), log(other.likely / other.low)))
    return Range(likely * down, likely, likely * up)


def together(ranges: Iterable[Range]) -> Range:
    """Return the sum of figures that are wrong in the same direction: each bound is the sum of the bounds.

    >>> together([Range(1, 2, 3), Range(1, 2, 3)])
    Range(low=2, likely=4, high=6)
    """
    parts = list(ranges)
    return Range(*(sum(part[place] for part in parts) for place in range(3)))


def apart(ranges: Iterable[Range]) -> Range:
    """Return the sum of figures that are wrong by chance, each for itself.

    >>> apart([Range(6, 9, 12), Range(5, 9, 13)])
    Range(low=13.0, likely=18, high=23.0)
    """
    parts = list(ranges)
    likely = sum(part.likely for part in parts)
    down = hypot(*(part.likely - part.low for part in parts))
    up = hypot(*(part.high - part.likely for part in parts))
    return Range(max(0.0, likely - down), likely, likely + up)


def mean_of_more(values: Sequence[float], more: float, variation: float = VARIATION) -> Range:
    """Return the mean of `more` further values like these, of which there is at least one.

    Its range holds both how far these values may be from what is usual, and how the further ones may fall out.
    """
    number, mean = len(values), sum(values) / len(values)
    if mean <= 0 or more <= 0:
        return Range.exactly(mean)
    squares = sum((value / mean - 1) ** 2 for value in values)
    freedom = number - 1 + _BELIEF
    deviation = sqrt((squares + _BELIEF * variation**2) / freedom * (1 / number + 1 / more))
    return within(mean, exp(_student(freedom) * deviation))


def _student(freedom: float) -> float:
    """Return the bound of the middle 90 % of Student's t, by its expansion around the normal distribution.

    >>> [round(_student(freedom), 2) for freedom in (3, 12, 1000)]
    [2.35, 1.78, 1.65]
    """
    z = _BOUND
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def events(seen: float, among: float, more: float, before: Rate) -> Range:
    """Return how often something happens among `more` items, if it happened `seen` times among others.

    The likely figure heeds what is usual, and so do the bounds before any item was seen; afterwards they are those of
    any rate with which what was seen isn't unlikely.

    >>> events(0, 0, 0, Rate(0.1, 5))
    Range(low=0.0, likely=0.0, high=0.0)
    """
    if more <= 0:
        return NOTHING
    usual = before.often * before.weight
    likely = more * (usual + seen) / (before.weight + among)
    shape, rate = (seen + 0.5, among + 0.5) if among else (usual, before.weight)
    mean = more * shape / rate
    if mean <= 0:
        return NOTHING
    shape_of_sum = mean / (1 + more / rate)  # of the gamma distribution with the mean and variance of the sum
    low, high = (_gamma(shape_of_sum, bound, mean) for bound in (-_BOUND, _BOUND))
    return Range(min(low, likely), likely, max(high, likely))


def _gamma(shape: float, bound: float, mean: float) -> float:
    """Return a quantile of a gamma distribution, by Wilson and Hilferty's approximation."""
    return mean * max(0.0, 1 - 1 / (9 * shape) + bound / (3 * sqrt(shape))) ** 3
