"""How far two judges agree beyond chance, or a judge and people: Cohen's kappa, plain and with quadratic weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeVar

Label = TypeVar("Label", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two agree on `count` samples: the `share` on which they say the same, and kappa.

    Kappa is 1 if they always agree, 0 if only as often as by chance, and None if there is nothing to compare.
    """

    count: int
    share: float
    kappa: float | None


def agreement(one: Sequence[Label], other: Sequence[Label]) -> Agreement:
    """Return how far two agree, by what each of them says of the same samples, such as accepted or rejected."""
    same = sum(a == b for a, b in zip(one, other, strict=True))
    return Agreement(len(one), same / len(one) if one else 0.0, kappa(one, other))


def kappa(one: Sequence[Label], other: Sequence[Label]) -> float | None:
    """Return Cohen's kappa of two lists of labels.

    >>> kappa("yyyn", "yynn")
    0.5
    """
    count = _compared(one, other)
    if not count:
        return None
    by_one, by_other = Counter(one), Counter(other)
    chance = sum(number * by_other[label] for label, number in by_one.items()) / count**2
    return _beyond_chance(sum(a != b for a, b in zip(one, other, strict=True)) / count, 1 - chance)


def weighted_kappa(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return Cohen's kappa of two lists of scores, in which a disagreement counts by the square of the difference.

    >>> weighted_kappa([1, 2, 3, 4], [1, 2, 3, 4]), weighted_kappa([1, 5], [5, 1])
    (1.0, -1.0)
    """
    if not _compared(one, other):
        return None
    centre = fmean([*one, *other])
    a, b = ([score - centre for score in scores] for scores in (one, other))
    observed = fmean((x - y) ** 2 for x, y in zip(a, b, strict=True))
    expected = fmean(x * x for x in a) + fmean(y * y for y in b) - 2 * fmean(a) * fmean(b)
    return _beyond_chance(observed, expected)


def _compared(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    if len(one) != len(other):
        raise ValueError(f"{len(one)} labels can't be compared with {len(other)}")
    return len(one)


def _beyond_chance(observed: float, expected: float) -> float:
    """Return 1 less the disagreement that there is by the one that chance would give."""
    return 1 - observed / expected if expected > 0 else 1.0
