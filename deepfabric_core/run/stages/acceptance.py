"""`Acceptance`: which share of the samples is accepted of late, and when that is too little to go on."""

from __future__ import annotations

from collections import Counter, deque

from deepfabric_core.quality.finding import Finding
from deepfabric_core.wording import counted

# Samples before a share says anything, and samples that count as of late.
_LEAST = 30
_LATELY = 100
_SHOWN_REASONS = 3
_SHOWN_CHARACTERS = 160


class Acceptance:
    """Counts accepted and rejected samples; `floor` is the least share to be accepted.

    `problem` says why the run has to end, once it does; it is empty before.

    >>> acceptance = Acceptance(0.5)
    >>> for _ in range(30):
    ...     acceptance.rejected(Finding("checks", "refusal", "the answer is a refusal", ""))
    >>> acceptance.problem.split(":")[0]
    'Only 0 of the last 30 samples were accepted, fewer than quality.min_acceptance (0.5) asks for'
    """

    def __init__(self, floor: float) -> None:
        self._floor = floor
        self._lately: deque[Finding | None] = deque(maxlen=_LATELY)
        self.problem = ""

    def accepted(self) -> None:
        """Count an accepted sample."""
        self._lately.append(None)

    def rejected(self, finding: Finding) -> None:
        """Count a rejected sample."""
        self._lately.append(finding)
        if not self.problem and len(self._lately) >= _LEAST and self._accepted < self._floor * len(self._lately):
            self.problem = self._verdict()

    @property
    def _accepted(self) -> int:
        return sum(finding is None for finding in self._lately)

    def _verdict(self) -> str:
        """Return what is wrong, with examples, in a few sentences."""
        found = [finding for finding in self._lately if finding is not None]
        most = Counter(finding.name for finding in found).most_common(_SHOWN_REASONS)
        latest = {finding.name: finding for finding in found}
        reasons = "; ".join(f"{number:,} {name} ({_example(latest[name])})" for name, number in most)
        return (
            f"Only {self._accepted} of the last {counted(len(self._lately), 'sample')} were accepted, fewer than "
            f"quality.min_acceptance ({self._floor:g}) asks for: {reasons}. Change the prompts, the model or quality."
        )


def _example(finding: Finding) -> str:
    shown = " ".join(finding.evidence.split())[:_SHOWN_CHARACTERS]
    return f'{finding.reason}: "{shown}"' if shown else finding.reason
