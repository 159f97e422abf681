"""`Gates`: what each sample passes before it is accepted, from the cheapest to the dearest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.quality.finding import Finding

# A work item: its topic's id and its cycle.
Owner = tuple[str, int]
Check = Callable[[Candidate], Finding | None]


class Comparing(Protocol):
    """A gate that compares candidates with accepted samples, and with candidates that are being decided."""

    def examine(self, candidate: Candidate, owner: Owner) -> Finding | None:
        """Return what speaks against a candidate; if nothing does, later ones are compared with it, too."""

    def accept(self, owner: Owner) -> None:
        """Keep comparing with the candidate of a work item, which is accepted."""

    def release(self, owner: Owner) -> None:
        """Stop comparing with the candidate of a work item, which isn't accepted."""

    def remember(self, owner: Owner, candidate: Candidate) -> None:
        """Compare with a sample that was accepted before."""


class Judging(Protocol):
    """A gate that asks a model."""

    async def examine(self, candidate: Candidate, owner: Owner) -> tuple[Finding | None, dict[str, Any]]:
        """Return what speaks against a candidate, and what the metadata of its record says of the verdict."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gates say of a candidate: the first finding, or None; and additions to the record's metadata."""

    finding: Finding | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Gates:
    """The gates of a run; without any, every candidate is accepted."""

    checks: Sequence[Check] = ()
    comparing: Sequence[Comparing] = ()
    judging: Judging | None = None

    @property
    def open(self) -> bool:
        """Whether every candidate is accepted."""
        return not (self.checks or self.comparing or self.judging)

    @property
    def waits(self) -> bool:
        """Whether to decide about a candidate takes calls to a model."""
        return self.judging is not None

    async def decide(self, candidate: Candidate, owner: Owner) -> Decision:
        """Return what the gates say of a candidate. It waits only for a judge.

        Then `accepted` or `released` has to be called, without waiting for anything before an acceptance.
        """
        finding = self._found(candidate, owner)
        if finding is not None or self.judging is None:
            return Decision(finding)
        return Decision(*await self.judging.examine(candidate, owner))

    def _found(self, candidate: Candidate, owner: Owner) -> Finding | None:
        for check in self.checks:
            if finding := check(candidate):
                return finding
        for gate in self.comparing:
            if finding := gate.examine(candidate, owner):
                return finding
        return None

    def accepted(self, owner: Owner) -> None:
        """Note that the candidate of a work item goes into the dataset."""
        for gate in self.comparing:
            gate.accept(owner)

    def released(self, owner: Owner) -> None:
        """Note that the candidate of a work item doesn't go into the dataset."""
        for gate in self.comparing:
            gate.release(owner)

    def remember(self, owner: Owner, record: Mapping[str, Any]) -> None:
        """Note the record of a sample that was accepted before."""
        if self.comparing:
            candidate = candidate_of(record)
            for gate in self.comparing:
                gate.remember(owner, candidate)
