"""What holds the calls of a run back at present, in plain words: the same on every screen."""

from __future__ import annotations

import math

from deepfabric_core.events import LimiterChanged
from deepfabric_core.run.state import RunState
from deepfabric_core.wording import duration

_NO_MORE = "the provider allows no more"


def what_binds(state: RunState) -> str:
    """Return what holds calls back: about 96 calls a second; the provider allows no more. It is "" for nothing."""
    limiter = state.limiter
    if limiter is None or state.ending or state.paused_at is not None:
        return ""
    return _asked_for(state, limiter) or _allowed(limiter)


def _asked_for(state: RunState, limiter: LimiterChanged) -> str:
    """Return which limit of the config binds."""
    match limiter.bound:
        case "ceiling":
            return f"{_calls(limiter.limit)} at once{_ceiling(state, limiter)}"
        case "requests_per_minute":
            return f"{_calls(limiter.limit)} a minute, as rate_limit says"
        case "tokens_per_minute":
            return f"{_number(limiter.limit)} tokens a minute, as rate_limit says"
    return ""


def _allowed(limiter: LimiterChanged) -> str:
    """Return which limit of the provider binds."""
    match limiter.bound:
        case "places":
            return f"{_calls(limiter.limit)} at once; {_NO_MORE}"
        case "rate":
            return f"about {_per_time(limiter.limit)}; {_NO_MORE}"
        case "quota":
            return f"paused {_seconds(limiter.limit)}: the provider says that its quota is used up"
        case "pause":
            return f"paused {_seconds(limiter.limit)}: the provider refuses all calls"
        case "overload":
            return f"the provider is overloaded: {limiter.limit * 100:.0f} % of the calls are refused and repeated"
    return ""


def _ceiling(state: RunState, limiter: LimiterChanged) -> str:
    """Return where the ceiling comes from: the key of the stage, unless a model allows less than it says."""
    stage = state.stage or "samples"
    if limiter.limit < state.progress_of(stage).window:
        return "; a model in this process takes no more"
    return f", as {'max_concurrent' if stage == 'topics' else 'batch_size'} says"


def _per_time(per_second: float) -> str:
    """Return a rate with two digits, given per minute if it is below 1 per second."""
    each, rate = ("second", per_second) if per_second >= 1 else ("minute", per_second * 60)
    digits = 1 - math.floor(math.log10(rate)) if rate > 0 else 0
    return f"{_calls(round(rate, digits))} a {each}"


def _calls(number: float) -> str:
    written = _number(number)
    return f"{written} {'call' if written == '1' else 'calls'}"


def _number(number: float) -> str:
    rounded = round(number, 2)
    return f"{rounded:,.0f}" if rounded == round(rounded) else f"{rounded:,g}"


def _seconds(seconds: float) -> str:
    return duration(max(1.0, seconds))
