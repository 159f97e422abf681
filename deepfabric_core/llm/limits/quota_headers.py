"""Read a provider's rate-limit headers: how many more requests and tokens it accepts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

# Header names of the remaining quota and of its reset, by provider: OpenAI and many others, Anthropic, OpenRouter, and
# the draft of a standard.
_REQUESTS = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
)
_TOKENS = (
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
)
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST = 100
_SURELY_A_DATE = 1e9
_SURELY_MILLISECONDS = 1e12


@dataclass(frozen=True, slots=True)
class RemainingQuota:
    """`remaining` requests or tokens; in `reset` seconds the full quota is available again."""

    remaining: float
    reset: float


def requests_left(headers: Mapping[str, str], now: float) -> RemainingQuota | None:
    """Return how many more requests the provider accepts, or None; `now` is the time in seconds since the epoch."""
    return _first(_REQUESTS, headers, now)


def tokens_left(headers: Mapping[str, str], now: float) -> RemainingQuota | None:
    """Return how many more tokens the provider accepts, or None."""
    return _first(_TOKENS, headers, now)


def _first(names: tuple[tuple[str, str], ...], headers: Mapping[str, str], now: float) -> RemainingQuota | None:
    for remaining, reset in names:
        left = headers.get(remaining)
        if left is not None:
            return _allowance(left, headers.get(reset, ""), now)
    return None


def _allowance(remaining: str, reset: str, now: float) -> RemainingQuota | None:
    try:
        left, seconds = float(remaining), seconds_until(reset, now)
    except (ValueError, OverflowError):
        return None
    return RemainingQuota(left, max(0.0, seconds)) if 0 <= left < math.inf and seconds < math.inf else None


def seconds_until(text: str, now: float) -> float:
    """Return the seconds from `now` to the time in a reset header.

    It may be a span (6m0s, 250ms), a number of seconds (1.5), an epoch in seconds or milliseconds, or a date.

    Raises:
        ValueError, OverflowError: it says none of these.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        raise ValueError("it is longer than any of these")
    parts = _SPAN.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    if "T" in text:
        return datetime.fromisoformat(text).timestamp() - now
    number = float(text)
    if number >= _SURELY_MILLISECONDS:
        return number / 1000 - now
    return number - now if number >= _SURELY_A_DATE else number
