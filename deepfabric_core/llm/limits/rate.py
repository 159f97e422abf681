"""How many calls may begin per second: a token bucket, and a rate learned from refusals."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from deepfabric_core.llm.limits.correction import Correction
from deepfabric_core.llm.limits.overload import Overload
from deepfabric_core.llm.limits.probing import multiple_of_limit, small_step
from deepfabric_core.llm.limits.recent import Call, Recent

# A rate is measured between the beginnings of two bursts of refusals, at least so many seconds and calls apart; of the
# bursts so many are remembered.
_LEAST_SPAN = 0.9
_IDLE = 0.1
_NEARLY = 0.07
_LOOKBACK = 1.0
_FEW_CALLS = 12
_MANY_CALLS = 50
_BURSTS = 16
# A correction that is closer than this share to the rate isn't worth one.
_CLEARLY = 0.985

# A cut keeps this share of the accepted rate. The rate is back after so many seconds (and at least so many calls). That
# time doubles, up to the second number, each time the rate is refused at the same value, give or take this share. The
# last number is the lowest rate, in calls per second.
_KEPT = 0.95
_KEPT_IN_OVERLOAD = 0.7  # where less tells better which refusals are by chance
_FIRST_RETURN = 1.0
_LAST_RETURN = 2.0
_LAST_RETURN_IN_VAIN = 4.0
_CALLS_TO_RETURN = 15
_CALLS_IN_STEADY_STATE = 100
_SAME_PLACE = 0.12
_SLOWEST = 0.02
# Calls at more than this share of the rate may be refused by the limit.
_NEAR = 0.92
# A limit on the rate is doubtful for so many seconds after it was found, and when so many times more calls may begin.
_DOUBTFUL = 4.0
_FAR_MORE = 8

# A first estimate grows by half in each interval of so many seconds, or of so many delays of a refusal, or calls. It is
# measured over so many seconds, and cut to this share if it is refused before that.
_GUESS_GROWS = 1.5
_GUESS_INTERVAL = 0.1
_DELAYS = 1.5
_CALLS_OF_GUESS = 4
_GUESS_STANDS = 0.3
_KEPT_UNMEASURED = 0.7


@dataclass(slots=True)
class TokenBucket:
    """A token bucket, stored as the time at which everything taken so far is paid off; `slack` is in seconds."""

    per_second: float
    slack: float = 0.01
    _paid_at: float = -math.inf

    def wait(self, now: float) -> float:
        """Return the seconds until more may be taken."""
        return max(0.0, self._paid_at - self.slack - now)

    def unused(self, now: float) -> float:
        """Return for how many seconds nothing was taken, though it was allowed."""
        return max(0.0, now - self._paid_at - self.slack) if self._paid_at > -math.inf else 0.0

    def forgive(self, now: float) -> None:
        """Take it that nothing could be taken until now."""
        self._paid_at = max(self._paid_at, now - self.slack)

    def take(self, now: float, amount: float = 1.0) -> None:
        """Take an amount without waiting; a negative amount gives back."""
        self._paid_at = max(now, self._paid_at) + amount / self.per_second


@dataclass
class AdaptiveRate:
    """The rate limit of one endpoint and model; there is none until a refusal is attributed to the rate."""

    recent: Recent
    overload: Overload
    _found_at: float = math.inf
    _meter: TokenBucket | None = None
    _top: float = math.inf
    _return: float = 0.0
    _stood: float = 0.0
    _returned: float = 0.0
    _cut_at: float = -math.inf
    _guessed_at: float = -math.inf
    _idle: float = 0.0
    _saved: bool = False
    _bursts: deque[tuple[float, int, float]] = field(default_factory=lambda: deque(maxlen=_BURSTS))

    def __post_init__(self) -> None:
        self._correction = Correction(self.recent, self.overload)

    @property
    def per_second(self) -> float:
        """Calls that may begin per second, as of the last update."""
        return self._meter.per_second if self._meter else math.inf

    @property
    def top(self) -> float:
        """The rate that was accepted, without what is tried out beyond it; infinity if there is no limit."""
        return self._top

    def wait(self, now: float, *, tries: bool = True) -> float:
        """Return the seconds until a call may begin; it may be one that tries out more if `tries` says so."""
        if self._meter is None:
            return 0.0
        rate = self._at(now)
        self._meter.per_second = rate if tries or self.is_guess else min(rate, self._top)
        return self._meter.wait(now)

    def binds(self, now: float) -> bool:
        """Return whether a call that begins now was held back until now."""
        return self._meter is not None and not self._meter.unused(now)

    def is_doubtful(self, now: float) -> bool:
        """Return whether no limit on the rate was found, or only just, or one that has grown far unrefused."""
        return self._found_at > now - _DOUBTFUL or self.per_second > _FAR_MORE * self._top

    @property
    def is_near(self) -> bool:
        """Whether about as many calls a second begin as are accepted, or more."""
        return self._meter is not None and self._meter.per_second > _NEAR * self._top

    def tries(self, now: float) -> bool:
        """Register a call that begins; return whether it tries out more calls a second than were accepted."""
        if self._meter is None:
            return False
        self._idle += self._meter.unused(now)
        self._meter.take(now)
        return self.is_guess or self._meter.per_second >= self._top

    @property
    def _kept(self) -> float:
        return _KEPT_IN_OVERLOAD if self.overload.share else _KEPT

    @property
    def is_guess(self) -> bool:
        """Whether the rate is a first estimate, which wasn't refused yet."""
        return self._meter is not None and not self._return

    def guess(self, per_second: float, now: float) -> None:
        """Take a first estimate, which grows until it is refused; infinity for none."""
        self._return = 0.0
        self._correction.forget()
        self._top, self._cut_at, self._guessed_at = max(_SLOWEST, _KEPT * per_second), now, now
        self._take_meter(None if per_second == math.inf else TokenBucket(self._top), now)

    def stand(self, per_second: float, now: float, *, again: bool = False, saved: bool = False) -> None:
        """Take a rate as measured; more may be `saved` than there is at that rate."""
        self._saved = saved
        same_place = again and abs(per_second - self._stood) < _SAME_PLACE * per_second
        self._return = min(2 * self._returned, _LAST_RETURN_IN_VAIN) if same_place else self._return or _FIRST_RETURN
        if again:
            self._stood, self._returned = per_second, self._return
        self._correction.forget()
        self._top, self._cut_at, self._guessed_at = max(_SLOWEST, per_second), now, now
        self._take_meter(self._meter or TokenBucket(self._top), now)

    def _take_meter(self, meter: TokenBucket | None, now: float) -> None:
        """Take a meter, or none, and note since when there has been a limit."""
        if meter is None or self._meter is None:
            self._found_at = now if meter else math.inf
        self._meter = meter

    def share_changed(self, before: float, after: float) -> None:
        """Take it that another share of the calls is refused by chance than was thought when the rate was measured."""
        if self._return:
            self._top *= (1 - before) / (1 - after)

    def excuse(self, now: float) -> None:
        """Take it that until now no call could begin for another reason."""
        if self._meter is not None:
            self._meter.forgive(now)

    def note_burst(self, since: float, accepted_before: int) -> None:
        """Note that calls since a time were refused, and how many were accepted before."""
        self._bursts.append((since, accepted_before, self._idle))

    def refused(self, call: Call, now: float) -> None:
        """Lower the rate after the refusal of a call that tried out more."""
        if self._meter is None:
            since = min(call.began - _GUESS_STANDS, self.recent.began_last(_FEW_CALLS, call.began))
            self.guess(self.recent.accepted(since, call.began) / (call.began - since), now)
            return
        self._saved = False
        guessed = self.is_guess
        accepted_before = self.recent.accepted_before(call)
        measured = self._measured_guess(call) if guessed else self._measured(call, accepted_before)
        if measured is None:
            self._top, self._cut_at = max(_SLOWEST, _KEPT_UNMEASURED * self.per_second), now
        else:
            top = max(_SLOWEST, min(measured / (1 - self.overload.share), self.per_second))
            same_place = call.tries_rate and not guessed and abs(top - self._top) < _SAME_PLACE * self._top
            self._return = min(self._return * 2, _LAST_RETURN) if same_place else _FIRST_RETURN
            self._top, self._cut_at = top, now
        self._correction.begin(call, now, self._idle)
        self.note_burst(call.began, accepted_before)

    def corrects(self, call: Call, now: float) -> bool:
        """Lower the rate if a refusal tells that it was measured too high at the last cut; return whether it was."""
        measured = None if self.is_guess else self._correction.measured(call, self._idle)
        if measured is None or measured > _CLEARLY * self._top:
            return False
        self._correction.corrected(call, now, self._idle)
        self.note_burst(call.began, self.recent.accepted_before(call))
        self._top, self._cut_at = max(_SLOWEST, measured), now
        return True

    def awaits_correction(self, call: Call) -> bool:
        """Return whether it is too early to say what the refusal of a call soon after a cut tells."""
        return self._correction.is_awaited(call)

    def _measured_guess(self, call: Call) -> float | None:
        """Return the rate that was accepted lately, since the first estimate; None if too few calls tell it."""
        since = max(self._guessed_at, call.began - _GUESS_STANDS)
        few = max(_FEW_CALLS / 2, min(_FEW_CALLS, self._top * _GUESS_STANDS))
        return self._accepted_since(since, call, few / 2) if call.began - since >= _GUESS_STANDS / 2 else None

    def _measured(self, call: Call, accepted_before: int) -> float | None:
        """Return the rate that was accepted lately, or between bursts of refusals; None if too few calls tell it."""
        since = max(self._guessed_at, min(call.began - _LOOKBACK, self.recent.began_last(_MANY_CALLS, call.began)))
        lately = self._accepted_since(since, call, _FEW_CALLS / 2)
        if lately is None:
            return None
        between = self._between_bursts(call.began, accepted_before, lately)
        return between if not call.tries_rate or abs(between - lately) < _NEARLY * lately else lately

    def _accepted_since(self, since: float, call: Call, fewest: float) -> float | None:
        accepted = self.recent.accepted(since, call.began)
        return accepted / (call.began - since) if since < call.began and accepted >= fewest else None

    def _between_bursts(self, until: float, accepted: int, lately: float) -> float:
        """Return the rate between two bursts of refusals, which is exact, unless fewer calls than allowed were made."""
        for at, before, idle in reversed(self._bursts):
            if until - at >= _LEAST_SPAN and accepted - before >= _MANY_CALLS:
                return (accepted - before) / (until - at) if self._idle - idle < _IDLE * (until - at) else lately
        return lately

    def _at(self, now: float) -> float:
        """Return the rate at a time.

        A first estimate grows again and again; a measured rate is tried out again and again.
        """
        since = now - self._cut_at
        if self._return:
            few = _CALLS_IN_STEADY_STATE if self._return >= _LAST_RETURN else _CALLS_TO_RETURN
            seconds, beyond = max(self._return, few / self._top), small_step(self._top, self.recent.delay)
            return self._top * multiple_of_limit(since, seconds, below=1 - self._kept, beyond=beyond, saved=self._saved)
        interval = max(_GUESS_INTERVAL, _DELAYS * self.recent.delay, _CALLS_OF_GUESS / self._top)
        return self._top * float(_GUESS_GROWS ** min(since / interval, 20.0))
