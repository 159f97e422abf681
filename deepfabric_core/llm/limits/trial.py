"""A trial: whether refusals become fewer when fewer calls are made. If not, the provider is overloaded."""

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

# A trial makes this share of the calls that were accepted, or the second one of the rate that was measured. It is over
# when chance or a limit is so much likelier, by the logarithm, and at last after so many seconds, or as long as so many
# refusals by chance would take. A limit lets this share be refused, too.
_MADE = 0.4
_MADE_OF_MEASURED = 0.7
_SURE_OF_CHANCE = 3.0
_SURE_OF_LIMIT = 3.5
_HARDLY_SEPARATE = 2
_LONGEST = 2.0
_EXPECTED = 8
_RARELY = 0.01

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


def share_refused(calls: list[Call]) -> float:
    """Return which share of calls was refused."""
    return sum(call.refused for call in calls) / len(calls)


class Trial:
    """A time in which fewer calls begin than were accepted, to see whether as large a share of them is refused.

    It ends by Wald's sequential test of two shares: the one that was refused before, and the one that chance refuses as
    far as is known (https://doi.org/10.1214/aoms/1177731118).

    Attributes:
        accepted_per_second: how many calls were accepted before.
        before: the number in flight and the rate that there were before the latest cuts.
        refused: how many of the calls were refused by chance, when the trial has ended.
        of: of how many calls.
    """

    def __init__(
        self,
        recent: Recent,
        calls: list[Call],
        shares: tuple[float, float],
        measured: float,
        before: tuple[float, float],
        now: float,
    ) -> None:
        """Begin a trial.

        Args:
            recent: where the calls of the trial will be.
            calls: those that led to it, the latest first.
            shares: the share that was refused lately, and the one that is known to be refused by chance.
            measured: the calls per second that were let in by a limit as it was measured; 0 if it wasn't.
            before: see the attribute.
            now: the time.
        """
        accepted = sum(not call.refused for call in calls)
        self.accepted_per_second = accepted / max(calls[0].began - calls[-1].began, recent.delay)
        self.before = before
        self.refused, self.of = 0.0, 1
        self._recent = recent
        self._began = now
        lately, known = shares
        self._known = min(max(known, _RARELY), _NEARLY_ALL - _RARELY)
        self._share = min(max(lately, self._known + _RARELY), _NEARLY_ALL)
        self._calls_before = len(calls)
        of_measured = _MADE_OF_MEASURED * min(measured, self.accepted_per_second)
        self._meter = TokenBucket(max(_MADE * self.accepted_per_second, of_measured))

    def wait(self, now: float) -> float:
        """Return the seconds until the next call."""
        return self._meter.wait(now)

    def begin(self, now: float) -> None:
        """Register a call that begins."""
        self._meter.take(now)

    def verdict(self, now: float) -> Verdict | None:
        """Return what the trial showed, or None as long as it goes on."""
        calls = list(self._recent.between(self._began, self._recent.horizon(now)))
        refused, separate = sum(call.refused for call in calls), separate_refusals(calls)
        evidence = self._evidence_of_chance(refused, len(calls))
        sure = evidence <= -_SURE_OF_LIMIT or (evidence >= _SURE_OF_CHANCE and separate >= _SEPARATE)
        if not sure and now < self._began + self._longest:
            return None
        by_chance = evidence > 0 and separate >= _HARDLY_SEPARATE
        pooled = min(self._calls_before, _POOLED) if by_chance else 0
        self.refused = (separate >= _SEPARATE) * refused + self._share * pooled
        self.of = len(calls) + pooled or 1
        return "overloaded" if by_chance else "limited"

    def _evidence_of_chance(self, refused: int, calls: int) -> float:
        """Return the logarithm of how much likelier the share of before is than the known one."""
        accepted = (calls - refused) * math.log((1 - self._share) / (1 - self._known))
        return accepted + refused * math.log(self._share / self._known)

    @property
    def _longest(self) -> float:
        return max(_LONGEST, _EXPECTED / (self._share * self._meter.per_second))
