"""Refusals that no limit explains: of an overloaded provider, which refuses some of the calls at random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

# So many standard deviations more than expected are no chance.
_DEVIATIONS = 3.5
# Nor is more than this share of them, however little is known.
_NEARLY_ALL = 0.75
# Besides all calls, so many of the latest are looked at, as many earlier ones hide what they tell.
_LATEST = (40, 120)
# The share may be so many standard deviations higher than in the calls that told of it.
_MOST_DEVIATIONS = 2.0

# The share is that of about so many calls lately. Below the second number there is no overload.
_REMEMBERED = 150
_NEARLY_NEVER = 0.01
_RARELY = 0.001


@dataclass
class Overload:
    """The share of the calls that is refused at random; 0 as long as limits explain all refusals."""

    _refused: float = 0.0
    _calls: float = 1.0
    _most: float = 0.0

    @property
    def share(self) -> float:
        """The share of the calls that is refused whatever is done."""
        return self._refused / self._calls

    def exceeded(self, refused: int, calls: int, few: float, tolerated: float = 0.0) -> bool:
        """Return whether so many refusals of so many calls are more than chance and a few others explain."""
        variance = calls * self.share * (1 - self.share) * (1 + calls / self._calls)
        by_chance = max(self.share, tolerated) * calls + _DEVIATIONS * math.sqrt(variance)
        return refused > min(by_chance, _NEARLY_ALL * calls) + few

    def lately_exceeded(self, refused: Sequence[bool], few: float) -> bool:
        """Return whether calls were refused more often than that, the latest first: all of them, or only the latest."""
        if not self.share:
            return self.exceeded(sum(refused), len(refused), few)
        numbers = [*takewhile(lambda number: number < len(refused), _LATEST), len(refused)]
        return any(self.exceeded(sum(refused[:number]), number, few) for number in numbers)

    def observe(self, *, refused: bool) -> None:
        """Note what became of a call; the share never rises far above the one that was found."""
        if not self._refused:
            return
        self._calls += 1
        self._refused = min(self._refused + refused, self._most * self._calls)
        if self._calls > _REMEMBERED:
            self._refused, self._calls = self._refused * _REMEMBERED / self._calls, _REMEMBERED
        if self.share < _NEARLY_NEVER:
            self.found(0, 1)

    def found(self, refused: float, calls: int) -> None:
        """Take it that such a share of the calls is refused whatever is done."""
        self._refused, self._calls = refused, float(calls)
        self._most = self.share + _MOST_DEVIATIONS * math.sqrt(self.share * (1 - self.share) / calls)

    def in_a_row(self, few: int) -> int:
        """Return how many refusals in a row are no chance."""
        return few + (math.ceil(math.log(_RARELY) / math.log(self.share)) if 0 < self.share < 1 else 0)
