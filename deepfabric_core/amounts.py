"""Amounts of money, tokens, calls and time: what was spent and on what, what may be spent, and ranges of it.

Money is in US dollars, time in seconds. An unknown price is None and never taken as 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

# What a call is for. `repairs` ask for a sample again since a reply couldn't be used; `refused samples` are samples
# that weren't accepted, without their repairs; `judge` is all that judges are asked.
Purpose = Literal["topics", "samples", "repairs", "refused samples", "judge"]
PURPOSES: tuple[Purpose, ...] = ("topics", "samples", "repairs", "refused samples", "judge")


class Range(NamedTuple):
    """A likely figure, and the bounds of a range that holds the true one in nine cases of ten."""

    low: float
    likely: float
    high: float

    @staticmethod
    def exactly(figure: float) -> Range:
        """Return the range of a figure that is known."""
        return Range(figure, figure, figure)


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


# Differences of sums of money below this are only rounding.
_DECIMALS = 12


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more calls; `cost` is in US dollars, or None if no price is known.

    `cached_tokens` are those of the prompt tokens that the provider had in its cache.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    cached_tokens: int = 0

    @staticmethod
    def of(line: Mapping[str, Any]) -> Usage:
        """Return the usage in the `usage` of a journal line; zeros if it has none."""
        said = line.get("usage") or {}
        tokens = said.get("prompt_tokens", 0), said.get("completion_tokens", 0)
        return Usage(*tokens, said.get("cost"), said.get("cached_tokens", 0))

    def as_object(self) -> dict[str, Any]:
        """Return the usage as an object for a journal line."""
        tokens = {"prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens}
        cached = {"cached_tokens": self.cached_tokens} if self.cached_tokens else {}
        return {**tokens, "cost": self.cost, **cached}

    def __add__(self, other: Usage) -> Usage:
        known = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            sum(known) if known else None,
            self.cached_tokens + other.cached_tokens,
        )

    def __sub__(self, other: Usage) -> Usage:
        cost = self.cost if other.cost is None else round((self.cost or 0.0) - other.cost, _DECIMALS)
        return Usage(
            self.prompt_tokens - other.prompt_tokens,
            self.completion_tokens - other.completion_tokens,
            cost,
            self.cached_tokens - other.cached_tokens,
        )


@dataclass(frozen=True, slots=True)
class Spent:
    """A number of calls (`attempts`) and their usage, whose cost is without that of the `unpriced` ones."""

    attempts: int = 0
    usage: Usage = Usage()
    unpriced: int = 0

    @staticmethod
    def of(line: Mapping[str, Any]) -> Spent:
        """Return what is in a journal line, or a part of one; nothing if it says nothing."""
        attempts, usage = line.get("attempts", 0), Usage.of(line)
        is_unpriced = usage.cost is None and (usage.prompt_tokens or usage.completion_tokens)
        return Spent(attempts, usage, line.get("unpriced", attempts if is_unpriced else 0))

    def as_object(self) -> dict[str, Any]:
        """Return it as an object for a journal line."""
        unpriced = {"unpriced": self.unpriced} if self.unpriced and self.usage.cost is not None else {}
        return {"attempts": self.attempts, "usage": self.usage.as_object(), **unpriced}

    @property
    def is_free(self) -> bool:
        """Whether there were calls, and it is known that none of them cost anything."""
        return self.attempts > 0 and not self.unpriced and self.usage.cost == 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.attempts + other.attempts, self.usage + other.usage, self.unpriced + other.unpriced)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.attempts - other.attempts, self.usage - other.usage, self.unpriced - other.unpriced)


# What was spent by purpose; a purpose that nothing was spent on may be missing.
Spending = Mapping[Purpose, Spent]
_NOTHING = Spent()


def with_call(spending: Spending, purpose: Purpose, usage: Usage) -> Spending:
    """Return the spending with one more call."""
    before = spending.get(purpose, _NOTHING)
    return {
        **spending,
        purpose: Spent(before.attempts + 1, before.usage + usage, before.unpriced + (usage.cost is None)),
    }


def with_spent(spending: Spending, purpose: Purpose, spent: Spent) -> Spending:
    """Return the spending with some calls added."""
    return {**spending, purpose: spending.get(purpose, _NOTHING) + spent}


def with_refused(spending: Spending, spent: Spent) -> Spending:
    """Return the spending after a sample was refused whose calls, without repairs, were counted as samples."""
    samples = spending.get("samples", _NOTHING) - spent
    return with_spent({**spending, "samples": samples}, "refused samples", spent)


def together(one: Spending, other: Spending) -> Spending:
    """Return the sum of two, purpose by purpose, in the order of the purposes."""
    return {
        purpose: one.get(purpose, _NOTHING) + other.get(purpose, _NOTHING)
        for purpose in PURPOSES
        if purpose in one or purpose in other
    }


def total(spending: Spending) -> Spent:
    """Return the sum over all purposes."""
    return sum(spending.values(), _NOTHING)
