"""Run a job from beginning to end: check it, grow topics, make samples, deliver the dataset."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from deepfabric_core.config.judge import Judge
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.secret_keys import redactor
from deepfabric_core.errors import DeepFabricError, OutputError, RunAborted
from deepfabric_core.events import (
    PREVIEW,
    Emit,
    Ending,
    Event,
    FileWritten,
    LimiterChanged,
    Notice,
    RunExpected,
    RunFinished,
    Stage,
    Stopping,
    TopicsReady,
)
from deepfabric_core.llm.connect import CallPolicy, check, connect
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.llm.ray_serving import serving
from deepfabric_core.run.budget import RunBudget, check_budget, opened_budget
from deepfabric_core.run.checkpoint.checkpoint import Checkpoint
from deepfabric_core.run.checkpoint.earlier_dataset import keep_earlier_dataset
from deepfabric_core.run.checkpoint.from_dataset import restore_checkpoint, restore_for_more, tell_of_weights
from deepfabric_core.run.checkpoint.resume import (
    clear_finished,
    mark_of_finished,
    open_checkpoint,
    refuse_to_choose,
    tell_complete,
)
from deepfabric_core.run.estimate.estimate import reckoned, work_of
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.exports import check_exports, exports_in_words, make_exports
from deepfabric_core.run.job import Job, run_started, save_topics
from deepfabric_core.run.pause_events import emitting_pauses
from deepfabric_core.run.stages.gates import Judging
from deepfabric_core.run.stages.open_gates import PreparedGates, open_gates
from deepfabric_core.run.stages.samples import Sampling
from deepfabric_core.run.stages.topics import grow, loaded
from deepfabric_core.run.state import RunState
from deepfabric_core.run.tracing import check_trace, opened_trace
from deepfabric_core.samples.weights import unclear_names
from deepfabric_core.stop import Stop
from deepfabric_core.store.dataset_lock import DatasetLock
from deepfabric_core.store.files import check_writable, remove_leftovers
from deepfabric_core.store.topics_file import failures_of
from deepfabric_core.store.trace_log import TraceLog
from deepfabric_core.topics.model import Topics
from deepfabric_core.topics.spread import spread
from deepfabric_core.wording import are, counted

if TYPE_CHECKING:
    from deepfabric_core.tools.toolbox import Toolbox

_log = logging.getLogger(__name__)

# A sample takes more than this; less free space can't be enough.
_BYTES_A_SAMPLE = 1024
_STOPPED: tuple[Ending, str] = ("stopped", "stopped by the user")

Connect = Callable[[Llm, CallPolicy, Emit, Stop], AbstractAsyncContextManager[ChatModel]]


async def generate(
    job: Job, *, emit: Emit, stop: Stop, connect: Connect = connect, make_samples: MakeSamples | None = None
) -> RunState:
    """Run the job, emit an event for each step, and return the final state.

    The state's `ending` is the outcome: complete, incomplete, stopped or aborted. `make_samples`, if given, makes the
    samples and delivers the dataset in place of this process.

    Raises:
        ConfigError: something in the config can't work; nothing was spent, nothing overwritten.
        OutputError: a result can't be written; the message names what is safe.
    """
    sink = EventSink(emit)
    check_job(job)
    check_writable(job.dataset)
    check_trace(job)
    lock = DatasetLock(job.dataset)
    try:
        _remove_leftovers(job)
        clear_finished(job)
        restore_for_more(job, sink)
        mark = mark_of_finished(job)
        if mark is not None and not restore_checkpoint(job, mark, sink):
            tell_of_weights(job, mark, sink)
            tell_complete(mark, job, sink)
            failed = await make_exports(job, sink)
            done: tuple[Ending, str] = ("incomplete", failed) if failed else ("complete", "already, nothing to do")
            sink(RunFinished(*done, time.time()))
            return sink.state
        refuse_to_choose(job)
        given = loaded(job, sink)
        check_outputs(job, given)
        gates = PreparedGates() if job.topic_only else open_gates(job, lambda message: sink(Notice(message)))
        # what can fail before a call is made, fails before a checkpoint is touched
        async with _tools(job) as toolbox, _served(job, sink, stop):
            keep_earlier_dataset(job, sink)
            checkpoint = open_checkpoint(job, sink)
            work = _Work(job, sink, stop, connect, checkpoint, gates, make_samples)
            return await _with_checkpoint(work, given, toolbox)
    finally:
        lock.release()


@asynccontextmanager
async def _tools(job: Job) -> AsyncIterator[Toolbox | None]:
    """Open the tools of the samples, if there are any."""
    if not job.config.uses_tools or job.topic_only:
        yield None
        return
    from deepfabric_core.tools.toolbox import open_toolbox

    async with open_toolbox(job.config) as toolbox:
        yield toolbox


def _served(job: Job, sink: EventSink, stop: Stop) -> AbstractAsyncContextManager[None]:
    """Have the models served that are started for a run; for all of its shards, the whole run does that."""
    models = [] if job.shard is not None else _models_called(job)
    return serving(models, job.config.run, sink, stop)


def _remove_leftovers(job: Job) -> None:
    """Delete files that killed runs left half written."""
    kept, left = job.checkpoint_files(), job.journal_files()
    places = (*kept.paths, kept.mark, kept.done, *left.paths, left.mark)
    for path in (job.dataset, job.topics, failures_of(job.topics), job.failures, job.rejected, *places):
        remove_leftovers(path)


async def _with_checkpoint(work: _Work, given: Topics | None, toolbox: Toolbox | None) -> RunState:
    job, sink, checkpoint = work.job, work.sink, work.checkpoint
    try:
        topics = checkpoint.topics(given)
        if topics is not given:
            check_outputs(job, topics)
        with opened_trace(job) as trace, emitting_pauses(work.stop, sink), _budget(work) as budget:
            sink(run_started(job, time.time()))
            await checkpoint.begun()
            _tell_expected(work, topics, toolbox)
            return await _run(replace(work, trace=trace, budget=budget), topics, toolbox)
    finally:
        checkpoint.close()


def _tell_expected(work: _Work, topics: Topics | None, toolbox: Toolbox | None) -> None:
    """Emit what the whole run is expected to take, unless nothing is left to make.

    A preview's samples are made to find that out.
    """
    if work.job.preview is not None or work.job.shard is not None:
        return
    try:
        size, known = work_of(work.job, topics)
        found = reckoned(work.job.config, size, known, toolbox.tools if toolbox else ())
    except Exception:  # noqa: BLE001 - a mistake in reckoning must not cost the run
        _log.debug("the run can't be estimated", exc_info=True)
        return
    if found.total.calls.likely > (found.spent.calls or 0):
        work.sink(RunExpected(found.total))


def _budget(work: _Work) -> AbstractContextManager[RunBudget | None]:
    known, settings = work.checkpoint, work.job.config.budget
    return opened_budget(settings, known.run_id, known.spent_before, work.sink, work.stop, known.seconds)


@dataclass(frozen=True, slots=True)
class SamplesWork:
    """What is needed to make the samples of a job with these topics, and to deliver the dataset."""

    job: Job
    topics: Topics
    sink: EventSink
    stop: Stop
    checkpoint: Checkpoint
    budget: RunBudget | None = None
    trace: TraceLog | None = None


MakeSamples = Callable[[SamplesWork], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Work:
    """What all stages of a run need."""

    job: Job
    sink: EventSink
    stop: Stop
    connect: Connect
    checkpoint: Checkpoint
    gates: PreparedGates
    make_samples: MakeSamples | None = None
    trace: TraceLog | None = None
    budget: RunBudget | None = None

    def model(
        self, stage: Stage | Literal["judge"], settings: Llm, calls: int, retries: int
    ) -> AbstractAsyncContextManager[ChatModel]:
        """Connect to the model of a stage, or of a judge, whose limiter isn't shown."""
        record = self.trace.of(stage) if self.trace else None
        policy = CallPolicy(calls, retries, self.job.config.generation.rate_limit, stage, record, self.budget)
        return self.connect(settings, policy, self._without_limiter if stage == "judge" else self.sink, self.stop)

    def _without_limiter(self, event: Event) -> None:
        if not isinstance(event, LimiterChanged):
            self.sink(event)


async def _run(work: _Work, topics: Topics | None, toolbox: Toolbox | None) -> RunState:
    sink, checkpoint = work.sink, work.checkpoint
    aborted = ""
    try:
        await _topics_and_samples(work, topics, toolbox)
    except RunAborted as problem:
        aborted = str(problem)
    except DeepFabricError:
        with suppress(OutputError):  # only the first error is reported
            await checkpoint.save()
        raise
    ending, reason = _outcome(work, aborted)
    if work.budget is not None:
        work.budget.tell()
    await checkpoint.save()
    checkpoint.end(delivered=ending == "complete" and work.job.preview is None)
    if work.job.trace is not None:
        sink(FileWritten("trace", str(work.job.trace)))
    if ending == "complete" and (failed := await make_exports(work.job, sink)):
        ending, reason = "incomplete", failed
    elif ending == "incomplete" and exports_in_words(work.job):
        sink(Notice("Exports are made once the dataset is complete."))
    sink(RunFinished(ending, reason, time.time()))
    return sink.state


def _outcome(work: _Work, aborted: str) -> tuple[Ending, str]:
    """Return how the run ends, and the reason."""
    if aborted:
        return "aborted", aborted
    if _ends_early(work.job, work.stop) and not _all_settled(work.sink.state, work.job):
        return ("budget", work.budget.reached) if work.budget and work.budget.reached else _STOPPED
    missing = _missing(work.sink.state, work.job)
    if missing:
        return "incomplete", missing
    return "complete", "" if work.job.preview is None else PREVIEW


def _models_called(job: Job) -> list[Llm]:
    """Return the models that a job may call."""
    config = job.config
    models = [] if job.topic_only else [config.generation.llm, *(judge.llm for judge in config.quality.all_judges)]
    return models if job.topics_load is not None else [*models, config.topics.llm]


def check_job(job: Job) -> None:
    """Check what can be checked without a call to a provider."""
    for settings in _models_called(job):
        check(settings)
    check_budget(job)
    job.check_paths()
    check_exports(job)


def check_outputs(job: Job, topics: Topics | None) -> None:
    """Check that output files can be written, before money is spent on their content."""
    if not job.topic_only:
        check_writable(job.dataset, needed_bytes=job.samples_wanted(topics) * _BYTES_A_SAMPLE)
    if topics is None:
        check_writable(job.topics)


async def _topics_and_samples(work: _Work, topics: Topics | None, toolbox: Toolbox | None) -> None:
    job, checkpoint = work.job, work.checkpoint
    if topics is None:
        settings = job.config.topics
        async with work.model("topics", settings.llm, settings.max_concurrent, settings.max_retries) as model:
            topics = await grow(job, model, work.sink, work.stop, checkpoint)
        if not work.stop.requested and job.preview is None:
            checkpoint.keep_topics(topics)
    elif job.preview is not None:
        topics = spread(topics, job.preview)
    topics = _with_live_edits(work, topics)
    if job.topic_only or work.stop.requested:
        return
    for sentence in unclear_names(topics, job.config.topics.weights):
        work.sink(Notice(sentence))
    if work.make_samples is not None:
        await work.make_samples(SamplesWork(job, topics, work.sink, work.stop, checkpoint, work.budget, work.trace))
        return
    generation = job.config.generation
    calls = job.config.output.batch_size
    async with (
        work.model("samples", generation.llm, calls, generation.max_retries) as model,
        _judging(work) as judging,
    ):
        await _make_samples(work, topics, model, toolbox, judging)


@asynccontextmanager
async def _judging(work: _Work) -> AsyncIterator[Judging | None]:
    """Connect to the judges' models, if there are judges; each has a limiter of its own."""
    config = work.job.config
    if not config.quality.all_judges:
        yield None
        return
    from deepfabric_core.run.stages.judge_gate import JudgeGate
    from deepfabric_core.run.stages.judging import connected

    def connect_judge(judge: Judge) -> AbstractAsyncContextManager[ChatModel]:
        calls = judge.max_concurrent or config.output.batch_size
        return work.model("judge", judge.llm, calls, judge.max_retries)

    hide = redactor(config, os.environ)
    async with connected(config.quality, config, connect_judge, work.sink, hide) as judges:
        yield JudgeGate(judges, config.quality.compare) if judges else None


async def _make_samples(
    work: _Work, topics: Topics, model: ChatModel, toolbox: Toolbox | None, judging: Judging | None
) -> None:
    """Make every sample, then the dataset; whenever the topics are edited meanwhile, continue with a new plan."""
    while True:
        plan = work.checkpoint.plan(topics)
        sampling = Sampling(work.job, plan, model, work.sink, work.checkpoint, toolbox, work.gates, judging)
        await _sampled(sampling, work.stop)
        if work.stop.requested or not (work.job.live_edits and work.job.live_edits.pending):
            break
        await work.checkpoint.save()
        topics = _with_live_edits(work, topics)
    await work.checkpoint.save()  # before the dataset: a power cut must not destroy the samples it was made of
    if work.job.preview is None:
        _deliver(sampling, work.stop)


async def _sampled(sampling: Sampling, stop: Stop) -> None:
    try:
        await sampling.run(stop)
    except OutputError:
        raise  # finished samples are safe in the journal, and a full disk has no room for more
    except DeepFabricError:
        _keep_what_is_there(sampling)
        raise
    except BaseException:
        sampling.checkpoint.tell_where()
        raise


def _deliver(sampling: Sampling, stop: Stop) -> None:
    """Write the dataset; if the run ends early, write what was finished."""
    if _ends_early(sampling.job, stop) and not sampling.settled:
        sampling.keep()
    elif sampling.journal.written:
        sampling.deliver()
    else:
        sampling.keep()
        raise RunAborted(f"Every sample failed, the first with: {sampling.failures.first}")


def _ends_early(job: Job, stop: Stop) -> bool:
    """Return whether work may be left undone: after a stop, and where the budget is kept by others than this run."""
    return stop.requested or job.shard is not None


def _with_live_edits(work: _Work, topics: Topics) -> Topics:
    """Return the topics after the user's edits, and save them."""
    live_edits = work.job.live_edits
    if live_edits is None or not live_edits.pending:
        return topics
    topics = live_edits.apply(topics)
    save_topics(work.job, topics)
    work.checkpoint.keep_topics(topics)
    work.sink(TopicsReady(topics.mode, len(topics), len(topics.leaves), source="your edits"))
    return topics


def _keep_what_is_there(sampling: Sampling) -> None:
    """Write the partial dataset if possible. The journal is safe in any case, and only the first error is reported."""
    with suppress(OutputError):
        sampling.keep()


def _all_settled(state: RunState, job: Job) -> bool:
    """Return whether a stop came too late to leave any work undone."""
    progress = state.topics_progress if job.topic_only else state.samples_progress
    return progress.started_at is not None and progress.settled >= progress.total


def _missing(state: RunState, job: Job) -> str:
    """Return what was asked for and is missing, in a sentence; empty if nothing is missing."""
    reasons = []
    missing = f"{counted(state.topics_missing, 'topic')} {are(state.topics_missing)} missing"
    if state.resumed and state.resumed.failed_expansions:
        before = counted(state.resumed.failed_expansions, "topic")
        reasons.append(f"{before} could not be expanded when the topics grew")
    elif state.failed_expansions:
        reasons.append(f"{counted(state.failed_expansions, 'topic')} could not be expanded, {missing}")
    elif job.topic_only and state.topics_missing:
        reasons.append(missing)
    if state.samples_failed and not job.topic_only:
        reasons.append(f"{counted(state.samples_failed, 'sample')} failed")
    return "; ".join(reasons)


def announce_stop(emit: Emit, stop: Stop) -> None:
    """Request a stop and emit the event for it."""
    stop.request()
    emit(Stopping("Ctrl-C again leaves at once"))
