"""Read a provider's rate-limit headers: how many more requests and tokens it accepts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal, get_args

Unit = Literal["requests", "tokens", "input", "output"]

# The words of header names: x-ratelimit-remaining-requests (OpenAI and many others), -minute or -day behind it where
# there are several, anthropic-ratelimit-input-tokens-remaining, ratelimit-reset (the draft of a standard).
_PARTS = ("remaining", "reset")
_UNITS_IN_NAMES: tuple[Unit, ...] = get_args(Unit)
_PERIODS = ("second", "minute", "hour", "day", "month")
_VENDORS = ("x", "anthropic")
_DRAFT = "ratelimit"  # all in one header
_FIELD = re.compile(r"\b(remaining|r|reset|t)\s*=\s*(\d+(?:\.\d+)?)")
_FIELDS = {"remaining": "remaining", "r": "remaining", "reset": "reset", "t": "reset"}

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
    unit: Unit = "requests"


def quotas_in(headers: Mapping[str, str], now: float) -> dict[str, RemainingQuota]:
    """Return what each quota's headers say, by the quota's name; `now` is the time in seconds since the epoch."""
    texts: dict[str, dict[str, str]] = {}
    units: dict[str, Unit] = {}
    for header, text in headers.items():
        if (meaning := _meaning(header)) is not None:
            name, part, units[name] = meaning
            texts.setdefault(name, {}).setdefault(part, text)
    for name, text in [(name, parts["both"]) for name, parts in texts.items() if "both" in parts]:
        texts[name] = {_FIELDS[key]: value for key, value in _FIELD.findall(text[:_LONGEST])}
    read = {name: _quota(parts, units[name], now) for name, parts in texts.items()}
    return {name: quota for name, quota in read.items() if quota is not None}


@lru_cache(maxsize=1024)
def _meaning(header: str) -> tuple[str, str, Unit] | None:
    """Return the quota that a header is about, what it says of it, and the quota's unit; None for other headers."""
    if len(header) > _LONGEST or "ratelimit" not in (name := header.lower()):
        return None
    if name == _DRAFT:
        return "", "both", "requests"
    words = [word for word in name.split("-") if word not in (*_VENDORS, "ratelimit")]
    parts = [word for word in words if word in _PARTS]
    rest = [word for word in words if word not in _PARTS]
    if len(parts) != 1 or any(word not in (*_UNITS_IN_NAMES, *_PERIODS) for word in rest):
        return None
    unit: Unit = next((unit for unit in reversed(_UNITS_IN_NAMES) if unit in rest), "requests")
    return "-".join(rest), parts[0], unit


def _quota(parts: Mapping[str, str], unit: Unit, now: float) -> RemainingQuota | None:
    try:
        left, seconds = float(parts.get("remaining", "")), seconds_until(parts.get("reset", ""), now)
    except (ValueError, OverflowError):
        return None
    return RemainingQuota(left, max(0.0, seconds), unit) if 0 <= left < math.inf and seconds < math.inf else None


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
