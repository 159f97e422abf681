"""The samples stage: make each sample of the plan, and write it to disk as soon as it is made."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepfabric_core.chat.rejected_calls import RejectedCalls
from deepfabric_core.config.fingerprint import fingerprint, without_topics
from deepfabric_core.config.secret_keys import redactor
from deepfabric_core.errors import ModelError, RunAborted
from deepfabric_core.events import FileWritten, Notice, SampleFailed, StageFinished, StageStarted
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.run.checkpoint.checkpoint import Checkpoint
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.job import Job
from deepfabric_core.run.stages.circuit_breaker import CircuitBreaker
from deepfabric_core.run.stages.failure_isolation import attempt
from deepfabric_core.run.stages.gates import Gates, Judging
from deepfabric_core.run.stages.open_gates import PreparedGates
from deepfabric_core.run.stages.pool import most_in_order, run_window
from deepfabric_core.run.stages.recipe_runner import RecipeResult, StateLost, run_recipe
from deepfabric_core.run.stages.settling import Settled, Settling
from deepfabric_core.samples.asked_questions import AskedQuestions
from deepfabric_core.samples.plan import WorkItem
from deepfabric_core.samples.reading import path_of
from deepfabric_core.samples.recipes import recipe_for
from deepfabric_core.samples.recipes.recipe import Brief
from deepfabric_core.samples.records import Sample
from deepfabric_core.samples.shards import AnyPlan
from deepfabric_core.stop import Stop, Stopped
from deepfabric_core.store.failure_log import SampleKey
from deepfabric_core.store.journal import free_path
from deepfabric_core.store.keyed_hash import keyed_hash
from deepfabric_core.store.rejected_log import rejected_path
from deepfabric_core.store.step_log import StepKey, StepLog, Steps

if TYPE_CHECKING:
    from deepfabric_core.tools.toolbox import Toolbox

_log = logging.getLogger(__name__)

_REMEMBERED_QUESTIONS = 5
_REMEMBERED_CHARACTERS = 200


@dataclass
class Sampling:
    """Writes the samples of a plan into a journal, and the dataset from the journal."""

    job: Job
    plan: AnyPlan
    model: ChatModel
    sink: EventSink
    checkpoint: Checkpoint
    toolbox: Toolbox | None = None
    prepared: PreparedGates = field(default_factory=PreparedGates)
    judging: Judging | None = None
    breaker: CircuitBreaker = field(init=False)
    _earlier: defaultdict[str, deque[str]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=_REMEMBERED_QUESTIONS))
    )
    _at_work: dict[SampleKey, asyncio.Event] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._secrets = redactor(self.job.config, os.environ)
        self.breaker = CircuitBreaker(self.job.config.output.batch_size)
        self.recipe = recipe_for(self.job.config, self.toolbox.tools if self.toolbox else ())
        # An agent's work isn't begun with a question that was asked before; elsewhere a gate compares whole samples.
        self._claims_questions = self.toolbox is not None or self.job.config.quality.duplicates is None
        self._asked = AskedQuestions(self.job.config.generation.sample_retries)
        self.failures = self.checkpoint.failures
        self._rejected = self.checkpoint.rejected()
        gates = self.prepared.of_plan(len(self.plan), self.checkpoint.prints, self._candidate_at, self.judging)
        self.journal = self.checkpoint.journal(self.plan, partial(self._remember_record, gates))
        gates.ready()
        is_rejected = self.checkpoint.is_rejected
        self._settling = Settling(self.job.config.quality, gates, self.journal, self._rejected, self.sink, is_rejected)
        config = without_topics(fingerprint(self.job.config, keyed_hash))
        self.steps = StepLog(self.checkpoint.steps(), config, self._is_unfinished, self._secrets.exactly)
        self.steps.keeps_last = gates.judging is not None

    def _is_unfinished(self, key: StepKey) -> bool:
        match key:
            case (str(topic_id), int(cycle), *_):
                index = self.plan.index_of(topic_id, cycle)
                return index is not None and not self.journal.has(index) and (topic_id, cycle) not in self.failures
        return False

    @property
    def settled(self) -> bool:
        """Whether every work item is made or has failed."""
        return self.journal.written + len(self.failures) >= len(self.plan)

    async def run(self, stop: Stop) -> None:
        """Make every sample of the plan that isn't there yet, until all are settled or a stop is requested.

        Raises:
            RunAborted: all others would fail as well, or too few samples are accepted.
        """
        width = self.job.config.output.batch_size
        done, failed = self.journal.written, len(self.failures)
        self.sink(StageStarted("samples", len(self.plan), width, time.time(), done, failed))
        try:
            await run_window(self._to_do(), partial(self._make, stop), calls=self._calls_at_once, stop=stop)
        finally:
            self.sink(StageFinished("samples", time.time()))
        if problem := self._settling.acceptance.problem:
            raise RunAborted(problem)

    def _to_do(self) -> Iterator[WorkItem]:
        failed, live_edits = set(self.failures), self.job.live_edits
        for item in self.plan:
            if live_edits is not None and live_edits.pending:
                return
            if not self.journal.has(item.index) and (item.topic_id, item.cycle) not in failed:
                yield item

    def deliver(self) -> None:
        """Write the dataset, in the order of the plan, and beside it what failed and what was rejected."""
        self.journal.deliver(self.job.dataset)
        self.sink(FileWritten("dataset", str(self.job.dataset)))
        self._list_failures()
        self._list_rejected(self.job.rejected)

    def _list_failures(self) -> None:
        if self.failures.save(self.job.failures):
            self.sink(FileWritten("failures", str(self.job.failures)))

    def _list_rejected(self, path: Path) -> None:
        if self._rejected.save(path):
            self.sink(FileWritten("rejected samples", str(path)))

    def keep(self) -> None:
        """Write the finished samples of a run that ends early to a partial dataset, unless a checkpoint was asked for.

        An older dataset isn't changed.
        """
        if self.checkpoint.files.asked:
            if self._rejected.counts:
                self.sink(FileWritten("rejected samples", str(self._rejected.lines.path)))
            return
        if not self.journal.written:
            self._list_failures()
            self._list_rejected(free_path(self.job.beside("partial.rejected")))
            return
        partial = free_path(self.job.beside("partial"))
        self.journal.deliver(partial)
        self.sink(FileWritten("partial dataset", str(partial)))
        self._list_rejected(rejected_path(partial))

    async def _make(self, stop: Stop, item: WorkItem) -> Iterable[WorkItem]:
        settled = self._at_work[item.topic_id, item.cycle] = asyncio.Event()
        try:
            before = self._at_work.get((item.topic_id, item.cycle - 1))
            if before is not None and self._knows_earlier(item):
                await before.wait()
            return await self._made(stop, item)
        finally:
            del self._at_work[item.topic_id, item.cycle]
            settled.set()

    def _knows_earlier(self, item: WorkItem) -> bool:
        """Whether a sample is told of the one before of its topic: there are enough others to make meanwhile."""
        return self._calls_at_once() <= most_in_order(self.plan.planned(item.cycle - 1))

    def _calls_at_once(self) -> int:
        return self.job.width() if self.job.width else self.job.config.output.batch_size

    async def _made(self, stop: Stop, item: WorkItem) -> Iterable[WorkItem]:
        rejected = RejectedCalls(self._secrets)
        try:
            while await self._tried(item, rejected) != "written":
                pass
        except Stopped:
            return ()
        except ModelError as problem:
            self._failed(item, problem, rejected)
        if self._settling.acceptance.problem:
            stop.request()  # calls in flight finish, and what they make is kept
        return ()

    async def _tried(self, item: WorkItem, rejected: RejectedCalls) -> Settled:
        """Make a sample, and return what became of it. If it can't be made, the best of those held is written.

        A resumed run retries it if a failure isn't specific to it.

        Raises:
            ModelError: it can't be made, or isn't accepted and can't be made again.
        """
        steps = self._steps_of(item)
        try:
            settled = await attempt(self._work_on(item, steps, rejected), item.path, self._secrets)
        except ModelError as problem:
            if not problem.kind.hopeless:
                steps.over()
            if not await self._settling.settle_held(item):
                raise
            return "written"
        if settled == "rejected":
            steps.over()
        return settled

    def _steps_of(self, item: WorkItem) -> Steps:
        """Return the steps of the next sample for a work item, with what its request depends on besides the item.

        One that is made again after a review has steps of its own.
        """
        earlier = self._earlier.get(item.topic_id)
        refused = self._rejected.advice((item.topic_id, item.cycle))
        given = {"earlier": list(earlier or ()), "refused": list(refused)}
        draw, times_reviewed = self._settling.held(item), self._rejected.times_reviewed((item.topic_id, item.cycle))
        again = (draw, times_reviewed) if times_reviewed else (draw,) if draw else ()
        key: StepKey = (item.topic_id, item.cycle, *again)
        return self.steps.of(key, {name: texts for name, texts in given.items() if texts})

    async def _work_on(self, item: WorkItem, steps: Steps, rejected: RejectedCalls) -> Settled:
        """Make a sample; begin anew if an earlier run's tool calls can't be repeated."""
        try:
            return await self._drive(item, steps, rejected)
        except StateLost as problem:
            _log.info("a sample of %s begins anew: %s", " > ".join(item.path), problem)
            steps.begin_anew()
            return await self._drive(item, steps, rejected)

    async def _drive(self, item: WorkItem, steps: Steps, rejected: RejectedCalls) -> Settled:
        """Run the recipe. Before its sample is on disk, only a judge is awaited, and no end of tool sessions."""
        run = partial(run_recipe, self.recipe(self._brief(item, steps)), self.model, self.sink)
        if self.toolbox is None:
            return await self._settle(item, await run(steps=steps, rejected=rejected), rejected)
        async with self.toolbox.tool_sessions(f"{item.topic_id}-{item.cycle}") as tool_sessions:
            return await self._settle(item, await run(tool_sessions, steps=steps, rejected=rejected), rejected)

    def _brief(self, item: WorkItem, steps: Steps) -> Brief:
        claim = partial(self._claim, owner=item.index) if self._claims_questions else bool
        earlier, refused = (tuple(steps.given.get(name, ())) for name in ("earlier", "refused"))
        return Brief(item.path, item.cycle, earlier, claim, refused, self._settling.held(item))

    async def _settle(self, item: WorkItem, made: RecipeResult[Sample], rejected: RejectedCalls) -> Settled:
        settled = await self._settling.settle(item, made)
        if settled == "written":
            self.failures.add_repaired("samples", rejected.calls)
            self.breaker.succeeded()
            self._remember(item.topic_id, made.value.question)
        self.checkpoint.item_settled()
        return settled

    def _claim(self, question: str, *, owner: int) -> bool:
        """Claim a question for a work item; say so once if repetitions have to be kept."""
        kept_before = self._asked.kept_all
        claimed = self._asked.claim(question, owner)
        if self._asked.kept_all and not kept_before:
            self.sink(Notice("The model repeats its questions when it is asked again: repeated ones are kept"))
        return claimed

    def _failed(self, item: WorkItem, problem: ModelError, rejected: RejectedCalls) -> None:
        if not problem.kind.hopeless:
            self.failures.add(item, problem, rejected.calls)
            self._rejected.failed((item.topic_id, item.cycle))
        self.sink(SampleFailed(item.topic_id, item.path, item.cycle, problem.kind, str(problem), *rejected.last))
        self.breaker.failed(problem)
        self.checkpoint.item_settled()

    def _remember(self, topic_id: str, question: str) -> None:
        if self.plan.cycles > 1:
            self._earlier[topic_id].append(" ".join(question.split())[:_REMEMBERED_CHARACTERS])

    def _remember_record(self, gates: Gates, key: SampleKey, record: Mapping[str, Any]) -> None:
        question, index = str(record.get("question", "")), self.plan.index_of(*key)
        self._remember(key[0], question)
        self._asked.claim(question)
        if index is not None:
            gates.remember(record, WorkItem(index, key[0], path_of(record), key[1]))

    def _candidate_at(self, index: int) -> Candidate | None:
        record = self.journal.record(index)
        return None if record is None else candidate_of(record)
