"""What was learned of an endpoint's limits: as a value that fades with time, and that processes divide and add up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

# What is half a day old is trusted by four fifths, and so on; after some days it is forgotten.
_FADES_BY = 0.8
_IN_SECONDS = 43200.0
_FORGOTTEN_AFTER = 3 * 86400.0
# Clocks may differ by so many seconds: what is a little newer than now counts as new.
_AHEAD = 60.0

_MOST_PER_SECOND = 1e6
_MOST_AT_ONCE = 1_000_000
_LONGEST_DELAY = 600.0


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned of the limits of one endpoint, model and key.

    Attributes:
        per_second: the calls that may begin per second; None if no such limit was met.
        at_once: the calls that may be in flight; None if no such limit was met.
        accepted_at_once: the most calls in flight that were accepted; None if it isn't known.
        delay: the seconds that a refusal takes; None if there was none.
    """

    per_second: float | None = None
    at_once: int | None = None
    accepted_at_once: int | None = None
    delay: float | None = None

    def part(self, share: float) -> Learned:
        """Return a share of the limits, but at least one call at once."""
        return Learned(
            None if self.per_second is None else self.per_second * share,
            _at_least_one(self.at_once, share),
            _at_least_one(self.accepted_at_once, share),
            self.delay,
        )

    def faded(self, age: float) -> Learned | None:
        """Return what to begin with if this was learned so many seconds ago; None if that is too long ago."""
        if not -_AHEAD <= age <= _FORGOTTEN_AFTER:
            return None
        return self.part(_FADES_BY ** (max(0.0, age) / _IN_SECONDS))


def _at_least_one(number: int | None, share: float) -> int | None:
    return None if number is None else max(1, round(number * share))


def total(all_learned: Iterable[Learned | None]) -> Learned | None:
    """Return the sum of what several processes have learned, each of its own share; None if none has learned any."""
    known = [learned for learned in all_learned if learned is not None]
    if not known:
        return None
    return Learned(
        sum(rates) if (rates := [one.per_second for one in known if one.per_second is not None]) else None,
        sum(numbers) if (numbers := [one.at_once for one in known if one.at_once is not None]) else None,
        sum(one.accepted_at_once or 0 for one in known) or None,
        max((one.delay for one in known if one.delay is not None), default=None),
    )


def to_json(learned: Learned) -> dict[str, Any]:
    """Return what was learned as a JSON object; numbers are rounded."""
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(learned).items()}


def from_json(document: Mapping[str, Any]) -> Learned | None:
    """Return what `to_json` has written; None if it is damaged, and where a number makes no sense it isn't known."""
    per_second = _number(document.get("per_second"), _MOST_PER_SECOND)
    at_once = _number(document.get("at_once"), _MOST_AT_ONCE)
    accepted = _number(document.get("accepted_at_once"), _MOST_AT_ONCE)
    if per_second is None and at_once is None and accepted is None:
        return None
    return Learned(
        per_second,
        None if at_once is None else max(1, int(at_once)),
        None if accepted is None else max(1, int(accepted)),
        _number(document.get("delay"), _LONGEST_DELAY),
    )


def _number(value: object, most: float) -> float | None:
    """Return a positive number up to `most`; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value <= most and math.isfinite(value) else None
