"""Amounts of money, tokens, calls and time: what was spent, what may be spent, and ranges of what it may come to.

Money is in US dollars, time in seconds. An unknown price is None and never taken as 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

# What a call is for. `repairs` ask for a sample again since a reply couldn't be used; `refused samples` are samples
# that weren't accepted, without their repairs; `judge` is all that judges are asked.
Purpose = Literal["topics", "samples", "repairs", "refused samples", "judge"]
PURPOSES: tuple[Purpose, ...] = ("topics", "samples", "repairs", "refused samples", "judge")


class Range(NamedTuple):
    """A likely figure, and the bounds of a range that holds the true one in nine cases of ten."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a run takes, may take or is expected to take; None where it is unknown or has no limit."""

    cost: float | None = None
    tokens: int | None = None
    calls: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a whole run is expected to take. `cost` is None if a price is unknown, and 0 throughout if it is free.

    `rests_on` counts the real samples that it was reckoned from, `topics` is what growing the topics is likely to take.
    """

    calls: Range
    prompt_tokens: Range
    completion_tokens: Range
    tokens: Range
    cost: Range | None
    seconds: Range | None = None
    rests_on: int = 0
    topics: Amounts = Amounts()
