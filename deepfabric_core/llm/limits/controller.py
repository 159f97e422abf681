"""Adaptive limits for one endpoint and model: learn from refusals (429) and headers when the next call may begin.

Nothing here waits or reads a clock: times are passed in as seconds of any monotonic clock, decisions are returned.

A provider may limit the number of calls in flight or the calls per second, and doesn't say which. So both limits are
learned. A refusal is attributed to the number of calls in flight if the refused call saw more than 95 % of the highest
number that any answered call saw; otherwise it is attributed to the rate (see `rate`).

The states of the controller:

- Opening, until the first refusal: 16 calls may be in flight at first, then 20 % more in steps of 4 ms, up to the
  ceiling.
- After a refusal: a burst of refusals cuts one of the two limits once, to a little less than what was just accepted.
  Calls that began before the cut belong to the same burst and cut nothing more, except that, until the number of calls
  in flight is cut a second time, each of their refusals can lower that limit to a little less than what it saw. A cut
  usually pauses all calls for 0.1 s, for longer if refusals go on, but never longer than the provider asks for. If
  nearly all calls are refused, the pause is as long as the provider asks for.
- Growth (probing): while a learned limit on calls in flight is fully used, each answered call raises it. After the
  first cut it grows by 1 per answer, so it doubles in each round of calls; after another cut by 2 % to 4 % per round.
  The learned rate grows back on a curve of its own.
- Quiet: the longer ago the last refusal is, the faster the limit grows (twice as fast after 5 s).

In every state, `told` makes calls wait when the provider's headers say that its quota is used up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from deepfabric_core.llm.limits.rate import AdaptiveRate, Call, Recent, TokenBucket

# Opening. A step that comes late makes the next one later: a slow client sees refusals before it starts too much.
_FIRST_CALLS = 16.0  # in flight
_STEP_FACTOR = 1.2
_SECONDS_PER_STEP = 0.004

# The learned limit on calls in flight.
_PROVEN_SHARE = 0.95  # of the most calls in flight that were answered: a refusal above that speaks against the number
_KEPT = 0.94  # of the calls in flight, after a cut
_GROWTH_PER_ROUND = 0.02  # a round is as many answers as calls in flight
_MIN_ANSWERS = 25  # for the limit to grow by one
_QUIET_SECONDS = 5.0  # without a refusal, and it grows twice as fast
_IN_USE_WITHIN = 1.5  # latencies since the limit was reached: only a limit that is in use grows

# Pauses after refusals.
_PAUSE_AFTER_REFUSAL = 0.1  # seconds
_EQUAL_PAUSES = 3  # in a row, before each one is twice as long as the one before
_SHARE_REFUSED_AGAIN = 0.25  # of the calls since the last cut: refusals go on
_NEARLY_ALL = 0.75  # of the recent calls: the provider's wait counts

# With a learned limit, calls start at most this much faster than replies come, so that they don't start in bursts.
_STARTS_PER_REPLY = 1.5
_SMOOTHING = 0.1  # share of a new latency in the smoothed one


@dataclass
class AdaptiveController:
    """The learned limits of one endpoint and model.

    Attributes:
        ceiling: the most calls in flight that the runs ask for, in sum.
        in_flight: calls in flight.
        paused_until: the time until which no call may begin.
        refused_at: the time of the last refusal.
        quota_full_at: the time at which the quota is full again, as the provider stated last.
        why: the reason for the last cut, in words for users.
    """

    ceiling: int = 1
    in_flight: int = 0
    paused_until: float = -math.inf
    refused_at: float = -math.inf
    quota_full_at: float = -math.inf
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
    _recent: Recent = field(default_factory=Recent)
    _cut_at: float = -math.inf
    _in_a_row: int = 0

    def __post_init__(self) -> None:
        self._speed = AdaptiveRate(self._recent)

    @property
    def allowed(self) -> int:
        """How many calls may be in flight now."""
        return max(1, int(min(self.ceiling, self._at_once, self._opening)))

    @property
    def per_second(self) -> float:
        """How many calls may begin per second, as learned; infinity if no limit on the rate was found."""
        return self._speed.per_second

    def wait(self, now: float) -> float:
        """Return the seconds until a call may begin: 0 for now, infinity for as soon as another call ends."""
        if now < self.paused_until:
            return self.paused_until - now
        if self.in_flight >= self.allowed:
            if self._opening >= min(self.ceiling, self._at_once):
                return math.inf
            if now < self._step_at:
                return self._step_at - now
            late = min(now - self._step_at, _PAUSE_AFTER_REFUSAL) if self._step_at > self._recent.opened else 0.0
            self._opening, self._step_at = self._opening * _STEP_FACTOR, now + _SECONDS_PER_STEP + late
        wait = self._speed.wait(now)
        if self._spread:
            wait = max(wait, self._spread.wait(now))
        return max(wait, self.quota_full_at - now) if self._left < 1 else wait

    def begin(self, now: float) -> Call:
        """Register a call that begins."""
        self.in_flight += 1
        self._speed.begin(now)
        if now < self.quota_full_at:
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
            self._spread.per_second = _STARTS_PER_REPLY * self._at_once / self._latency
            self._spread.take(now)

    def ended(self) -> None:
        """Register the end of a call that was neither answered nor refused."""
        self.in_flight -= 1

    def answered(self, call: Call, now: float) -> None:
        """Register the answer to a call."""
        self._quickest = min(self._quickest, now - call.began)
        self._proven = max(self._proven, call.level)
        self._latency += (now - call.began - self._latency) * (_SMOOTHING if self._latency else 1.0)
        if call.began > self._cut_at and now - self._filled_at <= _IN_USE_WITHIN * self._latency:
            quiet = 1 + (now - self.refused_at) / _QUIET_SECONDS
            step = 1.0 if self._doubling else max(1 / max(self._at_once, _MIN_ANSWERS), _GROWTH_PER_ROUND) * quiet
            self._at_once = min(self.ceiling, self._at_once + step)
        self.in_flight -= 1

    def refused(self, call: Call, now: float, wait: float) -> bool:
        """Register the refusal of a call, which may be repeated after `wait` seconds.

        Returns:
            Whether a limit was cut.
        """
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
        """Apply the quota that the provider states: `remaining` more calls, and the full quota again in `reset` s.

        Calls that may not have reached the provider yet are subtracted from `remaining`.
        """
        self._left, self.quota_full_at = remaining - self._recent.count(since=now - self._quickest), now + reset

    def _cut(self, call: Call, now: float, wait: float) -> None:
        again = self._cut_at > -math.inf and self._recent.share_refused(self._cut_at) > _SHARE_REFUSED_AGAIN
        if call.level > _PROVEN_SHARE * self._proven:
            pausing = self._doubling = self._at_once == math.inf
            self._at_once = max(1.0, _KEPT * min(self._at_once, call.level))
            self.why = "the provider refuses more at once"
        else:
            pausing = self._speed.cut(now, again=again)
            self.why = "the provider refuses more a second"
        if pausing or again:
            self._in_a_row = self._in_a_row + 1 if again else 0
            self._pause(now, min(wait, _PAUSE_AFTER_REFUSAL * 2 ** min(max(0, self._in_a_row - _EQUAL_PAUSES), 30)))
        self._cut_at, self._opening = now, math.inf

    def _pause(self, now: float, seconds: float) -> None:
        if seconds > _EQUAL_PAUSES * _PAUSE_AFTER_REFUSAL:
            self._recent.paused(max(now, self.paused_until), now + seconds)
        self.paused_until = max(self.paused_until, now + seconds)
