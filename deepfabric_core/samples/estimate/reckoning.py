"""Reckon what calls take: from the length of their prompts and replies, or from what others like them took."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from deepfabric_core.amounts import Expected, Range
from deepfabric_core.samples.estimate.ranges import (
    NOTHING,
    ONE,
    VARIATION,
    apart,
    mean_of_more,
    scaled,
    shifted,
    times,
    together,
)

# The price of a call in US dollars, by its tokens: of the prompt, of the reply, and those of the prompt in a cache.
Price = Callable[[float, float, float], float]


@dataclass(frozen=True, slots=True)
class Taken:
    """What calls took. `cost` is in US dollars, or None if a price is unknown."""

    calls: float = 0.0
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0
    cost: float | None = 0.0

    @property
    def tokens(self) -> float:
        """Tokens of prompts and replies together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Taken) -> Taken:
        known = self.cost is not None and other.cost is not None
        return Taken(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            (self.cost or 0.0) + (other.cost or 0.0) if known else None,
        )

    def without(self, other: Taken) -> Taken:
        """Return what is left without a part of it."""
        known = self.cost is not None and other.cost is not None
        return Taken(
            self.calls - other.calls,
            max(0.0, self.prompt_tokens - other.prompt_tokens),
            max(0.0, self.completion_tokens - other.completion_tokens),
            max(0.0, (self.cost or 0.0) - (other.cost or 0.0)) if known else None,
        )

    def shared(self, part: float) -> Taken:
        """Return a part of it, such as 0.5."""
        cost = None if self.cost is None else self.cost * part
        return Taken(self.calls * part, self.prompt_tokens * part, self.completion_tokens * part, cost)


ZERO = Expected(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING)


def call(prompt: Range, completion: Range, price: Price | None, cached: Range = NOTHING) -> Expected:
    """Return what one call is expected to take.

    Args:
        prompt: tokens of the prompt.
        completion: tokens of the reply.
        price: what tokens cost; None if that isn't known.
        cached: those tokens of the prompt that the provider is expected to have in its cache.
    """
    cost = None
    if price is not None:
        fewest = price(prompt.low, completion.low, min(cached.high, prompt.low))
        likely = price(prompt.likely, completion.likely, min(cached.likely, prompt.likely))
        cost = Range(fewest, likely, price(prompt.high, completion.high, cached.low))
    return Expected(ONE, prompt, completion, together((prompt, completion)), cost)


def like(taken: Sequence[Taken], more: float, variation: float = VARIATION) -> Expected:
    """Return what one of `more` further units is expected to take, after what these took; there is at least one."""

    def mean(values: Iterable[float]) -> Range:
        return mean_of_more(list(values), more, variation)

    costs = [one.cost for one in taken if one.cost is not None]
    calls = [one.calls for one in taken]
    return Expected(
        ONE if set(calls) == {1} else mean(calls),
        mean(one.prompt_tokens for one in taken),
        mean(one.completion_tokens for one in taken),
        mean(one.tokens for one in taken),
        mean(costs) if len(costs) == len(taken) else None,
        rests_on=len(taken),
    )


def many(number: Range, each: Expected) -> Expected:
    """Return what a number of units is expected to take."""
    if number.high <= 0:
        return ZERO
    return _each_quantity(each, lambda range_: times(number, range_))


def with_longer_prompts(each: Expected, tokens: float, price: Price | None) -> Expected:
    """Return what a unit takes whose prompts have so many tokens more."""
    cost = each.cost
    if cost is not None and price is not None:
        cost = shifted(cost, price(max(tokens, 0.0), 0.0, 0.0) - price(max(-tokens, 0.0), 0.0, 0.0))
    prompt, both = (shifted(range_, tokens) for range_ in (each.prompt_tokens, each.tokens))
    return replace(each, prompt_tokens=prompt, tokens=both, cost=cost)


def in_all(parts: Sequence[Expected], *, by_chance: bool) -> Expected:
    """Return the sum of what several kinds of calls take.

    Args:
        parts: what each kind takes.
        by_chance: whether each is wrong for itself, as measured figures are, and not all in one direction, as guesses.
    """
    add = apart if by_chance else together
    costs = [part.cost for part in parts]
    return Expected(
        add(part.calls for part in parts),
        add(part.prompt_tokens for part in parts),
        add(part.completion_tokens for part in parts),
        add(part.tokens for part in parts),
        None if None in costs else add(cost for cost in costs if cost is not None),
        rests_on=max((part.rests_on for part in parts), default=0),
    )


def after(spent: Taken, rest: Expected) -> Expected:
    """Return what is spent and what is still expected, together."""
    known = rest.cost is not None and spent.cost is not None
    return replace(
        rest,
        calls=shifted(rest.calls, spent.calls),
        prompt_tokens=shifted(rest.prompt_tokens, spent.prompt_tokens),
        completion_tokens=shifted(rest.completion_tokens, spent.completion_tokens),
        tokens=shifted(rest.tokens, spent.tokens),
        cost=shifted(rest.cost, spent.cost) if known and rest.cost and spent.cost is not None else None,
    )


def rescaled(expected: Expected, factor: float) -> Expected:
    """Return an expectation times an exact factor."""
    return _each_quantity(expected, lambda range_: scaled(range_, factor))


def _each_quantity(expected: Expected, change: Callable[[Range], Range]) -> Expected:
    return replace(
        expected,
        calls=change(expected.calls),
        prompt_tokens=change(expected.prompt_tokens),
        completion_tokens=change(expected.completion_tokens),
        tokens=change(expected.tokens),
        cost=None if expected.cost is None else change(expected.cost),
    )
