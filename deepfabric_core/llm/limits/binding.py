"""What holds calls back lately, and which share of them the provider refuses.

Both are averages over the last seconds, with what is past counting less and less: a limit that is tried out or that
allows short bursts shouldn't make the screen flicker.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from deepfabric_core.events import Bound

# In seconds.
_BOUND_OVER = 2.0
_REFUSED_OVER = 10.0
# A share is told of so many calls or more.
_FEWEST_CALLS = 20.0


@dataclass(slots=True)
class BoundLately:
    """Which limit held calls back for the longest part of the last seconds."""

    _bound: Bound = "nothing"
    _since: float = -math.inf
    _seconds: dict[Bound, float] = field(default_factory=dict)

    def note(self, bound: Bound, now: float) -> None:
        """Note what holds calls back from now on."""
        if bound != self._bound:
            self._count(now)
            self._bound = bound

    def most(self, now: float) -> Bound:
        """Return what held calls back the longest."""
        self._count(now)
        return max(self._seconds, key=lambda bound: self._seconds[bound])

    def _count(self, now: float) -> None:
        kept = math.exp(-max(0.0, now - self._since) / _BOUND_OVER)
        for bound in self._seconds:
            self._seconds[bound] *= kept
        self._seconds[self._bound] = self._seconds.get(self._bound, 0.0) + _BOUND_OVER * (1 - kept)
        self._since = now


@dataclass(slots=True)
class RefusedLately:
    """How many calls ended in the last seconds, and how many of them were refused."""

    _ended: float = 0.0
    _refused: float = 0.0
    _at: float = -math.inf

    def note(self, now: float, *, refused: bool) -> None:
        """Note the end of a call."""
        self._fade(now)
        self._ended += 1
        self._refused += refused

    def share(self, now: float) -> float:
        """Return the share of the calls that was refused, or 0 as long as there were few calls."""
        self._fade(now)
        return self._refused / self._ended if self._ended >= _FEWEST_CALLS else 0.0

    def _fade(self, now: float) -> None:
        kept = math.exp(-max(0.0, now - self._at) / _REFUSED_OVER)
        self._ended, self._refused, self._at = self._ended * kept, self._refused * kept, now
