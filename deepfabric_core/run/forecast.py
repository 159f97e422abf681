"""Forecast what a run will have taken at its end: first what was expected, then more and more what is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from math import exp, log, sqrt
from typing import Any, NamedTuple

from deepfabric_core.amounts import Amounts, Expected, Range
from deepfabric_core.chat.messages import Usage
from deepfabric_core.run.state import RunState, StageProgress
from deepfabric_core.wording import counted, digits, duration, money

# How the sentence about a budget that won't be enough begins.
EXCEEDS = "The whole run is likely to take"
# Bounds of a normal distribution's middle 90 %, in standard deviations.
_BOUND = 1.645
# How much samples differ in what they take, as a standard deviation by the mean.
_VARIATION = 0.6
# The least that is believed of an expectation's own range, so that no division fails.
_SURE = 0.02
# A forecast is compared with a budget once so many samples of this session, or this share of them, are settled.
_ENOUGH = 10
_ENOUGH_SHARE = 0.05
# From so many calls a sample on, much of what is spent early is for samples in flight.
_SEVERAL_CALLS = 1.5


_QUANTITIES = ("calls", "prompt_tokens", "completion_tokens", "tokens", "cost", "seconds")


class _Measure(NamedTuple):
    """One quantity: what is expected of the run and of its topics, and what was spent when."""

    expected: Range
    of_topics: float
    spent: float
    before_samples: float


def forecast(state: RunState, now: float) -> Expected | None:
    """Return what the whole run will have taken at its end, all sessions together; None if nothing was expected.

    It begins as `state.expected`, follows what is measured as topics and samples are made, and its range closes when
    the last one is settled.
    """
    expected = state.expected
    if expected is None:
        return None
    if state.ending:
        return _at_the_end(state, expected, now)
    made = _made(state, expected)
    ranges: dict[str, Any] = {name: _at_end(state, measure, made) for name, measure in _measures(state, expected, now)}
    rests_on = max(expected.rests_on, state.samples_progress.settled)
    return replace(expected, **{"cost": None, **ranges}, rests_on=rests_on)


def will_exceed(state: RunState, now: float) -> str:
    """Return a sentence if the run is going to need more than its budget; empty if not, or if it is too early to say.

    Before enough samples are made, only an expectation that is above the budget throughout counts.
    """
    budget = state.budget
    foreseen = forecast(state, now) if budget and not state.ending else None
    if budget is None or foreseen is None:
        return ""
    settled, early = _settled_in_session(state.samples_progress), not _is_enough(state.samples_progress)
    for field in fields(Amounts):
        limit, range_ = getattr(budget.limits, field.name), getattr(foreseen, field.name)
        if limit is None or range_ is None:
            continue
        others = getattr(budget.besides, field.name) or 0
        if others + (range_.low if early else range_.likely) > limit:
            shown = _in_words(field.name, others + range_.likely), _in_words(field.name, limit)
            so_far = f", after {counted(settled, 'sample')}" if settled else ""
            return f"{EXCEEDS} {shown[0]}{so_far}; the budget is {shown[1]}, so it will stop early"
    return ""


def _is_enough(progress: StageProgress) -> bool:
    wanted = progress.total - progress.done_before - progress.failed_before
    return _settled_in_session(progress) >= max(1, min(_ENOUGH, wanted * _ENOUGH_SHARE))


def _settled_in_session(progress: StageProgress) -> int:
    return progress.settled - progress.done_before - progress.failed_before


def _in_words(name: str, value: float) -> str:
    match name:
        case "cost":
            return money(value)
        case "seconds":
            return duration(value)
        case _:
            return f"{digits(round(value))} {name}"


def taken(state: RunState, now: float) -> Amounts:
    """Return what this run has taken so far, in all sessions."""
    usage = state.usage_of_all_sessions
    before = state.resumed.seconds if state.resumed else 0.0
    tokens = usage.prompt_tokens + usage.completion_tokens
    return Amounts(usage.cost, tokens, state.calls_of_all_sessions, before + state.elapsed(now))


def _at_the_end(state: RunState, expected: Expected, now: float) -> Expected:
    """Return what a run that is over has taken, without a range."""
    own, usage = taken(state, now), state.usage_of_all_sessions
    known = expected.cost is not None and own.cost is not None and not state.unpriced
    return replace(
        expected,
        calls=Range.exactly(own.calls or 0),
        prompt_tokens=Range.exactly(usage.prompt_tokens or 0),
        completion_tokens=Range.exactly(usage.completion_tokens or 0),
        tokens=Range.exactly(own.tokens or 0),
        cost=Range.exactly(own.cost or 0) if known else None,
        seconds=Range.exactly(own.seconds or 0),
        rests_on=state.samples_progress.settled,
    )


def _measures(state: RunState, expected: Expected, now: float) -> Iterator[tuple[str, _Measure]]:
    """Yield each quantity that is expected, after its name."""
    resumed, samples = state.resumed, state.samples_progress
    before = _amounts(resumed.usage, resumed.calls, resumed.seconds) if resumed else _amounts(Usage(), 0, 0.0)
    began = 0.0 if samples.started_at is None else state.elapsed(samples.started_at)
    at_samples = _amounts(samples.usage_before, samples.calls_before, began)
    session = _amounts(state.usage, state.calls, state.elapsed(now))
    of_topics = _of_topics(expected)
    for name, range_ in _ranges(expected, priced=not state.unpriced):
        earlier = before[name]
        yield name, _Measure(range_, of_topics[name], earlier + session[name], earlier + at_samples[name])


def _ranges(expected: Expected, *, priced: bool) -> Iterator[tuple[str, Range]]:
    for name in _QUANTITIES:
        range_ = getattr(expected, name)
        if range_ is not None and (priced or name != "cost"):
            yield name, range_


def _of_topics(expected: Expected) -> dict[str, float]:
    """Return what growing topics is likely to take; prompts and replies in the proportion of the whole run."""
    topics, tokens = expected.topics, max(expected.tokens.likely, 1.0)
    known = {name: float(getattr(topics, name) or 0.0) for name in ("calls", "tokens", "cost", "seconds")}
    parts = {name: getattr(expected, name).likely / tokens for name in ("prompt_tokens", "completion_tokens")}
    return known | {name: known["tokens"] * part for name, part in parts.items()}


def _amounts(usage: Usage, calls: int, seconds: float) -> dict[str, float]:
    return {
        "calls": calls,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "tokens": usage.prompt_tokens + usage.completion_tokens,
        "cost": usage.cost or 0.0,
        "seconds": seconds,
    }


def _made(state: RunState, expected: Expected) -> float:
    """Return how many samples the calls of this session have made, with the parts of those that are in flight.

    The calls of a sample are as many as expected, but no more than if those in flight were not begun, and no fewer
    than if they were done.
    """
    progress = state.samples_progress
    settled, in_flight = _settled_in_session(progress), min(state.calls_in_flight or 0, progress.left)
    calls = state.calls - progress.calls_before
    wanted = progress.total - progress.done_before - progress.failed_before
    before = progress.calls_before + (state.resumed.calls if state.resumed else 0)
    each = max(0.0, expected.calls.likely - before) / max(1, wanted)
    if not in_flight or calls <= 0 or each < _SEVERAL_CALLS:
        return settled
    each = max(each, calls / (settled + in_flight))
    return calls / (min(each, calls / settled) if settled else each)


def _at_end(state: RunState, measure: _Measure, made: float) -> Range:
    """Return the forecast of one quantity: what is spent, and a range for the rest."""
    spread = max(_SURE, log(max(measure.expected.high, 1e-12) / max(measure.expected.low, 1e-12)) / (2 * _BOUND))
    topics = _topics_left(state) * measure.of_topics
    samples, spread = _samples_left(state, measure, spread, made)
    rest = topics + samples
    return Range(
        measure.spent + rest * exp(-_BOUND * spread),
        measure.spent + rest,
        measure.spent + rest * exp(_BOUND * spread),
    )


def _topics_left(state: RunState) -> float:
    """Return the share of the topics that is still to be made."""
    progress = state.topics_progress
    if state.samples_progress.started_at is not None or state.topics_source or progress.finished_at is not None:
        return 0.0
    return progress.left / progress.total if progress.total else 1.0


def _samples_left(state: RunState, measure: _Measure, spread: float, made: float) -> tuple[float, float]:
    """Return what the samples that are left will take, and the standard deviation of its logarithm."""
    progress, of_all = state.samples_progress, measure.expected.likely
    if progress.started_at is None:
        return max(0.0, of_all - (0.0 if state.topics_source else measure.of_topics)), spread
    left = progress.left + _settled_in_session(progress) - made
    expected = max(0.0, of_all - measure.before_samples) / max(1, made + left)
    measured = max(0.0, measure.spent - measure.before_samples) / made if made else 0.0
    if not measured or not expected:
        return left * (measured or expected), spread
    belief, weight = spread**-2, made / _VARIATION**2
    each = exp((belief * log(expected) + weight * log(measured)) / (belief + weight))
    return left * each, sqrt(1 / (belief + weight) + _VARIATION**2 / max(1, left))
