"""`Gates`: what each sample passes before it is accepted, from the cheapest to the dearest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from deepfabric_core.chat.messages import Spent
from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.quality.finding import Finding
from deepfabric_core.samples.plan import WorkItem

# It looks at a candidate alone, and returns what speaks against it.
Examine = Callable[[Candidate], Finding | None]


class Comparing(Protocol):
    """A gate that compares candidates with accepted samples, and with candidates that are being decided about."""

    def examine(self, candidate: Candidate, item: WorkItem) -> Finding | None:
        """Return what speaks against a candidate; if nothing does, later ones are compared with it, too."""

    def accept(self, candidate: Candidate, item: WorkItem) -> None:
        """Keep comparing with a candidate, which is accepted."""

    def release(self, item: WorkItem) -> None:
        """Stop comparing with the candidate of a work item, unless it is accepted."""

    def remember(self, candidate: Candidate, item: WorkItem) -> None:
        """Compare with a sample that was accepted before; `ready` has to be called after the last one."""

    def ready(self) -> None:
        """Prepare to compare with what was remembered."""


class Judging(Protocol):
    """A gate that asks models. Of `best_of` candidates for a work item, it takes the best."""

    @property
    def best_of(self) -> int:
        """How many candidates are made for each work item."""
        ...

    async def examine(self, candidate: Candidate) -> Decision:
        """Return what speaks against a candidate, and what the metadata of its record says of the verdict."""

    async def ranked(self, candidates: Sequence[Candidate], scores: Sequence[float]) -> tuple[Sequence[int], Spent]:
        """Return the places of candidates, the best first, and what it took to find out."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gates say of a candidate: the first finding, or None.

    A judge's `score` and `metadata` go into the record, and `judging` is what it took; `unjudged` says why it said
    nothing, if it didn't.
    """

    finding: Finding | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    score: float = 0.0
    judging: Spent | None = None
    unjudged: str = ""


@dataclass(frozen=True)
class Gates:
    """The gates of a plan's samples; without any, every candidate is accepted."""

    examining: Sequence[Examine] = ()
    comparing: Sequence[Comparing] = ()
    judging: Judging | None = None

    @property
    def are_open(self) -> bool:
        """Whether every candidate is accepted."""
        return not (self.examining or self.comparing or self.judging)

    @property
    def best_of(self) -> int:
        """How many candidates are made for each work item."""
        return self.judging.best_of if self.judging else 1

    async def decide(self, candidate: Candidate, item: WorkItem) -> Decision:
        """Return what the gates say of a candidate. Only a judge is waited for.

        Then `accepted` has to be called, without waiting for anything before, or `released`.
        """
        finding = self.found(candidate, item)
        if finding is not None or self.judging is None:
            return Decision(finding)
        return await self.judging.examine(candidate)

    def found(self, candidate: Candidate, item: WorkItem) -> Finding | None:
        """Return what all gates but a judge have against a candidate."""
        for examine in self.examining:
            if finding := examine(candidate):
                return finding
        for gate in self.comparing:
            if finding := gate.examine(candidate, item):
                return finding
        return None

    def accepted(self, candidate: Candidate, item: WorkItem) -> None:
        """Note that a candidate goes into the dataset."""
        for gate in self.comparing:
            gate.accept(candidate, item)

    def released(self, item: WorkItem) -> None:
        """Note that nothing more is decided about a work item's candidate."""
        for gate in self.comparing:
            gate.release(item)

    def remember(self, record: Mapping[str, Any], item: WorkItem) -> None:
        """Note the record of a sample that was accepted before."""
        if self.comparing:
            candidate = candidate_of(record, item.path)
            for gate in self.comparing:
                gate.remember(candidate, item)

    def ready(self) -> None:
        """Note that all samples that were accepted before are known."""
        for gate in self.comparing:
            gate.ready()
