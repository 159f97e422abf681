"""Adaptive limits for one endpoint and model: learn from refusals (429) and headers when the next call may begin.

Nothing here waits or reads a clock: times are passed in as seconds of any monotonic clock, decisions are returned.

A provider may limit the number of calls in flight or the calls per second, and doesn't say which. So both limits are
learned (`places` and `rate`). A refusal is attributed to the number of calls in flight if the refused call saw more
than 95 % of the highest number that any accepted call saw; otherwise it is attributed to the rate.

A refusal is heard of late, after 0.1 to 0.3 s over a real network, while an answer may take a minute. So silence counts:
a call that began longer ago than a refusal takes, and wasn't refused, is accepted, though it isn't answered yet
(`recent`). What began later is not yet heard of, and counts for nothing.

The states of the controller:

- Opening, until the first refusal: 40 calls may be in flight at first, and twice as many after each delay that a
  refusal is assumed to take, up to the ceiling. So what is on its way when the first refusal is heard is bounded.
- After a refusal: a burst of refusals cuts one of the two limits once. Calls that began before the cut belong to the
  same burst, and don't cut it again.
- Growth: both limits are tried again by a few calls at a time, and each time it is waited until they are heard of.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.places import Places
from deepfabric_core.llm.limits.rate import AdaptiveRate
from deepfabric_core.llm.limits.recent import Call, Recent

# Opening. A step that comes late makes the next one later: a slow client sees refusals before it starts too much.
_FIRST_CALLS = 32.0  # in flight
_STEPS_PER_DOUBLING = 10
_LATEST_STEP = 0.1  # seconds

_PROVEN_SHARE = 0.95  # of the most calls in flight that were accepted: a refusal above that speaks against the number

# If nearly all calls are refused, all wait as long as the provider asks for.
_IN_VAIN = 2
_PAUSE = 0.1
# A rate is told from the opening if so many calls were accepted beyond those that ended, in so many seconds.
_FEW = 2
# If the first refusal is heard sooner, calls go on for so many seconds, one in so many, to tell which limit it is.
_ASKING = 0.15
_ASKING_EVERY = 0.005


@dataclass
class AdaptiveController:
    """The learned limits of one endpoint and model.

    Attributes:
        ceiling: the most calls in flight that the runs ask for, in sum.
        in_flight: calls in flight.
        paused_until: the time until which no call may begin.
        refused_at: the time of the last refusal.
        why: the reason for the last cut, in words for users.
    """

    ceiling: int = 1
    in_flight: int = 0
    paused_until: float = -math.inf
    refused_at: float = -math.inf
    why: str = ""
    _opening: float = _FIRST_CALLS
    _step_at: float = -math.inf
    _recent: Recent = field(default_factory=Recent)
    _cut_at: float = -math.inf
    _first_refused: Call | None = None
    _ask_at: float = -math.inf
    _opened_until: float = -math.inf
    _lowest: float = math.inf
    _last_burst: float = -math.inf
    _in_vain: int = 0

    def __post_init__(self) -> None:
        self._places = Places(self._recent)
        self._rate = AdaptiveRate(self._recent)

    @property
    def allowed(self) -> int:
        """How many calls may be in flight now."""
        return max(1, int(min(self.ceiling, self._places.allowed, self._opening)))

    @property
    def per_second(self) -> float:
        """How many calls may begin per second, as learned; infinity if no limit on the rate was found."""
        return self._rate.per_second

    def wait(self, now: float) -> float:
        """Return the seconds until a call may begin: 0 for now, infinity for as soon as another call ends."""
        if now < self.paused_until:
            return self.paused_until - now
        if self._first_refused is not None:
            if now < self._opened_until:
                return max(0.0, self._ask_at - now)
            heard = self._opened_until + self._recent.delay
            if now < heard:
                return heard - now
            self._judge_opening(self._first_refused, now)
        if self.in_flight >= self.ceiling:
            return math.inf
        if self.in_flight >= self._opening:
            if now < self._step_at:
                return self._step_at - now
            self._open(now)
        self._recent.hear_silence(now)
        return max(self._places.wait(self.in_flight, now), self._rate.wait(now))

    def _open(self, now: float) -> None:
        step = self._recent.delay / _STEPS_PER_DOUBLING
        late = min(now - self._step_at, _LATEST_STEP) if self._step_at > self._recent.opened else 0.0
        self._opening, self._step_at = self._opening * 2 ** (1 / _STEPS_PER_DOUBLING), now + step + late

    def begin(self, now: float) -> Call:
        """Register a call that begins."""
        self.in_flight += 1
        self._rate.begin(now)
        self._places.begin(self.in_flight, now)
        self._ask_at = now + _ASKING_EVERY
        call = Call(now, self.in_flight)
        self._recent.add(call)
        return call

    def ended(self) -> None:
        """Register the end of a call that was neither answered nor refused."""
        self.in_flight -= 1

    def answered(self, call: Call, now: float) -> None:
        """Register the answer to a call."""
        self._recent.answered(call, now)
        self.in_flight -= 1

    def refused(self, call: Call, now: float, wait: float) -> bool:
        """Register the refusal of a call, which may be repeated after `wait` seconds.

        Returns:
            Whether a limit was cut.
        """
        self._recent.refused(call, now)
        if self._opening < math.inf:
            if self._first_refused is None:
                self._first_refused = call
                self._opened_until = max(now, call.began + _ASKING)
            if call.began < self._first_refused.began:
                self._first_refused = call
            self._lowest = min(self._lowest, call.level)
            self.in_flight -= 1
            self.refused_at = now
            return False
        new_burst = call.began > self._cut_at
        if call.level > _PROVEN_SHARE * self._recent.proven and not self._rate.is_guess:
            self._places.refused(call, now, new_burst=new_burst)
            self.why = "the provider refuses more at once"
        elif self._rate.cut(now):
            self.why = "the provider refuses more a second"
        if new_burst:
            self._cut_at = now
            self._in_vain = 0 if self._recent.accepted(self._last_burst, call.began) else self._in_vain + 1
            self._last_burst = call.began
            if self._in_vain > _IN_VAIN:
                self.paused_until = max(self.paused_until, now + min(wait, _PAUSE * 2 ** min(self._in_vain, 20)))
                self.why = "the provider refuses nearly all calls: paused as long as it asks"
        self.in_flight -= 1
        self.refused_at = now
        return new_burst

    def _judge_opening(self, first: Call, now: float) -> None:
        """Tell from the opening, all of whose refusals were heard, which limit there is, and set it.

        While the provider was asked for too much, a limit on the rate let some calls in, without any call ending; one
        on the number in flight let in as many as ended.
        """
        seconds = self._opened_until - first.began
        accepted = self._recent.accepted_after(first, self._opened_until)
        ended = self._recent.ended(first.began, self._opened_until)
        if accepted > _FEW + 1.5 * ended:
            self._rate.guess(accepted / seconds, now)
            self.why = "the provider refuses more a second"
        else:
            self._places.set(first.level - 1, now)
            self.why = "the provider refuses more at once"
        self._cut_at, self._opening, self._first_refused = self._opened_until, math.inf, None

    def learned(self) -> Learned | None:
        """Return what is known of the limits now; None if nothing is, or while the opening is being judged."""
        per_second = self._rate.measured
        at_once = int(self._places.number) if self._places.number < math.inf else None
        accepted = self._recent.proven or None
        if self._first_refused is not None or not (per_second or at_once or accepted):
            return None
        return Learned(per_second, at_once, accepted, self._recent.heard_delay)

    def start_from(self, learned: Learned, now: float) -> None:
        """Take limits that were learned before, or by others; calls may be in flight."""
        if learned.per_second is not None:
            self._rate.start_at(learned.per_second, now)
        if learned.at_once is not None:
            self._places.start_at(learned.at_once, now)
        else:
            self._recent.proven = max(self._recent.proven, learned.accepted_at_once or 0)
        if learned.per_second is not None or learned.at_once is not None:
            self._opening, self._first_refused = math.inf, None
        self._opening = max(self._opening, learned.accepted_at_once or 0)

    def told(self, remaining: float, reset: float, now: float) -> None:
        """Apply the quota that the provider states."""
