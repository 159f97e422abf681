"""The ways in which a report measures texts: a tokenizer, languages, and the checks that are on by default."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from deepfabric_core.quality.checks.check import Settings
from deepfabric_core.quality.checks.choose import choose
from deepfabric_core.quality.checks.examine import findings
from deepfabric_core.quality.checks.registry import catalogue
from deepfabric_core.quality.language import language_of
from deepfabric_core.quality.report.sums import Measures
from deepfabric_core.run.report.token_counter import token_counter


@cache
def measures() -> Measures:
    """Return the ways to measure texts on this machine."""
    checks = choose("default", Settings())
    return Measures(token_counter().count, language_of, partial(findings, checks=checks))


def known_checks() -> list[dict[str, Any]]:
    """Return the checks that a report applies, each with what it finds."""
    return [{"name": name, "description": about} for name, about, is_default in catalogue() if is_default]
