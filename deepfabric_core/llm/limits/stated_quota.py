"""The quota that a provider states in its headers: followed as long as calls bear it out."""

from __future__ import annotations

import math
from dataclasses import dataclass

from deepfabric_core.llm.limits.recent import Call, Recent

# In seconds: the time after which it is tried whether a used quota is used indeed; it doubles each time that it is.
_FIRST_TRY = 0.25
_LONG = 2.0


@dataclass
class StatedQuota:
    """How many more calls the provider says it accepts.

    Headers may be constant, count something else, or leave out that the quota fills up all the time. So single calls
    try whether a quota that seems to be used is. If such a call is accepted, the headers are ignored from then on.

    Attributes:
        full_at: the time at which the quota is full again.
    """

    recent: Recent
    full_at: float = -math.inf
    _left: float = math.inf
    _wrong: bool = False
    _pause: float = _FIRST_TRY
    _next_try: float = -math.inf
    _tried: Call | None = None

    def told(self, remaining: float, reset: float, in_flight: int, now: float) -> None:
        """Take what a header says. Calls that may not have reached the provider yet are subtracted from `remaining`."""
        if self._wrong:
            return
        was_used = self._is_used(now)
        self._left, self.full_at = remaining - in_flight, now + reset
        if self._left < 1:
            self._left = remaining - sum(1 for _ in self.recent.between(now - self.recent.quickest))
        if self._is_used(now) and not was_used:
            self._try_after(_FIRST_TRY, now)

    def wait(self, now: float) -> float:
        """Return the seconds until a call may begin."""
        if not self._is_used(now):
            return 0.0
        if self._tried is not None:
            heard_at = self._tried.began + self.recent.longest_delay
            if now < heard_at:
                return heard_at - now
            self._wrong = not self._tried.refused
            self._tried = None
            self._try_after(2 * self._pause, now)
            if self._wrong:
                self.full_at = -math.inf
                return 0.0
        return max(0.0, min(self._next_try, self.full_at) - now)

    def begin(self, call: Call) -> None:
        """Count a call that begins."""
        if self._is_used(call.began):
            self._tried = call
        self._left -= 1
        if 0 <= self._left < 1:
            self._try_after(_FIRST_TRY, call.began)

    def explains(self, call: Call, now: float) -> bool:
        """Return whether the refusal of a call tells nothing new: it tried whether the quota is used, or that is known.

        A quota that is full again at once is rather a limit on the rate, which is better learned.
        """
        return call is self._tried or (self._is_used(now) and self.full_at - now > _LONG)

    def _try_after(self, pause: float, now: float) -> None:
        self._pause, self._next_try = pause, now + pause

    def _is_used(self, now: float) -> bool:
        return self._left < 1 and now < self.full_at
