"""A correction: how far a rate was measured too high, as the refusals soon after a cut tell.

Before the first refusal, calls use up what a bucket had saved. From then on nothing is saved, so what is accepted
between two refusals is the limit itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from deepfabric_core.llm.limits.overload import Overload
from deepfabric_core.llm.limits.recent import Call, Recent

# It takes so many accepted calls, and so many refused ones and such a share, which is more than chance. For so many
# seconds it is waited until they are there.
_FEWEST_ACCEPTED = 10
_FEWEST_REFUSED = 3
_SHARE_REFUSED = 0.04
_WAITS = 0.4

# Where the rate was unused for a larger share of the time, something was saved.
_MOST_IDLE = 0.1

# There are so many corrections after the refusal of a call that tried the rate out, or of any other call after so many
# seconds: refusals by chance mustn't lower the rate without end.
_SEVERAL = 3
_AGAIN_AFTER = 2.0


@dataclass
class Correction:
    """The calls from the first refusal of a burst on."""

    recent: Recent
    overload: Overload
    _left: int = 0
    _since: float = -math.inf
    _idle: float = 0.0
    _corrected_at: float = -math.inf

    def forget(self) -> None:
        """Correct nothing until the next burst, since the rate is no longer that of the last one."""
        self._left = 0

    def begin(self, call: Call, now: float, idle: float) -> None:
        """Begin with a refused call that lowered the rate; the rate was unused for so many seconds in all."""
        if call.tries_rate or not self._left:
            self._since, self._idle = call.began, idle
        if call.tries_rate or now > self._corrected_at + _AGAIN_AFTER:
            self._left = _SEVERAL

    def measured(self, call: Call, idle: float) -> float | None:
        """Return the rate that was accepted from the first refusal to this one; None if that isn't known."""
        if not self._may_follow(call):
            return None
        span = call.began - self._since
        accepted = self.recent.accepted(self._since, call.began)
        refused = 1 + sum(other.refused for other in self.recent.between(self._since, call.began))
        enough = refused >= max(_FEWEST_REFUSED, _SHARE_REFUSED * (accepted + refused))
        if accepted < _FEWEST_ACCEPTED or not enough or idle - self._idle > _MOST_IDLE * span:
            return None
        return accepted / span

    def is_awaited(self, call: Call) -> bool:
        """Return whether a refused call may be followed by a correction soon, so that nothing else need be done."""
        early = self.recent.accepted(self._since, call.began) < _FEWEST_ACCEPTED
        return self._may_follow(call) and early and call.began - self._since < _WAITS

    def corrected(self, call: Call, now: float, idle: float) -> None:
        """Note that the rate was corrected after the refusal of a call."""
        self._left -= 1
        self._since, self._idle, self._corrected_at = call.began, idle, now

    def _may_follow(self, call: Call) -> bool:
        return self._left > 0 and call.paced and not self.overload.share
