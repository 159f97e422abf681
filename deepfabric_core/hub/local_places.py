"""Take this machine's places out of what is published: a model or a source may be named by a path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_ROOTED = re.compile(r"(?:~|\.{0,2})[/\\]|[A-Za-z]:[/\\]|file:", re.IGNORECASE)
_BETWEEN = re.compile(r"[/\\]+")


def without_place(text: str) -> str:
    r"""Return a name as it is, and of a local path only its last part.

    >>> without_place("Qwen/Qwen3-8B"), without_place("/home/ann/models/q.gguf"), without_place("C:\\models\\q.gguf")
    ('Qwen/Qwen3-8B', 'q.gguf', 'q.gguf')
    """
    if not _ROOTED.match(text) or "\n" in text:
        return text
    return _BETWEEN.split(text.rstrip("/\\"))[-1]


def without_places(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a record whose metadata name no local path."""
    metadata = record.get("metadata")
    if not isinstance(metadata, Mapping):
        return record
    cleaned = {key: without_place(value) if isinstance(value, str) else value for key, value in metadata.items()}
    return record if cleaned == metadata else {**record, "metadata": cleaned}
