"""Apply checks to a candidate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.checks.check import Check
from deepfabric_core.quality.checks.passages import Passages
from deepfabric_core.quality.finding import Finding


def examine(candidate: Candidate, checks: Sequence[Check]) -> Finding | None:
    """Return what the first of the checks that finds something has against a candidate; None if none does.

    Raises:
        ConfigError: a check of the user's own failed.
    """
    return next(findings(candidate, checks), None)


def findings(candidate: Candidate, checks: Sequence[Check]) -> Iterator[Finding]:
    """Yield what each of the checks has against a candidate.

    Raises:
        ConfigError: a check of the user's own failed.
    """
    passages = Passages(candidate)
    for check in checks:
        if problem := check.find(passages):
            yield Finding("checks", check.name, problem.reason, problem.advice, problem.evidence)
