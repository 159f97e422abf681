"""What is kept of learned limits, as a table, or as a block for each entry where the table would be too wide."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from deepfabric_core.llm.limits.learned import to_json
from deepfabric_core.llm.limits.learned_file import Kept, all_kept
from deepfabric_core.printable import printable
from deepfabric_core.text.number_format import per_time
from deepfabric_core.wording import duration

_HEADERS = ("endpoint", "model", "key", "calls a second", "in flight", "age")
_KEY_DIGITS = 4
_NONE_MET = "no limit met"
_DAY = 86400
_GAP = "  "


def kept_limits(word: str | None = None) -> list[Kept]:
    """Return what is kept of an endpoint or a model, or everything."""
    return [kept for kept in all_kept() if word is None or kept.target.is_meant_by(word)]


def limits_table(entries: Sequence[Kept], width: int | None = None, *, now: float | None = None) -> str:
    """Return a line for each entry, or a block of lines where a line would be longer than `width`."""
    if not entries:
        return "No limits are kept."
    rows = [_row(kept, time.time() if now is None else now) for kept in entries]
    widths = [max(map(len, column)) for column in zip(_HEADERS, *rows, strict=True)]
    if width is not None and sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        return "\n\n".join(map(_block, rows))
    return "\n".join(_GAP.join(map(str.ljust, row, widths)).rstrip() for row in (_HEADERS, *rows))


def _row(kept: Kept, now: float) -> tuple[str, ...]:
    target, learned = kept.target, kept.learned
    return (
        printable(target.endpoint or target.provider),
        printable(target.model),
        target.key[-_KEY_DIGITS:] or "none",
        _NONE_MET if learned.per_second is None else per_time(learned.per_second),
        _in_flight(learned.at_once, learned.accepted_at_once),
        _age(now - kept.at),
    )


def _in_flight(at_once: int | None, accepted: int | None) -> str:
    if at_once is not None:
        return f"{at_once:,}"
    return f"{_NONE_MET} up to {accepted:,}" if accepted else _NONE_MET


def _age(seconds: float) -> str:
    if seconds < _DAY:
        return duration(seconds)
    days, rest = divmod(round(seconds / 3600), 24)
    return f"{days} d {rest} h"


def _block(row: Sequence[str]) -> str:
    label = max(map(len, _HEADERS))
    return "\n".join(f"{name:<{label}}{_GAP}{value}" for name, value in zip(_HEADERS, row, strict=True))


def limits_as_json(entries: Sequence[Kept], *, now: float | None = None) -> list[dict[str, Any]]:
    """Return an object for each entry; the age is in seconds."""
    at = time.time() if now is None else now
    return [
        {
            "provider": kept.target.provider,
            "endpoint": kept.target.endpoint,
            "model": kept.target.model,
            "key": kept.target.key[-_KEY_DIGITS:] or None,
            **to_json(kept.learned),
            "age": round(max(0.0, at - kept.at), 3),
        }
        for kept in entries
    ]
