"""What is done when all calls are refused: single calls ask, with more and more time between them."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from deepfabric_core.llm.limits.overload import Overload
from deepfabric_core.llm.limits.recent import Call, Recent

# So many refusals in a row are in vain. Then the first pause is so many seconds, and each one twice as long.
_IN_VAIN = 5
_FIRST_PAUSE = 0.1

# The rate afterwards is that of the calls accepted since the last time, if they are so many; or of the last second, or
# so many calls, if that is more. It doesn't fall far below this share of the rate before, unless that was a slow one,
# which isn't tried out soon either.
_FEWEST_TO_MEASURE = 3
_LEAST_SPAN = 1.0
_PAUSES = 3
_SEVERAL_CALLS = 20
_KEPT = 0.8
SLOW = 20.0  # calls per second


@dataclass
class Asking:
    """Single calls while the provider refuses all, and the rate that was accepted when it takes calls again.

    Attributes:
        paused_until: the time until which no call may begin.
    """

    recent: Recent
    overload: Overload
    paused_until: float = -math.inf
    _pause: float = 0.0
    _call: Call | None = None
    _since: float = 0.0
    _last: tuple[float, int] | None = None
    _before: tuple[float, int] | None = None

    @property
    def active(self) -> bool:
        """Whether single calls ask."""
        return self._pause > 0

    @property
    def level(self) -> int:
        """How many calls were in flight when the one that asks began, itself included."""
        return self._call.level if self._call else 0

    def in_vain(self, call: Call, since: float) -> list[Call]:
        """Return the refused calls in a row up to one, the latest first; none if they are few."""
        last = (other for other in self.recent.between(since, call.began) if not other.tries_places)
        row = list(itertools.takewhile(lambda other: other.refused, last))
        return row if len(row) >= self.overload.in_a_row(_IN_VAIN) else []

    def begin(self, since: float, now: float, wait: float) -> None:
        """Begin to ask, since all calls from a time on were refused; the provider asks to wait so many seconds."""
        self._since = since
        if self._last is None or self.recent.accepted_ever - self._last[1] >= _FEWEST_TO_MEASURE:
            self._before, self._last = self._last, (since, self.recent.accepted_ever)
        self._pause = _FIRST_PAUSE if self.recent.accepted_ever else wait
        self._call = None
        alone = self.recent.begun == 1  # which tells little
        self.paused_until = now + min(_FIRST_PAUSE if alone else self._pause, wait)

    def asks(self, call: Call) -> None:
        """Register the call that asks."""
        self._call = call

    def refused(self, call: Call, now: float, wait: float) -> bool:
        """Register a refusal; return whether it is that of the call that asked."""
        if call is not self._call:
            return False
        self._call = None
        self._pause *= 2
        self.paused_until = now + min(self._pause, wait)
        return True

    def wait(self, now: float) -> float:
        """Return the seconds until it is heard whether the call that asked was refused."""
        return max(0.0, self._call.began + self.recent.delay - now) if self._call else 0.0

    def accepted(self, rate: float) -> float | None:
        """Return the rate to go on with, after a higher one, if the call that asked was accepted; and end."""
        if self._call is None:
            return None
        until, self._pause, self._call = self._call.began, 0.0, None
        measured, since = self._since_the_last_time(until)
        span = max(_LEAST_SPAN, _PAUSES * (until - self._since), _SEVERAL_CALLS / rate)
        if until - since > span:
            calls = [call.refused for call in self.recent.between(until - span, until)]
            measured = max(measured, (len(calls) - sum(calls) / 2) / span)  # refused calls may count, or not
        return max(measured, math.sqrt(measured * _KEPT * rate)) if SLOW < rate < math.inf else measured

    def _since_the_last_time(self, until: float) -> tuple[float, float]:
        """Return the rate that was accepted since the last time that all were refused, and when that was."""
        since, before = self._before or (self.recent.opened, 0)
        measured = max(1, self.recent.accepted_ever - before) / max(until - since, self.recent.delay)
        if self._last is not None and self._last[0] < self._since:
            accepted = max(1, self.recent.accepted_ever - self._last[1] + 1)
            measured = min(measured, accepted / (until - self._last[0]))
        return measured, since
