"""How a quota fills up, told from what headers say of call after call: what is left, and when all of it is back."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

# Of each part of what is left, of so many, the latest statement is kept, for so many seconds; and it is looked at them
# again after so many new ones.
_PARTS = 32
_KEPT_FOR = 30.0
_LOOK_EVERY = 8

# They tell something if what is left differs by so many calls, with a few statements in between, at least this share
# away from the extremes; and this share of them need not fit.
_CALLS = 8
_FEW = 4
_BETWEEN = 0.1
_NOT_FITTING = 0.1

# Resets in whole seconds are off by so many seconds, others by fewer, and all by this share or by the time that headers
# are on their way. Something is told by differences that are so many times larger.
_ROUNDED = 1.1
_EXACT = 0.05
_OFF = 0.1
_TRANSIT = 0.2
_CLEARLY = 4.0


class Statement(NamedTuple):
    """What the headers of an answer said, and what calls were expected to use until then.

    Attributes:
        remaining: what is left.
        reset: the seconds until all of it is back.
        began: when the call began.
        heard: when its answer was heard.
        begun_then: the expected use of the calls that had begun by `began`.
        begun: the same by `heard`.
        answered_then: the expected use of the calls that were answered by `began`.
        answered: the same by `heard`.
        just_begun: the expected use of the calls that began so shortly before `heard` that they may not count yet.
    """

    remaining: float
    reset: float
    began: float
    heard: float
    begun_then: float
    begun: float
    answered_then: float
    answered: float
    just_begun: float = 0.0


@dataclass
class Filling:
    """How a quota fills up.

    Attributes:
        kind: "steady" if all the time, "windows" if all at once whenever a window ends.
        per_second: how much, if steady; else 0.
        most: the most that was ever left, or taken.
    """

    kind: Literal["unknown", "steady", "windows"] = "unknown"
    per_second: float = 0.0
    most: float = 0.0
    _full: float = math.inf
    _stated_on_answer: bool = True
    _taken: float = 0.0
    _rounding: float = 0.0
    _told: dict[int, Statement] = field(default_factory=dict)
    _new: int = 0

    def left(self, told: Statement) -> float:
        """Return what is left; less than nothing if the reset tells so, where a debt is stated as nothing."""
        if self.kind != "steady" or told.remaining > 0:
            return told.remaining
        return min(0.0, self._full - self.per_second * (told.reset - self._rounding))

    def full_at(self, told: Statement) -> float:
        """Return when all is back."""
        return told.reset + (told.heard if self._stated_on_answer else told.began)

    def add(self, told: Statement, usual: float, taken: float) -> None:
        """Take a statement; a usual call takes as much as `usual`, and calls took `taken` since all was there."""
        self.most, self._taken = max(self.most, told.remaining), taken
        self._told[int(_PARTS * told.remaining / self.most) if self.most else 0] = told
        self._new += 1
        if self._new >= _LOOK_EVERY:
            self._new = 0
            self._told = {part: one for part, one in self._told.items() if one.heard > told.heard - _KEPT_FOR}
            self._look(list(self._told.values()), told.heard, _CALLS * usual)

    def _look(self, kept: list[Statement], now: float, enough: float) -> None:
        rounding = _ROUNDED if all(told.reset == int(told.reset) for told in kept) else _EXACT
        if not self._is_steady(kept, rounding, enough):
            current = [told for told in kept if told.heard + told.reset > now]
            self._look_for_windows(current, rounding + _TRANSIT, enough)

    def _is_steady(self, kept: list[Statement], rounding: float, enough: float) -> bool:
        """Return whether the reset tells all the time what is missing; then note how fast it comes back."""
        high, low = _extremes(kept)
        fell, later = high.remaining - low.remaining, low.reset - high.reset
        between = sum(_BETWEEN * fell < high.remaining - told.remaining < (1 - _BETWEEN) * fell for told in kept)
        at_once = abs(low.heard - high.heard) < min(high, low, key=lambda told: told.heard).reset
        if fell < enough or later < _CLEARLY * rounding or (between < _FEW and not at_once):
            return False
        rate = fell / later
        expected = [high.reset + (high.remaining - told.remaining) / rate for told in kept]
        if not _agree([told.reset for told in kept], expected, rounding + _OFF * later):
            return False
        self.kind, self.per_second, self._rounding = "steady", rate, rounding
        self._full = high.remaining + rate * high.reset
        return True

    def _look_for_windows(self, current: list[Statement], tolerance: float, enough: float) -> None:
        """Take it that there are windows if all resets are at one moment, though a steady one would have moved."""
        if not current:
            return
        high, low = _extremes(current)
        fell, used = high.remaining - low.remaining, max(self.most, self._taken) - low.remaining
        if fell < enough or low.reset * fell / used < _CLEARLY * tolerance:
            return
        for on_answer in (True, False):
            ends = [told.reset + (told.heard if on_answer else told.began) for told in current]
            middle = sorted(ends)[len(ends) // 2]
            if _agree(ends, [middle] * len(ends), tolerance):
                self.kind, self.per_second, self._stated_on_answer = "windows", 0.0, on_answer
                return


def _extremes(told: Collection[Statement]) -> tuple[Statement, Statement]:
    """Return the statements of the most and the least left."""
    return max(told, key=lambda one: one.remaining), min(told, key=lambda one: one.remaining)


def _agree(found: list[float], expected: list[float], tolerance: float) -> bool:
    """Return whether nearly all numbers are as expected."""
    off = sum(abs(number - other) > tolerance for number, other in zip(found, expected, strict=True))
    return off <= _NOT_FITTING * len(found)
