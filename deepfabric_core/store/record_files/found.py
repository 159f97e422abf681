"""A record that was found in a file, or what stands in its place."""

from __future__ import annotations

from typing import Any, NamedTuple


class FoundRecord(NamedTuple):
    """A record, or None with the problem; `place` is where it is, as in "line 3"."""

    place: str
    record: dict[str, Any] | None
    problem: str = ""
