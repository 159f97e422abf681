"""The cuts of limits: whether they follow each other as if chance were the reason for the refusals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

# A limit is lowered if less than the first share is left of it, and far lower with less than the second. Then so many
# cuts are suspicious, as a limit is found by fewer. They belong together if no more calls than these lie between them.
_LOWER = 0.97
_FAR_LOWER = 0.75
_SEVERAL = 4
_CALLS_BETWEEN = 200


class Cut(NamedTuple):
    """A limit is cut: when; how many calls could be in flight, and begin per second, before; how many ever did."""

    at: float
    at_once: float
    per_second: float
    begun: int
    refused: int

    def is_below(self, other: Cut, share: float) -> bool:
        """Whether less than a share is left of what there was at another cut."""
        return self.at_once < share * other.at_once or self.per_second < share * other.per_second

    def refused_since(self, first: Cut) -> float:
        """Return which share of the calls since an earlier cut was refused."""
        return (self.refused - first.refused) / max(1, self.begun - first.begun)


@dataclass
class Cuts:
    """The cuts by which a limit was lowered again and again."""

    _lower: list[Cut] = field(default_factory=list)

    def add(self, cut: Cut) -> None:
        """Add a cut, which begins anew if the limit had risen, or had stood for long."""
        if self._lower and not self._goes_on(cut):
            self.clear()
        if not self._lower or cut.is_below(self._lower[-1], _LOWER):
            self._lower.append(cut)

    def _goes_on(self, cut: Cut) -> bool:
        first, last = self._lower[0], self._lower[-1]
        higher = cut.at_once > first.at_once or cut.per_second > first.per_second
        return not higher and cut.begun <= last.begun + _CALLS_BETWEEN

    def clear(self) -> None:
        """Begin anew."""
        self._lower.clear()

    @property
    def suspicious(self) -> Cut | None:
        """The first of several cuts that have lowered a limit far; None if they haven't."""
        if len(self._lower) >= _SEVERAL and self._lower[-1].is_below(self._lower[0], _FAR_LOWER):
            return self._lower[0]
        return None
