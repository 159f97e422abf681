"""How many calls may begin per second: a token bucket, and a rate learned from refusals."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

# A rate is measured over this time, in seconds, or over this many calls if that takes longer.
_LOOKBACK = 1.0
_FEW_CALLS = 32

# A cut keeps this share of the accepted rate. The rate is back after so many seconds (and at least so many calls). That
# time doubles, up to the second number, each time the rate is refused at the same value, give or take this share. The
# last number is the lowest rate, in calls per second.
_KEPT = 0.95
_FIRST_RETURN = 1.0
_LAST_RETURN = 4.0
_CALLS_TO_RETURN = 15
_SAME_PLACE = 0.12
_SLOWEST = 0.02

# A first estimate, from one second of accepted calls, doubles in each interval of so many seconds until it is refused.
# It is measured over the second number of seconds.
_GUESS_DOUBLES = 0.25
_GUESS_STANDS = 0.3

# If calls are refused again before a rate could be measured: this share is kept for a moment (the penalty halves in so
# many seconds), and this share for good.
_PENALTY = 0.6
_PENALTY_HALVES = 0.5
_KEPT_UNMEASURED = 0.93

# If the share of refusals lies between these and is the same as before, the rate isn't the reason: it is raised by this
# factor. The two shares are compared within so many seconds.
_CONSTANT_SHARE = (0.05, 0.5)
_RAISED = 2.0
_COMPARED = 5.0


@dataclass(slots=True)
class TokenBucket:
    """A token bucket, stored as the time at which everything taken so far is paid off; `slack` is in seconds."""

    per_second: float
    slack: float = 0.01
    _paid_at: float = -math.inf

    def wait(self, now: float) -> float:
        """Return the seconds until more may be taken."""
        return max(0.0, self._paid_at - self.slack - now)

    def take(self, now: float, amount: float = 1.0) -> None:
        """Take an amount without waiting; a negative amount gives back."""
        self._paid_at = max(now, self._paid_at) + amount / self.per_second


@dataclass(slots=True)
class Call:
    """A call that began; `level` counts the calls in flight then, itself included, without calls refused later."""

    began: float
    level: int
    refused: bool = False


@dataclass
class Recent:
    """The calls of the last second, but at least the last few, and the pauses among them."""

    opened: float = math.inf
    _calls: deque[Call] = field(default_factory=deque)
    _pauses: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_FEW_CALLS))

    def add(self, call: Call) -> None:
        """Add a call that begins."""
        self.opened = min(self.opened, call.began)
        self._calls.append(call)
        while len(self._calls) > _FEW_CALLS and self._calls[0].began < call.began - _LOOKBACK:
            self._calls.popleft()

    def paused(self, begin: float, end: float) -> None:
        """Note that no call begins between these times."""
        self._pauses.append((begin, end))

    @property
    def first(self) -> float:
        """The time at which the oldest call began."""
        return self._calls[0].began

    def begun(self, since: float, until: float = math.inf) -> Iterator[Call]:
        """Yield the calls that began in a span of time."""
        return (call for call in self._calls if since <= call.began <= until)

    def count(self, since: float) -> int:
        """Return how many calls began since a time."""
        number = 0
        for call in reversed(self._calls):
            if call.began < since:
                break
            number += 1
        return number

    def refuse(self, call: Call) -> None:
        """Mark a call as refused: calls that began after it had one call less in flight than they seemed to."""
        call.refused = True
        for other in reversed(self._calls):
            if other is call:
                break
            other.level -= 1

    def share_refused(self, since: float, until: float = math.inf) -> float:
        """Return the share of the calls in a span of time that was refused; 0 if there are none."""
        outcomes = [call.refused for call in self.begun(since, until)]
        return sum(outcomes) / max(1, len(outcomes))

    def seconds_paused(self, since: float, until: float) -> float:
        """Return how many seconds of a span of time were pauses."""
        return sum(max(0.0, min(end, until) - max(begin, since)) for begin, end in self._pauses)


@dataclass
class AdaptiveRate:
    """The rate limit of one endpoint and model; there is none until a refusal is attributed to the rate."""

    recent: Recent
    _meter: TokenBucket | None = None
    _top: float = 0.0
    _return: float = 0.0
    _cut_at: float = -math.inf
    _measured_at: float = -math.inf
    _share: float = 0.0
    _penalty: float = 1.0
    _penalty_at: float = 0.0

    @property
    def known(self) -> bool:
        """Whether there was ever a reason to limit the rate."""
        return self._meter is not None

    @property
    def per_second(self) -> float:
        """Calls that may begin per second, as of the last update."""
        return self._meter.per_second if self._meter else math.inf

    def wait(self, now: float) -> float:
        """Return the seconds until a call may begin."""
        if self._meter is None:
            return 0.0
        self._meter.per_second = self._at(now)
        return self._meter.wait(now)

    def begin(self, now: float) -> None:
        """Register a call that begins."""
        if self._meter is not None:
            self._meter.take(now)

    def cut(self, now: float, *, again: bool) -> bool:
        """Lower the rate after a refusal; `again` says that much of what began since the last cut was refused.

        Returns:
            False if lowering the rate was found to have no effect.
        """
        if self._meter is None:
            self._meter = TokenBucket(1.0)
            self._stand(max(1.0, sum(not call.refused for call in self.recent.begun(now - _LOOKBACK))), now)
            self._return = 0.0
            return True
        guessed = not self._return
        span = _GUESS_STANDS if guessed else _LOOKBACK
        since = now - span if guessed else max(self.recent.opened, min(now - span, self.recent.first))
        if now - self._measured_at < span or self.recent.seconds_paused(since, now) > (now - since) / 3:
            if again:
                self._cut_unmeasured(now)
            return True
        return self._cut_measured(now, since, guessed=guessed)

    def _cut_measured(self, now: float, since: float, *, guessed: bool) -> bool:
        share, before, self._share = self.recent.share_refused(since), self._share, self.recent.share_refused(since)
        low, high = _CONSTANT_SHARE
        as_before = low < share < high and before / 2 < share < before * 2
        if as_before and not guessed and now - self._measured_at < _COMPARED:
            self._stand(_RAISED * self.per_second, now)
            return False
        accepted = sum(not call.refused for call in self.recent.begun(since)) / (now - since)
        top = max(_SLOWEST, min(accepted, self.per_second), self._top if guessed else 0.0)
        same_place = not guessed and abs(top - self._top) < _SAME_PLACE * self._top
        self._return = min(self._return * 2, _LAST_RETURN) if same_place else _FIRST_RETURN
        self._stand(top, now)
        return True

    def _cut_unmeasured(self, now: float) -> None:
        self._penalty, self._penalty_at = _PENALTY * self._eased(now), now
        if self._return:
            self._top, self._return, self._cut_at = self._top * _KEPT_UNMEASURED, _FIRST_RETURN, now

    def _stand(self, top: float, now: float) -> None:
        self._top, self._cut_at, self._measured_at = top, now, now

    def _at(self, now: float) -> float:
        """Return the rate at a time.

        A first estimate doubles again and again. A measured rate follows a cubic curve: fast back to the refused rate,
        slow around it, then faster and faster.
        """
        since = now - self._cut_at
        if self._return:
            seconds = max(self._return, _CALLS_TO_RETURN / self._top)
            rate = self._top * (1 + (1 - _KEPT) * (since / seconds - 1) ** 3)
        else:
            rate = self._top * 2 ** min(since / _GUESS_DOUBLES, 20)
        return rate * self._eased(now)

    def _eased(self, now: float) -> float:
        return min(1.0, self._penalty * 2 ** min((now - self._penalty_at) / _PENALTY_HALVES, 20))
