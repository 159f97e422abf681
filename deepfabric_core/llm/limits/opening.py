"""The opening: more and more calls in flight, until the first one is refused."""

from __future__ import annotations

import math
from dataclasses import dataclass

from deepfabric_core.llm.limits.recent import Recent

# So many calls in flight at first, and twice as many in each time of the first share of the longest delay that a
# refusal usually has. When the first calls must have been heard of, each doubling takes the second share of it. A step
# that comes late makes the next one later: a slow client sees refusals before it starts too much. If all calls were
# refused at first, it begins again with fewer.
FIRST_CALLS = 44
_CALLS_AGAIN = 8
_STEPS_PER_DOUBLING = 10
_DOUBLES_IN = 0.85
_DOUBLES_IN_LATER = 0.2
_UNTIL_HEARD = 1.15  # longest delays
_LATEST_STEP = 0.1  # seconds


@dataclass
class Opening:
    """How many calls may be in flight during the opening: `number`, which is infinity when it is over."""

    recent: Recent
    number: float = FIRST_CALLS
    _step_at: float = -math.inf

    @property
    def is_over(self) -> bool:
        """Whether a call was refused."""
        return self.number == math.inf

    def end(self) -> None:
        """End it, since limits are known."""
        self.number = math.inf

    def begin_again(self, now: float) -> None:
        """Begin again, since all calls until now were refused, and so no limit is known."""
        self.number, self._step_at = _CALLS_AGAIN, -math.inf
        self.recent.opened = now

    def wait(self, in_flight: int, now: float) -> float:
        """Return the seconds until a call may begin."""
        if in_flight < self.number:
            return 0.0
        if now < self._step_at:
            return self._step_at - now
        longest = self.recent.longest_delay
        doubles_in = _DOUBLES_IN if now < self.recent.opened + _UNTIL_HEARD * longest else _DOUBLES_IN_LATER
        late = min(now - self._step_at, _LATEST_STEP) if self._step_at > self.recent.opened else 0.0
        self.number *= 2 ** (1 / _STEPS_PER_DOUBLING)
        self._step_at = now + doubles_in * longest / _STEPS_PER_DOUBLING + late
        return 0.0
