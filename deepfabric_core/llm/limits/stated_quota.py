"""A quota that a provider states in its headers: how much is left, and when all of it is back.

Headers are evidence, not orders: they may be constant, count something else, or leave out that a quota fills up all the
time. So it is compared what they say of call after call. If what is left and the reset fit each other (`Filling`), the
quota is followed to the letter, whatever else was learned. If not, it is followed only until a limit was learned, and
single calls try whether it is used up indeed; if such a call is accepted, its headers are ignored from then on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

from deepfabric_core.llm.limits.charge import Charge
from deepfabric_core.llm.limits.filling import Filling, Statement
from deepfabric_core.llm.limits.quota_headers import RemainingQuota, Unit
from deepfabric_core.llm.limits.recent import Call, Recent, Size

# In seconds: the time after which it is tried whether a used quota is used indeed; it doubles each time that it is.
_FIRST_TRY = 0.25
_LONG = 5.0
_SURELY_HEARD = 2.0  # delays

# A quota that is known to fill up, or doesn't count, isn't read from more than one header in so many seconds.
_READ_EVERY = 0.03

# Statements are compared over so many calls, and until it is known how the quota fills so many of them are kept.
_CALLS_TO_COMPARE = 12
_MOST_UNCOMPARED = 64

# A provider may not have heard of what began so many seconds before its answer was heard. Statements of requests, which
# come in bursts when a window begins, aren't compared if that is more than this share of what began between them.
_ON_THE_WAY = 0.05
_UNCERTAIN = 0.5

# When a quota is used up to the letter and calls are refused all the same, as much as a call and what is kept back
# already is kept back besides, at most this share of all. Each call lets it shrink by the last share.
_MOST_KEPT_BACK = 0.5
_SHRINKS = 0.001
_CLOSE = 3.0  # calls


@dataclass
class StatedQuota:
    """One quota, as its headers state it.

    Attributes:
        full_at: the time at which it is full again.
    """

    recent: Recent
    unit: Unit = "requests"
    full_at: float = -math.inf
    _filling: Filling = field(default_factory=Filling)
    _on_arrival: Charge = field(default_factory=Charge)
    _on_answer: Charge = field(default_factory=Charge)
    _level: float = math.inf
    _as_of: float = -math.inf
    _since: float = -math.inf
    _told_at: float = -math.inf
    _patience: float = math.inf
    _stated: float = math.inf
    _begun_before: float = 0.0
    _longest_reset: float = 0.0
    _uncompared: list[Statement] = field(default_factory=list)
    _kept_back: float = 0.0
    _more_at: float = -math.inf
    _wrong: bool = False
    _pause: float = _FIRST_TRY
    _next_try: float = -math.inf
    _tried: Call | None = None

    @property
    def is_known(self) -> bool:
        """Whether what the headers say fits the calls that were made."""
        return self._filling.kind != "unknown"

    @property
    def per_second(self) -> float:
        """Calls of the usual size that may begin per second if it is used up; infinity if that isn't known."""
        usual = self._charge.whole * self.recent.usual.of(self.unit)
        return self._filling.per_second / usual if self._filling.kind == "steady" and usual else math.inf

    @property
    def _told_on_answer(self) -> bool:
        """Whether what is left is stated as of the answer, rather than as of when the call arrived."""
        return self._on_answer.off < self._on_arrival.off

    @property
    def _charge(self) -> Charge:
        return self._on_answer if self._told_on_answer else self._on_arrival

    # ---- what headers say

    def told(self, stated: RemainingQuota, call: Call, now: float, patience: float, *, seldom: bool = False) -> None:
        """Take what the headers of the answer to a call say; no single wait is longer than `patience` seconds.

        With `seldom` it is enough to look at some of the answers.
        """
        self._stated = stated.remaining
        if (seldom or self._filling.kind == "steady") and now - self._told_at < _READ_EVERY:
            return
        self._told_at, self._patience = now, patience
        told = self._statement(stated, call, now)
        self._filling.add(told, self._usual, self._charge.begin * (told.begun - self._begun_before))
        full_at = self._filling.full_at(told)
        if (self._wrong and not self.is_known) or (self._filling.kind == "windows" and full_at <= now):
            return
        was_used = self._is_used(now)
        self._compare(told)
        self._level, self._as_of = self._level_after(told), now
        self.full_at = min(full_at, now + patience)
        self._longest_reset = min(patience, max(self._longest_reset, stated.reset))
        if self._is_used(now) and not was_used:
            self._try_after(_FIRST_TRY, now)

    def _statement(self, stated: RemainingQuota, call: Call, now: float) -> Statement:
        used = (call.begun, self.recent.begun_size, call.answered, self.recent.answered_size)
        return Statement(stated.remaining, stated.reset, call.began, now, *(size.of(self.unit) for size in used))

    def _level_after(self, told: Statement) -> float:
        """Return what is left now, less what wasn't counted yet when that was stated."""
        left = self._filling.left(told)
        if self._told_on_answer:
            self._since = told.heard - min(self.recent.delay, self.recent.quickest)
            on_their_way = (call for call in self.recent.between(self._since) if not call.refused)
            left -= self._charge.begin * sum(call.size.of(self.unit) for call in on_their_way)
        else:
            self._since = told.began
            left -= self._charge.begin * (told.begun - told.begun_then)
            left -= self._charge.answer * (told.answered - told.answered_then)
            left += self._filling.per_second * (told.heard - told.began)
        return min(left, self._filling.most)

    def _compare(self, told: Statement) -> None:
        """Learn how much calls take, and which moment the headers tell of, once it is known how the quota fills."""
        usual = self.recent.usual.of(self.unit)
        if not self._uncompared or _calls_between(self._uncompared[-1], told) >= _CALLS_TO_COMPARE * usual > 0:
            self._uncompared.append(told._replace(just_begun=self._begun_since(told.heard - _ON_THE_WAY)))
        if self.is_known:
            for early, late in pairwise(self._uncompared):
                self._compare_with(early, late, usual)
            del self._uncompared[:-1]
        else:
            del self._uncompared[:-_MOST_UNCOMPARED]

    def _is_uncertain(self, early: Statement, late: Statement, begun: float) -> bool:
        """Return whether calls began in a burst, of which the provider may not have heard when it answered."""
        return self.unit == "requests" and abs(late.just_begun - early.just_begun) > _UNCERTAIN * begun

    def _begun_since(self, since: float) -> float:
        return sum(call.size.of(self.unit) for call in self.recent.between(since))

    def _compare_with(self, early: Statement, late: Statement, usual: float) -> None:
        fell = early.remaining - late.remaining
        new_window = self._filling.kind == "windows" and fell < 0
        if min(early.remaining, late.remaining) > 0 and not new_window:
            for charge, between in ((self._on_arrival, _on_arrival), (self._on_answer, _on_answer)):
                begun, answered, seconds = between(early, late)
                if between is _on_answer and self._is_uncertain(early, late, begun):
                    continue
                filled = self._filling.per_second * seconds
                charge.compare(begun / usual, answered / usual, (fell + filled) / usual)

    # ---- what calls may begin

    def wait(self, size: Size, in_flight: int, now: float) -> float:
        """Return the seconds until a call of this size may begin."""
        if self._filling.kind == "steady":
            return self._wait_to_fill(self._charge.begin * size.of(self.unit), in_flight, now)
        if not self._is_used(now):
            return 0.0
        if self._tried is not None:
            heard_at = self._tried.began + _SURELY_HEARD * self.recent.longest_delay
            if now < heard_at:
                return heard_at - now
            self._wrong = not self._tried.refused
            self._tried = None
            self._try_after(2 * self._pause, now)
            if self._wrong:
                self.full_at = -math.inf
                return 0.0
        return max(0.0, (self.full_at if self.is_known else min(self._next_try, self.full_at)) - now)

    def used_until(self, now: float) -> float:
        """Return the time until which nothing is left, as the headers state it; the past if something is."""
        if self._filling.kind == "steady":
            return now + self._wait_to_fill(self._usual, 0, now)
        return self.full_at if self._is_used(now) else -math.inf

    def _wait_to_fill(self, amount: float, in_flight: int, now: float) -> float:
        self._fill(now)
        missing = min(amount + self._kept_back, self._filling.most) + self._owed(in_flight) - self._level
        if missing <= 0:
            return 0.0
        return min(missing / self._filling.per_second, max(0.0, self._told_at + self._patience - now))

    def _owed(self, in_flight: int) -> float:
        """Return what the calls in flight will take, beyond what comes back until they are answered."""
        answers = self._charge.answer * self.recent.usual.of(self.unit) * in_flight
        return max(0.0, answers - self._filling.per_second * self.recent.latency)

    def _fill(self, now: float) -> None:
        if self._filling.kind == "steady":
            self._level = min(self._filling.most, self._level + self._filling.per_second * (now - self._as_of))
            self._as_of = now

    def begin(self, call: Call) -> None:
        """Count a call that begins."""
        if self._wrong and not self.is_known:
            return
        self._fill(call.began)
        if self._filling.kind != "steady" and self.full_at <= call.began and self._level < self._filling.most:
            begun_before = call.begun.of(self.unit) - call.size.of(self.unit)
            if self._level < self._least:
                taken = self._charge.whole * (begun_before - self._begun_before)
                self._filling.most = max(self._filling.most, taken)
            self._level, self.full_at = self._filling.most, call.began + self._longest_reset
            self._begun_before = begun_before
        if self._is_used(call.began):
            self._tried = call
        self._kept_back *= 1 - _SHRINKS
        was_used = self._level < self._least
        self._level -= self._charge.begin * call.size.of(self.unit)
        if self._level < self._least and not was_used:
            self._try_after(_FIRST_TRY, call.began)

    def answered(self, call: Call) -> None:
        """Count the answer to a call."""
        self._level -= self._charge.answer * call.size.of(self.unit)

    def refused(self, call: Call, now: float) -> bool:
        """Register the refusal of a call, which used nothing; return whether this quota explains it."""
        explained = self._explains(call, now)
        if call.began > self._since:
            self._level = min(self._filling.most, self._level + self._charge.begin * call.size.of(self.unit))
        if explained and self._filling.kind != "steady":
            self._level = min(self._level, 0.0)  # nothing is left until it is full again, whatever was counted
        elif explained and call.began > self._more_at:
            self._more_at = now
            more = max(self._usual, self._kept_back)
            self._kept_back = min(_MOST_KEPT_BACK * self._filling.most, self._kept_back + more)
        return explained

    def _explains(self, call: Call, now: float) -> bool:
        """Return whether the refusal of a call tells nothing new: it tried whether the quota is used, or that is known.

        A quota that is full again at once is rather a limit on the rate, which is better learned.
        """
        if self._filling.kind == "steady":
            return min(self._level, self._stated) - self._kept_back < _CLOSE * self._usual
        return call is self._tried or (self._is_used(now) and self.full_at - now > _LONG)

    @property
    def _least(self) -> float:
        return 1.0 if self.unit == "requests" else self._usual

    @property
    def _usual(self) -> float:
        """What a call of the usual size takes when it begins."""
        return self._charge.begin * self.recent.usual.of(self.unit)

    def _try_after(self, pause: float, now: float) -> None:
        self._pause, self._next_try = pause, now + pause

    def _is_used(self, now: float) -> bool:
        return self._level < self._least and now < self.full_at


def _calls_between(early: Statement, late: Statement) -> float:
    """Return what began or was answered between two statements, whichever is more, as expected."""
    return max(*_on_arrival(early, late)[:2], *_on_answer(early, late)[:2])


def _on_arrival(early: Statement, late: Statement) -> tuple[float, float, float]:
    """Return what began and was answered between two statements of when calls arrived, and the seconds between them."""
    return late.begun_then - early.begun_then, late.answered_then - early.answered_then, late.began - early.began


def _on_answer(early: Statement, late: Statement) -> tuple[float, float, float]:
    """Return the same for two statements of when calls were answered."""
    return late.begun - early.begun, late.answered - early.answered, late.heard - early.heard
