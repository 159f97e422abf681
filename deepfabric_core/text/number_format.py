"""Format numbers as text: rates, shares, and counts by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from deepfabric_core.run.state import StageProgress

# A kind of failure, or the name of a check.
Kind = TypeVar("Kind", bound=str)


def per_time(rate: float) -> str:
    """Return a rate, given per second, in text; below 1 per second it is given per minute."""
    return f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min"


def in_words(kind: str) -> str:
    """Return a kind of failure, or the name of a check, as it is shown.

    >>> in_words("near_duplicate")
    'near duplicate'
    """
    return str(kind).replace("_", " ")


def by_kind(counts: Mapping[Kind, int]) -> str:
    """Return counts by category, the most frequent first: 5 rate limited, 2 timeout."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return ", ".join(f"{count:,} {in_words(kind)}" for kind, count in ordered)


def total_by_kind(counts: Mapping[Kind, int]) -> str:
    """Return the total, then the counts by category: 7 (5 rate limited, 2 timeout); no total for a single category."""
    if len(counts) == 1:
        return by_kind(counts)
    return f"{sum(counts.values()):,} ({by_kind(counts)})"


def percent(progress: StageProgress) -> str:
    """Return how much of the total is done; 100 % only if nothing is left."""
    return f"{min(100, progress.done * 100 // progress.total)} %" if progress.total else "nothing to do"


def share(part: float) -> str:
    """Return a share in percent with one decimal, never rounded up to 100 %."""
    return f"{int(part * 1000) / 10:g} %"
