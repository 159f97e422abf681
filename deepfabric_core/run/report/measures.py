"""The ways in which a report measures texts: a tokenizer, words, languages and checks."""

from __future__ import annotations

from functools import cache

from deepfabric_core.quality.report.sums import Measures
from deepfabric_core.run.report.token_counter import token_counter


@cache
def measures() -> Measures:
    """Return the ways to measure texts on this machine."""
    return Measures(tokens=token_counter().count)
