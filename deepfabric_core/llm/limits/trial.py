"""A trial: whether refusals become fewer when far fewer calls are made. If not, the provider is overloaded."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

from deepfabric_core.llm.limits.rate import TokenBucket
from deepfabric_core.llm.limits.recent import Call, Recent

# Refused and accepted calls are mixed if so many refusals each follow an accepted call, and if their share is not below
# or above these.
_SEPARATE = 3
_HARDLY_ANY = 0.06
_NEARLY_ALL = 0.75

# A trial makes this share of the calls that were accepted. It is over when so many refusals are expected, if chance is
# the reason, or none came though the second number was expected; at last after so many seconds, or as long as so many
# take.
_MADE = 0.4
_EXPECTED = 6
_EXPECTED_OF_NONE = 3.5
_LONGEST = 2.0

# What was seen before counts as so many calls at most.
_POOLED = 80

Verdict = Literal["limited", "overloaded"]


def separate_refusals(calls: list[Call]) -> int:
    """Return how many refused calls there are among calls, the latest first, before which one was accepted."""
    return sum(call.refused and not before.refused for call, before in pairwise(calls))


def are_mixed(calls: list[Call]) -> bool:
    """Return whether refused and accepted calls are mixed, as if by chance."""
    refused = sum(call.refused for call in calls)
    return separate_refusals(calls) >= _SEPARATE and _HARDLY_ANY * len(calls) <= refused <= _NEARLY_ALL * len(calls)


class Trial:
    """A time in which far fewer calls begin than were accepted, to see whether as large a share of them is refused.

    Attributes:
        accepted_per_second: how many calls were accepted before.
        before: the number in flight and the rate that there were before the latest cuts.
        refused: how many of the calls were refused by chance, when the trial has ended.
        of: of how many calls.
    """

    def __init__(
        self, recent: Recent, calls: list[Call], known_share: float, before: tuple[float, float], now: float
    ) -> None:
        """Begin a trial because of calls, the latest first, of which a share is known to be refused by chance."""
        accepted = sum(not call.refused for call in calls)
        self.accepted_per_second = accepted / max(calls[0].began - calls[-1].began, recent.delay)
        self.before = before
        self.refused, self.of = 0.0, 1
        self._recent = recent
        self._began = now
        self._known = known_share > 0
        self._share = known_share or 1 - accepted / len(calls)
        self._calls_before = len(calls)
        self._meter = TokenBucket(_MADE * self.accepted_per_second)

    def wait(self, now: float) -> float:
        """Return the seconds until the next call."""
        return self._meter.wait(now)

    def begin(self, now: float) -> None:
        """Register a call that begins."""
        self._meter.take(now)

    def verdict(self, now: float) -> Verdict | None:
        """Return what the trial showed, or None as long as it goes on."""
        calls = list(self._recent.between(self._began, self._recent.horizon(now)))
        refused, expected = sum(call.refused for call in calls), len(calls) * self._share
        mixed = separate_refusals(calls) >= _SEPARATE
        unchanged = mixed and refused >= expected - 2 * math.sqrt(expected)
        if not (unchanged or self._is_over(expected, refused, now, mixed=mixed)):
            return None
        pooled = min(self._calls_before, _POOLED) if unchanged else 0
        self.refused, self.of = mixed * refused + self._share * pooled, len(calls) + pooled or 1
        rose = not self._known or refused > expected + 2 * math.sqrt(expected)
        return "overloaded" if unchanged and rose else "limited"

    def _is_over(self, expected: float, refused: int, now: float, *, mixed: bool) -> bool:
        if not refused and expected >= _EXPECTED_OF_NONE:
            return True
        if expected * (1 - self._share) >= _EXPECTED and (mixed or refused <= expected / 4):
            return True
        longest = max(_LONGEST, _EXPECTED / (self._share * self._meter.per_second))
        return expected >= 3 * _EXPECTED or now > self._began + longest
