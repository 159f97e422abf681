"""How many calls may be in flight, learned from refusals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from deepfabric_core.llm.limits.overload import Overload
from deepfabric_core.llm.limits.recent import Call, Recent

# The number is tried again by single calls above it. When they are accepted, it rises by steps, each twice as large but
# at most a share of the number. It rises in a part of the time that a refusal takes, and then that time is waited.
_LARGEST_STEP = 0.25
_RISES_IN = 0.5
_FIRST_TRY = 0.25  # of the number, after the first cut, which tells little
_STEP_AGAIN = 2
_SAME_PLACE = 0.12
# A number that was refused twice at the same place is tried again after so many seconds and so many calls, or after the
# last number of seconds in any case. Before it is confirmed, a few calls are enough.
_TRIED_AGAIN_AFTER = 2.0
_CALLS_BETWEEN_AT_FIRST = 20
_CALLS_BETWEEN = 120
_LONGEST_BETWEEN = 20.0
_FEWEST_TRIES = 3  # as an answer may be on its way when another call comes in
_SURE_TRIES = 6  # where the number was refused before
_SHORTEST_TRY = 0.1  # seconds

# A number that was raised by so many calls at most may have been accepted by chance.
_BY_CHANCE = 3

# Refused calls that saw at least this share of the number in flight lower that by the second share of it, once in so
# many seconds and delays; or several times, and then to what was accepted, if nothing is accepted any more. Below the
# last share a confirmed number isn't what it was.
_NEAR = 0.7
_FEWER = 0.03
_NOT_AGAIN = 1.0
_DELAYS_BETWEEN = 3
_FAR_LOWER = 0.75
_DOUBTED_AGAIN = 4.0
_SEVERAL = 4
_CONFIRMED_BY = 2  # tries that were refused there


@dataclass
class Places:
    """The limit on calls in flight; there is none until a refusal is attributed to their number.

    Attributes:
        number: how many calls may be in flight.
        lowered_at: when it was last lowered by a little.
    """

    recent: Recent
    overload: Overload
    number: float = math.inf
    lowered_at: float = -math.inf
    _step: int = 1
    _left: int = 0
    _tried: int = 0
    _reached: int = 0
    _tried_from: float = math.inf
    _tried_until: float = -math.inf
    _next_try: float = -math.inf
    _rises_from: float = math.inf
    _next_call: int = 0
    _latest_try: float = -math.inf
    _refused_at: float = math.inf
    _heard_at: float = -math.inf
    _first_refused: float = -math.inf
    _lowered: int = 0
    _confirmed: int = 0

    @property
    def is_confirmed(self) -> bool:
        """Whether the number was refused again and again at the same place."""
        return self._confirmed >= _CONFIRMED_BY

    def wait(self, in_flight: int, now: float, *, tries: bool = True) -> float:
        """Return the seconds until a call may begin; infinity for as soon as another call ends.

        It may be one that tries out more calls in flight if `tries` says so.
        """
        if in_flight < self.number:
            return 0.0
        if not tries:
            return math.inf
        if self._step > 1:
            return self._wait_for_step(in_flight, now)
        if self._tried and not self._left and now >= self._tried_until:
            self._accepted()
            if in_flight < self.number:
                return 0.0
        enough_calls = self.recent.begun >= self._next_call or now >= self._latest_try
        if self._left > 0 and enough_calls and now >= self._next_try:
            return 0.0
        times = (self._tried_until, self._next_try, self._latest_try)
        return min((at - now for at in times if at > now), default=math.inf)

    def _wait_for_step(self, in_flight: int, now: float) -> float:
        """Return the seconds until a call may begin while the number rises by a step and then waits to be refused."""
        heard_after = self._heard_after
        if self._rises_from == math.inf:
            self._rises_from = max(now, self._next_try)
        if now >= self._rises_from + (_RISES_IN + 1) * heard_after:
            self._accepted()
            self._rises_from = now
        risen = (in_flight - self.number) / self._step
        at = self._rises_from + heard_after * (_RISES_IN * risen if risen < 1 else _RISES_IN + 1)
        return max(0.0, at - now)

    @property
    def _heard_after(self) -> float:
        """Seconds after which a try that wasn't refused is accepted."""
        return max(self.recent.delay, _SHORTEST_TRY)

    def tries(self, in_flight: int, now: float) -> bool:
        """Register a call that begins; return whether it tries out more calls in flight than were accepted."""
        if in_flight <= self.number:
            return False
        if not self._tried:
            self._tried_from = math.nextafter(now, -math.inf)
        self._tried += 1
        self._left = max(0, self._left - 1)  # a trial begins calls whatever the number
        self._tried_until = now + self._heard_after
        self._next_try = max(self._next_try, now + self._heard_after / self._step)
        if self._step == 1 or now <= self._rises_from + _RISES_IN * self._heard_after:
            self._reached = max(self._reached, in_flight)
        return True

    def _accepted(self) -> None:
        """Raise the number to what was reached, since calls above it were accepted."""
        self.number = max(self.number, min(self.number + self._step, self._reached))
        self._step = min(2 * self._step, max(2, int(_LARGEST_STEP * self.number)))
        self._left = self._tried = self._reached = 0
        self._tried_until, self._next_try, self._rises_from = -math.inf, -math.inf, math.inf

    def set(self, number: float, now: float, step: int = 0) -> None:
        """Set the number to how many calls were accepted, and try out more of them."""
        if number < _FAR_LOWER * self.number:
            self._try_soon()
        self.number = self._refused_at = max(1, number)
        self._confirmed = self._confirmed if number < math.inf else 0
        first = max(1, int(_FIRST_TRY * self.number)) if number < math.inf else 1
        self._try_after(now + (_TRIED_AGAIN_AFTER if step else 0), step or first)

    def begin_again(self, number: int, now: float) -> None:
        """Take it that the limit has changed, and is no lower than this number; rise from there."""
        self.number, self._refused_at, self._confirmed = number, math.inf, 0
        self._try_after(now, _STEP_AGAIN)

    def refused(self, call: Call, now: float) -> bool:
        """Register the refusal of a call that tried out more; return whether that is more than chance."""
        others = [other for other in self._tried_before(call) if other is not call]
        if not self.overload.exceeded(1 + sum(other.refused for other in others), 1 + len(others), 0.5):
            return False
        place = max(1, call.level - 1)
        again = abs(place - self._refused_at) <= max(1.0, _SAME_PLACE * place)
        if call.began > self._heard_at:  # not one of those that were tried together
            self._confirmed = self._confirmed + 1 if again else 0
        self._refused_at, self._heard_at, self._first_refused = place, now, call.began
        self.number = place if self._step == 1 else min(self.number, place)  # single tries are heard of one by one
        if again:
            self._try_again_later(now)
        else:
            self._try_after(now + self.recent.delay, 1)
            self._next_call, self._latest_try = self.recent.begun, now + _LONGEST_BETWEEN
        return True

    def _tried_before(self, call: Call) -> Iterator[Call]:
        """Yield the calls up to one that tried out more; those that began later aren't heard of yet."""
        return (other for other in self.recent.between(self._tried_from, call.began) if other.tries_places)

    def refused_too(self, call: Call) -> None:
        """Register the refusal of a call that tried out more before another one whose refusal was heard sooner."""
        if call.began < self._first_refused and not self._tried:
            self._first_refused = call.began
            self.number = min(self.number, max(1, call.level - 1))

    def falls_back(self, call: Call, now: float) -> bool:
        """Return to the number that was refused before, if it was raised by little and that was chance."""
        above = self.number - self._refused_at
        if not 0 < above <= _BY_CHANCE or call.crowd <= self._refused_at or self.overload.share:
            return False
        self.number, self.lowered_at = self._refused_at, now
        self._try_again_later(now)
        return True

    def has_fallen(self, level: int) -> bool:
        """Return whether a confirmed number is lower now, as a call that saw so many in flight was refused."""
        return self.is_confirmed and level < _FAR_LOWER * self.number

    def is_near(self, level: int, now: float, *, in_vain: bool = False, doubtful: bool = False) -> bool:
        """Return whether a refused call that saw so many in flight may have been one too many.

        Args:
            level: how many it saw.
            now: the time.
            in_vain: whether nothing is accepted any more.
            doubtful: whether it may as well have been the rate. Then a confirmed number is lowered once, to see that.
        """
        if doubtful and not (self.is_confirmed and now >= self.lowered_at + _DOUBTED_AGAIN):
            return False
        again = self._was_lowered(now)
        once_more = in_vain and self.is_confirmed and self._lowered < _SEVERAL
        return level >= _NEAR * self.number > _NEAR and (not again or once_more)

    def lower(self, accepted: int, now: float) -> None:
        """Lower the number by a little; or, if that was done just before, to what was accepted."""
        again = self._was_lowered(now)
        self._lowered = self._lowered + 1 if again else 1
        number = self.number - max(1, int(_FEWER * self.number))
        self.set(min(accepted, number) if again else number, now, step=1)
        if again:
            self._try_soon()
        self.lowered_at = now

    def _was_lowered(self, now: float) -> bool:
        """Return whether the number was lowered just before."""
        return now <= self.lowered_at + max(_NOT_AGAIN, _DELAYS_BETWEEN * self.recent.delay)

    def _try_soon(self) -> None:
        self._next_call = min(self._next_call, self.recent.begun + _CALLS_BETWEEN_AT_FIRST)

    def _try_again_later(self, now: float) -> None:
        self._try_after(now + _TRIED_AGAIN_AFTER, 1)
        self._left = _SURE_TRIES if self.is_confirmed else _FEWEST_TRIES
        between = _CALLS_BETWEEN if self.is_confirmed else _CALLS_BETWEEN_AT_FIRST
        self._next_call, self._latest_try = self.recent.begun + between, now + _LONGEST_BETWEEN

    def _try_after(self, at: float, step: int) -> None:
        self._step, self._left = step, max(step, _FEWEST_TRIES)
        self._tried = self._reached = 0
        self._tried_until, self._next_try, self._rises_from = -math.inf, at, math.inf
