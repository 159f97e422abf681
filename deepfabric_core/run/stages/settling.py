"""`Settling`: what becomes of a sample that was made: it is written, kept apart to be made again, or given up."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

from deepfabric_core.config.quality import Quality
from deepfabric_core.errors import FailureKind, ReplyError
from deepfabric_core.events import SampleFinished, SampleRejected
from deepfabric_core.quality.candidate import candidate_of
from deepfabric_core.quality.finding import Finding
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.stages.acceptance import Acceptance
from deepfabric_core.run.stages.gates import Decision, Gates
from deepfabric_core.run.stages.recipe_runner import RecipeResult
from deepfabric_core.samples.plan import WorkItem
from deepfabric_core.samples.records import Provenance, Record, Sample, with_metadata
from deepfabric_core.store.journal import Journal
from deepfabric_core.store.rejected_log import RejectedLog
from deepfabric_core.wording import counted

_SHOWN_CHARACTERS = 4000


@dataclass
class Settling:
    """Lets samples through the gates, into the journal or the log of rejected samples."""

    quality: Quality
    gates: Gates
    journal: Journal
    rejected: RejectedLog
    sink: EventSink
    acceptance: Acceptance = field(init=False)

    def __post_init__(self) -> None:
        self.acceptance = Acceptance(self.quality.min_acceptance)

    async def settle(self, item: WorkItem, made: RecipeResult[Sample]) -> bool:
        """Write a sample that is accepted, or keep it apart; return whether it is written.

        Without a judge nothing is awaited before it is on disk.

        Raises:
            ReplyError: it isn't accepted, and can't be made again.
            OutputError: it can't be written.
        """
        if self.gates.are_open:
            self._write(item, made, Decision())
            return True
        candidate = candidate_of(made.value.record, item.path)
        try:
            decision = await self.gates.decide(candidate, item)
            if decision.finding is None or self._is_kept(item):
                self._write(item, made, decision)
                self.gates.accepted(candidate, item)
                return True
        finally:
            self.gates.released(item)
        self._reject(item, made, decision.finding)
        return False

    def _is_kept(self, item: WorkItem) -> bool:
        """Return whether a sample of this work item is kept in spite of all, since it can't be made again."""
        return self.quality.on_exhausted == "keep" and self._tries(item) >= self.quality.attempts

    def _tries(self, item: WorkItem) -> int:
        return len(self.rejected.advice((item.topic_id, item.cycle)))

    def _write(self, item: WorkItem, made: RecipeResult[Sample], decision: Decision) -> None:
        sample, making = made.value, _provenance(made)
        record = with_metadata(self._marked(sample.record, decision), item, making)
        self.journal.append(item, record, making.as_line())
        if decision.finding is None:
            self.acceptance.accepted()
        else:
            self.acceptance.rejected(decision.finding)
            self._tell(item, sample, decision.finding, "kept")
        self.rejected.settled((item.topic_id, item.cycle))
        shown = sample.question[:_SHOWN_CHARACTERS], sample.answer[:_SHOWN_CHARACTERS]
        self.sink(SampleFinished(item.topic_id, item.path, item.cycle, made.attempts, *shown))

    def _marked(self, record: Record, decision: Decision) -> Record:
        """Return a record with what the gates say in its metadata, in all records of a dataset alike."""
        marks = dict(decision.metadata)
        if self.quality.on_exhausted == "keep" and not self.gates.are_open:
            marks["findings"] = [] if decision.finding is None else [decision.finding.reason]
        if not marks or "metadata" not in record:
            return record
        return {**record, "metadata": {**record["metadata"], **marks}}

    def _reject(self, item: WorkItem, made: RecipeResult[Sample], finding: Finding) -> None:
        making = _provenance(made)
        self.rejected.add(item, with_metadata(made.value.record, item, making), making, finding)
        self.acceptance.rejected(finding)
        tries = self._tries(item)
        exhausted = tries > self.quality.attempts
        self._tell(item, made.value, finding, "dropped" if exhausted else "again")
        if exhausted:
            last = "since" if tries == 1 else f"{counted(tries, 'time')}, the last time since"
            raise ReplyError(f"rejected {last} {finding.reason}", kind=FailureKind.REJECTED)

    def _tell(
        self, item: WorkItem, sample: Sample, finding: Finding, outcome: Literal["again", "dropped", "kept"]
    ) -> None:
        place = item.topic_id, item.path, item.cycle
        shown = (text[:_SHOWN_CHARACTERS] for text in (finding.evidence, sample.question, sample.answer))
        self.sink(SampleRejected(*place, finding.name, finding.reason, outcome, *shown))


def _provenance(made: RecipeResult[Sample]) -> Provenance:
    marks = made.simulated, time.time(), made.rest, made.demonstration
    return Provenance(made.model, made.attempts, made.usage, *marks)
