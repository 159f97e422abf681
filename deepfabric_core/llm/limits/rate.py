"""How many calls may begin per second: a token bucket, and a rate learned from refusals."""

from __future__ import annotations

import math
from dataclasses import dataclass

from deepfabric_core.llm.limits.recent import Recent

# A rate is measured over this time, in seconds, or over this many calls if that takes longer.
_LOOKBACK = 1.0
_FEW_CALLS = 24

# A cut keeps this share of the accepted rate. The rate is back after so many seconds (and at least so many calls). That
# time doubles, up to the second number, each time the rate is refused at the same value, give or take this share. The
# last number is the lowest rate, in calls per second.
_KEPT = 0.95
_FIRST_RETURN = 1.0
_LAST_RETURN = 4.0
_CALLS_TO_RETURN = 15
_SAME_PLACE = 0.12
_SLOWEST = 0.02

# If nearly all calls since the last cut were refused, and there were so many, this share is kept.
_KEPT_IN_VAIN = 0.6
_FEW_IN_VAIN = 6

# A first estimate grows by half in each interval of so many seconds, or of twice the delay of a refusal.
_GUESS_GROWS = 1.5
_GUESS_INTERVAL = 0.1
_DELAYS = 1.5
_CALLS_OF_GUESS = 4
_GUESS_STANDS = 0.3


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


@dataclass
class AdaptiveRate:
    """The rate limit of one endpoint and model; there is none until a refusal is attributed to the rate."""

    recent: Recent
    _meter: TokenBucket | None = None
    _top: float = 0.0
    _return: float = 0.0
    _cut_at: float = -math.inf

    @property
    def per_second(self) -> float:
        """Calls that may begin per second, as of the last update."""
        return self._meter.per_second if self._meter else math.inf

    @property
    def measured(self) -> float | None:
        """Calls that may begin per second, as measured at the last refusal; None if there is no limit."""
        return self._top if self._meter else None

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

    @property
    def is_guess(self) -> bool:
        """Whether the rate is a first estimate, which wasn't refused yet."""
        return self._meter is not None and not self._return

    def guess(self, per_second: float, now: float) -> None:
        """Take a first estimate, which grows until it is refused."""
        self._meter = TokenBucket(1.0)
        self._return = 0.0
        self._stand(_KEPT * max(_SLOWEST, per_second), now)

    def start_at(self, per_second: float, now: float) -> None:
        """Take a rate that was measured before, or by others."""
        self._meter = TokenBucket(per_second)
        self._return = _FIRST_RETURN
        self._stand(max(_SLOWEST, per_second), now)

    def cut(self, now: float) -> bool:
        """Lower the rate after a refusal, once enough calls since the last cut were heard of to tell what is accepted.

        Returns:
            Whether it was lowered.
        """
        until = self.recent.horizon(now)
        guessed = self._meter is None or self.is_guess
        span = _GUESS_STANDS if guessed else _LOOKBACK
        since = max(min(until - span, self.recent.begin_of_last(_FEW_CALLS, until)), self._cut_at)
        calls = list(self.recent.begun(since, until))
        accepted = sum(not call.refused for call in calls)
        if self._meter is None:
            self.guess(max(accepted, 1) / max(span, until - since), now)
        elif len(calls) >= _FEW_CALLS / 2 and until - since >= span / 2 and accepted:
            top = max(_SLOWEST, min(accepted / (until - since), self.per_second))
            same_place = not guessed and abs(top - self._top) < _SAME_PLACE * self._top
            self._return = min(self._return * 2, _LAST_RETURN) if same_place else _FIRST_RETURN
            self._stand(top, now)
        elif len(calls) >= _FEW_IN_VAIN and accepted <= len(calls) / 4:
            self._top = max(_SLOWEST, self._top * _KEPT_IN_VAIN)
            self._cut_at = now
        else:
            return False
        return True

    def _stand(self, top: float, now: float) -> None:
        self._top, self._cut_at = top, now

    def _at(self, now: float) -> float:
        """Return the rate at a time.

        A first estimate grows again and again. A measured rate follows a cubic curve: fast back to the refused rate,
        slow around it, then faster and faster.
        """
        since = now - self._cut_at
        if self._return:
            seconds = max(self._return, _CALLS_TO_RETURN / self._top)
            return self._top * (1 + (1 - _KEPT) * (since / seconds - 1) ** 3)
        interval = max(_GUESS_INTERVAL, _DELAYS * self.recent.delay, _CALLS_OF_GUESS / self._top)
        return self._top * _GUESS_GROWS ** min(since / interval, 20)
