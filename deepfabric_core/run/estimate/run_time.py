"""How long the calls of a run take: by what is usual, by a simulated latency, or by what earlier ones took."""

from __future__ import annotations

from collections.abc import Mapping

from deepfabric_core.amounts import Expected, Purpose, Range
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.schema import Config
from deepfabric_core.samples.estimate.ranges import NOTHING, scaled, shifted, times, within

# Seconds until a provider begins to answer, and tokens that it writes in a second: usual figures, no more.
_BEGINNING, _TOKENS_A_SECOND = 0.8, 70.0
_TOKENS_A_SECOND_HERE = 15.0
_UNSURE, _MEASURED_UNSURE = 3.0, 1.6
_OWN_WORK = 0.002
_MINUTE = 60.0


def seconds_by_purpose(
    config: Config, rest: Mapping[Purpose, Expected], measured: float | None
) -> dict[Purpose, Range]:
    """Return how long the calls of each purpose take, if only they were made.

    Args:
        config: the config of the run.
        rest: what is still to be done.
        measured: seconds for each call that an earlier session took, with as many calls at once; None if unknown.
    """
    return {purpose: _seconds(config, purpose, expected, measured) for purpose, expected in rest.items()}


def whole_time(config: Config, rest: Mapping[Purpose, Expected], each: Mapping[Purpose, Range]) -> Range:
    """Return how long the rest of the run takes: topics first, then samples while earlier ones are judged."""
    topics = each.get("topics", NOTHING)
    samples = [each[purpose] for purpose in ("samples", "repairs", "refused samples") if purpose in each]
    judge = each.get("judge", NOTHING)
    made = Range(*(max(sum(one[bound] for one in samples), judge[bound]) for bound in range(3)))
    whole = Range(*(topics[bound] + made[bound] for bound in range(3)))
    least = _within_limits(config, rest)
    return Range(*(max(one, other) for one, other in zip(whole, least, strict=True)))


def _seconds(config: Config, purpose: Purpose, expected: Expected, measured: float | None) -> Range:
    calls, at_once, settings = expected.calls, _at_once(config, purpose), _model_of(config, purpose)
    if calls.likely <= 0:
        return NOTHING
    if measured is not None and purpose != "topics":
        return times(calls, within(measured, _MEASURED_UNSURE))
    one = _latency(settings, expected)
    turns = scaled(calls, 1 / at_once)
    fewest = {"topics": config.topics.depth, "samples": 1}.get(purpose, 0)
    return times(Range(*(max(fewest, part) for part in turns)), one)


def _latency(settings: Llm, expected: Expected) -> Range:
    """Return the seconds of one call."""
    own = {"simulated": settings.simulated.latency, "demo": settings.demo.latency, "recorded": 0.0}
    if settings.provider in own:
        return within(own[settings.provider] + _OWN_WORK, 1.2)
    length = expected.completion_tokens.likely / max(1.0, expected.calls.likely)
    pace = _TOKENS_A_SECOND_HERE if settings.provider == "local" else _TOKENS_A_SECOND
    return shifted(within(length / pace, _UNSURE), _BEGINNING)


def _at_once(config: Config, purpose: Purpose) -> float:
    if _model_of(config, purpose).provider == "local":
        return 1.0
    if purpose == "topics":
        return config.topics.max_concurrent
    if purpose == "judge":
        return sum(judge.max_concurrent or config.output.batch_size for judge in config.quality.all_judges)
    return config.output.batch_size


def _model_of(config: Config, purpose: Purpose) -> Llm:
    if purpose == "judge" and config.quality.all_judges:
        return config.quality.all_judges[0].llm
    return config.topics.llm if purpose == "topics" else config.generation.llm


def _within_limits(config: Config, rest: Mapping[Purpose, Expected]) -> Range:
    """Return how long it takes at least, by the config's own limits of calls and tokens a minute."""
    limits = config.generation.rate_limit
    calls = [sum(one.calls[bound] for one in rest.values()) for bound in range(3)]
    tokens = [sum(one.tokens[bound] for one in rest.values()) for bound in range(3)]
    by_calls = [_MINUTE * one / limits.requests_per_minute if limits.requests_per_minute else 0.0 for one in calls]
    by_tokens = [_MINUTE * one / limits.tokens_per_minute if limits.tokens_per_minute else 0.0 for one in tokens]
    return Range(*map(max, by_calls, by_tokens))
