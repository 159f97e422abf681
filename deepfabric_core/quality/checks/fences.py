"""Blocks of code that aren't closed."""

from __future__ import annotations

from deepfabric_core.quality.checks.check import Problem, excerpt
from deepfabric_core.quality.checks.passages import Passages


def unclosed_code(passages: Passages) -> Problem | None:
    """Return what is wrong if a block of code is begun in an answer and not ended."""
    for passage in passages.written:
        if passage.blocks and not passage.blocks[-1].is_closed:
            reason = f"a block of code in the {passage.name} isn't closed"
            advice = f"{reason}: end it with its fence, and write the text to its end"
            return Problem(reason, advice, excerpt(passage.blocks[-1].body))
    return None
