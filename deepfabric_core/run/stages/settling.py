"""`Settling`: what becomes of a sample that was made: it is written, held, kept apart to be made again, or given up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from deepfabric_core.chat.messages import Spent, Usage
from deepfabric_core.config.quality import Quality
from deepfabric_core.errors import ConfigError, FailureKind, ReplyError
from deepfabric_core.events import SampleFinished, SamplePutAside, SampleRejected
from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.quality.finding import Finding
from deepfabric_core.quality.judge.judgement import not_chosen
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
_SAME_AS_REJECTED = Finding(
    "review",
    "same as rejected",
    "it is the very text that was rejected in review",
    "it is the very text that a reviewer rejected; write a different one",
)

# `held` until more samples for the work item are made, of which the best is written.
Settled = Literal["written", "held", "rejected"]


@dataclass(frozen=True, slots=True)
class Made:
    """A sample that was made, with what the gates say of it."""

    item: WorkItem
    result: RecipeResult[Sample]
    candidate: Candidate
    decision: Decision = field(default_factory=Decision)

    @property
    def provenance(self) -> Provenance:
        """How it was made, and judged."""
        made = self.result
        marks = made.simulated, time.time(), made.rest, made.demonstration, self.decision.judging
        return Provenance(made.model, made.attempts, made.usage, *marks, made.own, made.ends_with_repair)


@dataclass
class Settling:
    """Lets samples through the gates, into the journal or the log of rejected samples.

    `is_rejected` says whether people rejected that very text before.
    """

    quality: Quality
    gates: Gates
    journal: Journal
    rejected: RejectedLog
    sink: EventSink
    is_rejected: Callable[[Record], bool] | None = None
    acceptance: Acceptance = field(init=False)
    _held: dict[int, list[Made]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.acceptance = Acceptance(self.quality.min_acceptance)

    def held(self, item: WorkItem) -> int:
        """Return how many samples are held for a work item."""
        return len(self._held.get(item.index, ()))

    async def settle(self, item: WorkItem, result: RecipeResult[Sample]) -> Settled:
        """Write a sample that is accepted, hold it, or keep it apart.

        Without a judge nothing is awaited before it is on disk.

        Raises:
            ReplyError: it isn't accepted, and can't be made again.
            OutputError: it can't be written.
        """
        if self.gates.are_open and self.is_rejected is None:
            self._write(Made(item, result, Candidate("", "")))
            return "written"
        made = Made(item, result, candidate_of(result.value.record, item.path))
        try:
            made = replace(made, decision=await self._decide(made))
            if made.decision.finding is not None and not self._is_kept(item):
                self._reject(made, made.decision.finding)
                return "rejected"
            if self.gates.best_of > 1:
                return await self._hold(made)
            self._accept(made)
            return "written"
        finally:
            self.gates.released(item)

    async def _decide(self, made: Made) -> Decision:
        """Return what the gates say; if a check of the user's own fails, keep the sample apart, since it is paid for.

        Raises:
            ReplyError: a check failed.
        """
        if self._repeats_rejected(made):
            return Decision(_SAME_AS_REJECTED)
        try:
            return await self.gates.decide(made.candidate, made.item)
        except ConfigError as problem:
            self._put_aside(made, Finding("checks", "failed_check", str(problem), ""))
            raise ReplyError(str(problem), kind=FailureKind.REJECTED) from problem

    def _repeats_rejected(self, made: Made) -> bool:
        record = made.result.value.record
        return self.is_rejected is not None and self.is_rejected(with_metadata(record, made.item, made.provenance))

    def _is_kept(self, item: WorkItem) -> bool:
        """Return whether a sample of this work item is kept in spite of all, since it can't be made again."""
        return self.quality.on_exhausted == "keep" and self._tries(item) >= self.quality.attempts

    def _tries(self, item: WorkItem) -> int:
        return self.rejected.tries((item.topic_id, item.cycle))

    async def _hold(self, made: Made) -> Settled:
        """Hold a sample; with the last one, write the best of all."""
        held = self._held.setdefault(made.item.index, [])
        held.append(made)
        if len(held) < self.gates.best_of:
            return "held"
        await self.settle_held(made.item)
        return "written"

    async def settle_held(self, item: WorkItem) -> bool:
        """Write the best of the samples that are held for a work item, and keep the others apart.

        Returns whether there were any.

        Raises:
            OutputError: they can't be written.
        """
        held, judging = self._held.get(item.index), self.gates.judging
        if not held or judging is None:
            return False
        scores = [one.decision.score for one in held]
        order, spent = await judging.ranked([one.candidate for one in held], scores)
        del self._held[item.index]
        # Others may have been accepted meanwhile; if each repeats one of them, the best is kept all the same.
        ranked = [held[place] for place in order]
        best = next((one for one in ranked if not self.gates.found(one.candidate, item)), ranked[0])
        for place, one in enumerate(ranked, 1):
            if one is not best:
                self._put_aside(one, not_chosen(place, len(ranked)))
        self._accept(replace(best, decision=_with_more(best.decision, spent)))
        return True

    def _accept(self, made: Made) -> None:
        self._write(made)
        self.gates.accepted(made.candidate, made.item)

    def _write(self, made: Made) -> None:
        item, sample, making, finding = made.item, made.result.value, made.provenance, made.decision.finding
        record = with_metadata(self._marked(sample.record, made.decision), item, making)
        kept = {} if finding is None else {"kept": finding.name}
        self.journal.append(item, record, {**making.as_line(), **kept})
        self.acceptance.accepted()
        if finding is not None:
            self._tell(made, finding, "kept")
        self.rejected.settled((item.topic_id, item.cycle))
        shown = sample.question[:_SHOWN_CHARACTERS], sample.answer[:_SHOWN_CHARACTERS]
        attempts, unjudged = made.result.attempts, made.decision.unjudged
        self.sink(SampleFinished(item.topic_id, item.path, item.cycle, attempts, *shown, unjudged))

    def _marked(self, record: Record, decision: Decision) -> Record:
        """Return a record with what the gates say in its metadata, in all records of a dataset alike."""
        marks = dict(decision.metadata)
        if self.quality.on_exhausted == "keep" and not self.gates.are_open:
            marks["findings"] = [] if decision.finding is None else [decision.finding.reason]
        if not marks or "metadata" not in record:
            return record
        return {**record, "metadata": {**record["metadata"], **marks}}

    def _reject(self, made: Made, finding: Finding) -> None:
        self._put_aside(made, finding)
        self.acceptance.rejected(finding)
        tries = self._tries(made.item)
        exhausted = tries > self.quality.attempts
        self._tell(made, finding, "dropped" if exhausted else "again")
        if exhausted:
            attempts = f" in {counted(tries, 'attempt')}, in the last one" if tries > 1 else ""
            raise ReplyError(f"not accepted{attempts} since {finding.reason}", kind=FailureKind.REJECTED)

    def _put_aside(self, made: Made, finding: Finding) -> None:
        making = made.provenance
        record = self._marked(made.result.value.record, replace(made.decision, finding=finding))
        self.rejected.add(made.item, with_metadata(record, made.item, making), making, finding)
        self.sink(SamplePutAside(made.item.topic_id, made.item.cycle, made.result.own))

    def _tell(self, made: Made, finding: Finding, outcome: Literal["again", "dropped", "kept"]) -> None:
        item, sample = made.item, made.result.value
        shown = (text[:_SHOWN_CHARACTERS] for text in (finding.evidence, sample.question, sample.answer))
        place = item.topic_id, item.path, item.cycle
        self.sink(SampleRejected(*place, finding.name, finding.reason, outcome, *shown))


def _with_more(decision: Decision, judging: Spent) -> Decision:
    """Return a decision that also took some comparisons."""
    before = decision.judging or Spent(0, Usage())
    return replace(decision, judging=Spent(before.attempts + judging.attempts, before.usage + judging.usage))
