"""`Distribution`: how often each whole number occurs, with its quantiles and its histogram."""

from __future__ import annotations

from collections import Counter
from typing import Any

# Numbers are counted exactly up to this one; above it, those with the same leading bits are counted together.
_EXACT = 4_096
_BITS = 9
_BARS = 24
_MOST = 0.995


class Distribution:
    """How often each number occurs: exactly up to 4,096, to the nearest four thousandth of itself above.

    It holds at most some 15,000 counts, and can be merged with another.
    """

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.sum = 0

    def add(self, number: int, times: int = 1) -> None:
        """Count a number; a negative one is counted as 0."""
        number = max(0, number)
        self._counts[_rounded(number)] += times
        self.sum += number * times

    def merge(self, other: Distribution) -> None:
        """Add what another one has counted."""
        self._counts.update(other._counts)
        self.sum += other.sum

    @property
    def count(self) -> int:
        """How many numbers were counted."""
        return self._counts.total()

    def quantile(self, share: float) -> int | None:
        """Return the number that this share of all numbers is at most; None if there are none."""
        wanted, seen = share * self.count, 0
        for number in sorted(self._counts):
            seen += self._counts[number]
            if seen >= wanted and seen:
                return number
        return None

    def as_object(self) -> dict[str, Any] | None:
        """Return the sums for a report: count, sum, mean, least, median, 95th percentile, most and histogram."""
        count = self.count
        if not count:
            return None
        return {
            "count": count,
            "sum": self.sum,
            "mean": round(self.sum / count, 2),
            "min": min(self._counts),
            "median": self.quantile(0.5),
            "p95": self.quantile(0.95),
            "max": max(self._counts),
            "histogram": self.histogram(),
        }

    def histogram(self) -> list[dict[str, int]]:
        """Return bars of equal width, each `from` a number up to and without `to`; the last one has all that is larger.

        The width is a round number, so chosen that a few very large numbers don't squeeze all others into one bar.
        """
        most = self.quantile(_MOST)
        if most is None:
            return []
        lowest, highest = min(self._counts), max(self._counts)
        width = _round_step((most - lowest) / _BARS)
        first = lowest // width * width
        bars = [0] * ((most - first) // width + 1)
        for number, times in self._counts.items():
            bars[min((number - first) // width, len(bars) - 1)] += times
        ends = [first + width * (place + 1) for place in range(len(bars))]
        found = [{"from": end - width, "to": end, "count": count} for end, count in zip(ends, bars, strict=True)]
        found[-1]["to"] = max(found[-1]["to"], highest + 1)
        return found


def _rounded(number: int) -> int:
    """Return a number of which only the leading bits count, in the middle of those that it stands for."""
    if number <= _EXACT:
        return number
    dropped = number.bit_length() - _BITS - 3
    return (number >> dropped << dropped) + (1 << dropped >> 1)


def _round_step(least: float) -> int:
    """Return 1, 2 or 5 times a power of ten that is at least this."""
    step = 1
    while True:
        for times in (1, 2, 5):
            if step * times >= least:
                return step * times
        step *= 10
