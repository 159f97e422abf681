"""Read numbers of metadata, which may be anything."""

from __future__ import annotations

import math

_LARGEST = 10**15


def finite(value: object) -> float | None:
    """Return a number that can be added up, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _LARGEST:
        return None
    return float(value) if math.isfinite(value) else None


def whole(value: object) -> int | None:
    """Return a whole number that isn't negative, or None."""
    number = finite(value)
    return int(number) if number is not None and number >= 0 else None
