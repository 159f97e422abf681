"""When the next call may begin: learned from what the provider refuses, and told by its headers.

Nothing here waits or reads a clock: times come in as seconds of any steady clock, decisions go out as values.

A provider may limit the calls at once or the calls a second, and doesn't say which. So both are learned. A refusal with
more calls under way than were ever answered speaks against their number, any other against their rate. A burst of
refusals cuts that limit once, to a little less than what was just accepted; while it binds, it grows again by steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from deepfabric_core.llm.limits.rate import AdaptiveRate, Call, Recent, TokenBucket

# The opening: this many calls at once, then a step more every so many seconds, until the ceiling or a refusal. A step
# waits for the one before it: a slow client hears of refusals before it has begun too much.
_FIRST_CALLS = 16.0
_STEP = 1.2
_SECONDS_A_STEP = 0.004

# What is left of the number at once after a refusal. First it grows by one with each answer; once refused again, by
# this share in a round, which is as many answers as calls at once, but by no more than one in so many answers; quicker
# when all is quiet.
_KEPT = 0.94
_GROWTH_A_ROUND = 0.02
_FEWEST_A_STEP = 25
_QUIET = 5.0
_CLEARLY = 0.95

# After a refusal nothing begins for this long, longer when it goes on, and as long as the provider asks when it refuses
# nearly all.
_BREATH = 0.1
_BREATHS_ALIKE = 3
_AGAIN = 0.25
_NEARLY_ALL = 0.75

# Calls don't begin in heaps: at most this much faster than answers come.
_EAGERNESS = 1.5
_SMOOTHING = 0.1
_A_ROUND = 1.5


@dataclass
class AdaptiveController:
    """The limits of one endpoint and model; `ceiling` is the most that is wished for at once."""

    ceiling: int = 1
    in_flight: int = 0
    paused_until: float = -math.inf
    refused_at: float = -math.inf
    why: str = ""
    _opening: float = _FIRST_CALLS
    _step_at: float = -math.inf
    _at_once: float = math.inf
    _doubling: bool = True
    _proven: int = 0
    _filled_at: float = -math.inf
    _latency: float = 0.0
    _spread: TokenBucket | None = None
    _quickest: float = math.inf
    _left: float = 0.0
    _left_until: float = -math.inf
    _recent: Recent = field(default_factory=Recent)
    _cut_at: float = -math.inf
    _in_a_row: int = 0

    def __post_init__(self) -> None:
        self._speed = AdaptiveRate(self._recent)

    @property
    def allowed(self) -> int:
        """Calls that may be under way at this moment."""
        return max(1, int(min(self.ceiling, self._at_once, self._opening)))

    def wait(self, now: float) -> float:
        """Seconds until a call may begin: 0 for now, infinity for when another one has ended."""
        if now < self.paused_until:
            return self.paused_until - now
        if self.in_flight >= self.allowed:
            if self._opening >= min(self.ceiling, self._at_once):
                return math.inf
            if now < self._step_at:
                return self._step_at - now
            late = min(now - self._step_at, _BREATH) if self._step_at > self._recent.opened else 0.0
            self._opening, self._step_at = self._opening * _STEP, now + _SECONDS_A_STEP + late
        wait = self._speed.wait(now)
        if self._spread:
            wait = max(wait, self._spread.wait(now))
        return max(wait, self._left_until - now) if self._left < 1 else wait

    def begin(self, now: float) -> Call:
        """A call begins."""
        self.in_flight += 1
        self._speed.begin(now)
        if now < self._left_until:
            self._left -= 1
        if self._at_once < math.inf:
            self._spread_out(now)
        call = Call(now, self.in_flight)
        self._recent.add(call)
        return call

    def _spread_out(self, now: float) -> None:
        if self.in_flight >= int(self._at_once):
            self._filled_at = now
        if self._latency:
            self._spread = self._spread or TokenBucket(1.0)
            self._spread.per_second = _EAGERNESS * self._at_once / self._latency
            self._spread.take(now)

    def ended(self) -> None:
        """A call ended in any other way than by an answer or a refusal."""
        self.in_flight -= 1

    def answered(self, call: Call, now: float) -> None:
        """A call was answered."""
        self._quickest = min(self._quickest, now - call.began)
        self._proven = max(self._proven, call.level)
        self._latency += (now - call.began - self._latency) * (_SMOOTHING if self._latency else 1.0)
        if call.began > self._cut_at and now - self._filled_at <= _A_ROUND * self._latency:
            quiet = 1 + (now - self.refused_at) / _QUIET
            step = 1.0 if self._doubling else max(1 / max(self._at_once, _FEWEST_A_STEP), _GROWTH_A_ROUND) * quiet
            self._at_once = min(self.ceiling, self._at_once + step)
        self.in_flight -= 1

    def refused(self, call: Call, now: float, wait: float) -> bool:
        """A call was refused, not to be made again for `wait` seconds. Answers whether a limit was cut."""
        self._recent.refuse(call)
        self._quickest = min(self._quickest, now - call.began)
        new_burst = call.began > self._cut_at
        if new_burst:
            self._cut(call, now, wait)
        elif self._doubling:
            self._at_once = max(1.0, min(self._at_once, _KEPT * call.level))
        if self._recent.share_refused(-math.inf, call.began) >= _NEARLY_ALL:
            self._pause(now, wait)
            self.why = "the provider refuses nearly all calls: paused as long as it asks"
        self.in_flight -= 1
        self.refused_at = now
        return new_burst

    def told(self, remaining: float, reset: float, now: float) -> None:
        """The provider says how many more calls it takes, and that all it ever takes is back in `reset` seconds.

        It can't know yet of those that are on their way to it.
        """
        self._left, self._left_until = remaining - self._recent.count(since=now - self._quickest), now + reset

    def _cut(self, call: Call, now: float, wait: float) -> None:
        again = self._cut_at > -math.inf and self._recent.share_refused(self._cut_at) > _AGAIN
        if call.level > _CLEARLY * self._proven:
            pausing = self._doubling = self._at_once == math.inf
            self._at_once = max(1.0, _KEPT * min(self._at_once, call.level))
            self.why = "the provider refuses more at once"
        else:
            pausing = self._speed.cut(now, again=again)
            self.why = "the provider refuses more a second"
        if pausing or again:
            self._in_a_row = self._in_a_row + 1 if again else 0
            self._pause(now, min(wait, _BREATH * 2 ** min(max(0, self._in_a_row - _BREATHS_ALIKE), 30)))
        self._cut_at, self._opening = now, math.inf

    def _pause(self, now: float, seconds: float) -> None:
        if seconds > _BREATHS_ALIKE * _BREATH:
            self._recent.paused(max(now, self.paused_until), now + seconds)
        self.paused_until = max(self.paused_until, now + seconds)
