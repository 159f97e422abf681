"""How many calls may be in flight, learned from refusals."""

from __future__ import annotations

import math
from dataclasses import dataclass

from deepfabric_core.llm.limits.recent import Call, Recent

# The number is tried again by a few calls above it. Each time they are accepted, twice as many follow.
_FIRST_TRY = 0.25  # of the number, after the first cut, which tells little
_SAME_PLACE = 0.12
# A number that was refused twice at the same place is tried again after so many seconds and so many calls.
_TRIED_AGAIN_AFTER = 2.0
_SHORTEST_TRY = 0.1  # seconds
_CALLS_BETWEEN = 120


@dataclass
class Places:
    """The limit on calls in flight; there is none until a refusal is attributed to their number."""

    recent: Recent
    number: float = math.inf
    _step: int = 1
    _left: int = 0
    _tried_until: float = -math.inf
    _next_try: float = -math.inf
    _refused_at: float = math.inf
    _calls: int = 0
    _tried: int = 0

    @property
    def allowed(self) -> float:
        """Calls that may be in flight, without those that try out more."""
        return self.number

    def wait(self, in_flight: int, now: float) -> float:
        """Return the seconds until a call may begin; infinity for as soon as another call ends."""
        if in_flight < self.number:
            return 0.0
        if self._tried_until > -math.inf and now >= self._tried_until:
            self._accepted(now)
            if in_flight < self.number:
                return 0.0
        if self._left > 0 and now >= self._next_try:
            return 0.0
        upcoming = [at for at in (self._tried_until, self._next_try if self._left else -math.inf) if at > now]
        return min(upcoming) - now if upcoming else math.inf

    def begin(self, in_flight: int, now: float) -> None:
        """Register a call that begins."""
        self._calls += 1
        if in_flight > self.number:
            self._left -= 1
            self._tried += 1
            self._tried_until = now + max(self.recent.delay, _SHORTEST_TRY)

    def _accepted(self, now: float) -> None:
        """Raise the number, since calls above it were accepted."""
        self.number += self._tried
        self._step *= 2
        self._left, self._tried, self._tried_until = self._step, 0, -math.inf

    def set(self, number: int, now: float) -> None:
        """Set the number after the opening, in which so many calls were accepted."""
        self.number = self._refused_at = max(1, number)
        self.recent.forget_proven(self.number)
        self._step = max(1, int(_FIRST_TRY * self.number))
        self._left, self._next_try = self._step, now

    def start_at(self, number: int, now: float) -> None:
        """Take a number that was learned before, or by others; more is tried after a while, and one by one."""
        self.set(number, now)
        self._step, self._left, self._next_try = 1, 1, now + _TRIED_AGAIN_AFTER

    def refused(self, call: Call, now: float, *, new_burst: bool) -> None:
        """Lower the number after a refusal."""
        place = max(1, call.level - 1)
        if not new_burst:
            self.number = min(self.number, place)
            self.recent.forget_proven(self.number)
            return
        again = abs(place - self._refused_at) <= max(1.0, _SAME_PLACE * place)
        self._refused_at = place
        self.number = min(self.number, place)
        self.recent.forget_proven(self.number)
        self._step = 1
        self._left, self._tried, self._tried_until = self._step, 0, -math.inf
        self._next_try = now + (self._pause() if again else self.recent.delay)

    def _pause(self) -> float:
        return _TRIED_AGAIN_AFTER
