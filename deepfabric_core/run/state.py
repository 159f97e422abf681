"""`RunState`: the state of a run, computed from its events alone; every screen and summary reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from deepfabric_core.amounts import Expected, Spending, Usage, together, total, with_call, with_refused
from deepfabric_core.errors import FailureKind
from deepfabric_core.events import (
    PREVIEW,
    BudgetChanged,
    CallAnswered,
    CallFailed,
    Ending,
    Event,
    ExpansionFailed,
    FileWritten,
    LimiterChanged,
    Notice,
    Paused,
    ReplyMended,
    ReplyRejected,
    Resumed,
    RunExpected,
    RunFinished,
    RunStarted,
    SampleFailed,
    SampleFinished,
    SamplePutAside,
    SampleRejected,
    SamplesCounted,
    Stage,
    StageFinished,
    StageStarted,
    Stopping,
    TopicExpanded,
    TopicsReady,
    WentOn,
)

Counts = Mapping[FailureKind, int]
RejectedByCheck = Mapping[str, tuple[SampleRejected, ...]]
Failure = SampleFailed | ExpansionFailed | ReplyRejected
Examples = Mapping[FailureKind, tuple[Failure, ...]]
V = TypeVar("V")
K = TypeVar("K")
_RECENT_SAMPLES = 8
_EXAMPLES_OF_A_KIND = 3
_RECENT_NOTICES = 20


@dataclass(frozen=True)
class StageProgress:
    """How far a stage has come; `failed` counts failed samples, or missing topics.

    `done_before` and `failed_before` are the part from earlier runs. The stage was paused for `paused` seconds; if it
    is paused now, `paused_at` is when that began. `usage_before` and `calls_before` are what the session had used when
    the stage began.
    """

    started_at: float | None = None
    total: int = 0
    window: int = 0
    done: int = 0
    failed: int = 0
    done_before: int = 0
    failed_before: int = 0
    finished_at: float | None = None
    paused: float = 0.0
    paused_at: float | None = None
    usage_before: Usage = field(default_factory=Usage)
    calls_before: int = 0

    @property
    def settled(self) -> int:
        """Items that need no more work: done or failed."""
        return self.done + self.failed

    @property
    def left(self) -> int:
        """Items that are neither done nor failed."""
        return max(0, self.total - self.settled)

    def elapsed(self, now: float) -> float:
        """Return the seconds since the stage began, up to its end, without pauses."""
        if self.started_at is None:
            return 0.0
        until = now if self.finished_at is None else self.finished_at
        paused = self.paused + (0.0 if self.paused_at is None else max(0.0, until - self.paused_at))
        return max(0.0, until - self.started_at - paused)

    def rate(self, now: float) -> float | None:
        """Return the items made per second, or None while unknown."""
        elapsed, made = self.elapsed(now), self.done - self.done_before
        return made / elapsed if made > 0 and elapsed > 0 else None

    def seconds_left(self, now: float) -> float | None:
        """Return the seconds until everything is settled at the current rate, or None while unknown or when over."""
        settled = self.settled - self.done_before - self.failed_before
        if self.finished_at is not None or settled <= 0:
            return None
        return self.elapsed(now) * self.left / settled


@dataclass(frozen=True)
class RunState:
    """Everything that screens and summaries show. Values are replaced, never changed.

    `spending` is what the answered calls of this session took by purpose; a refused sample may have been begun by an
    earlier one.
    """

    topics_model: str = ""
    samples_model: str = ""
    started_at: float | None = None
    stage: Stage | None = None
    topics_progress: StageProgress = StageProgress()
    samples_progress: StageProgress = StageProgress()
    topics: int = 0
    leaves: int = 0
    topics_mode: str = ""
    topics_source: str = ""
    sample_failures: Counts = field(default_factory=dict)
    expansion_failures: Counts = field(default_factory=dict)
    failure_examples: Examples = field(default_factory=dict)
    last_failure: SampleFailed | ExpansionFailed | None = None
    samples_rejected: Mapping[str, int] = field(default_factory=dict)
    samples_kept: int = 0
    samples_unjudged: int = 0
    rejected_samples: RejectedByCheck = field(default_factory=dict)
    answered: int = 0
    retries: Counts = field(default_factory=dict)
    gave_up: Counts = field(default_factory=dict)
    rejected: Counts = field(default_factory=dict)
    rejected_examples: Examples = field(default_factory=dict)
    mended: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost: float | None = None
    unpriced: int = 0
    spending: Spending = field(default_factory=dict)
    resumed: Resumed | None = None
    expected: Expected | None = None
    budget: BudgetChanged | None = None
    limiter: LimiterChanged | None = None
    stopping: str = ""
    paused: float = 0.0
    paused_at: float | None = None
    notices: tuple[str, ...] = ()
    latest_path: tuple[str, ...] = ()
    recent: tuple[SampleFinished, ...] = ()
    files: tuple[FileWritten, ...] = ()
    ending: Ending | None = None
    reason: str = ""
    finished_at: float | None = None

    def elapsed(self, now: float) -> float:
        """Return the seconds since the run began, up to its end, without pauses."""
        if self.started_at is None:
            return 0.0
        until = now if self.finished_at is None else self.finished_at
        return max(0.0, until - self.started_at - self.paused_for(until))

    def paused_for(self, now: float) -> float:
        """Return the seconds spent in pauses so far."""
        return self.paused + (0.0 if self.paused_at is None else max(0.0, now - self.paused_at))

    def progress_of(self, stage: Stage) -> StageProgress:
        """Return the progress of a stage."""
        return self.topics_progress if stage == "topics" else self.samples_progress

    @property
    def topics_missing(self) -> int:
        """Topics that were asked for and couldn't be made."""
        return self.topics_progress.failed

    @property
    def failed_expansions(self) -> int:
        """Topics that got no children at all."""
        return sum(self.expansion_failures.values())

    @property
    def samples_done(self) -> int:
        """Samples on disk."""
        return self.samples_progress.done

    @property
    def samples_failed(self) -> int:
        """Samples that couldn't be made."""
        return self.samples_progress.failed

    @property
    def success_rate(self) -> float | None:
        """The share of the settled samples that were made, or None before the first."""
        settled = self.samples_progress.settled
        return self.samples_done / settled if settled else None

    @property
    def failures(self) -> Counts:
        """Failed samples and failed expansions together, by category."""
        kinds = [*self.sample_failures, *(k for k in self.expansion_failures if k not in self.sample_failures)]
        return {k: self.sample_failures.get(k, 0) + self.expansion_failures.get(k, 0) for k in kinds}

    @property
    def calls(self) -> int:
        """Calls that ended, answered or failed."""
        return self.answered + sum(self.retries.values()) + sum(self.gave_up.values())

    @property
    def calls_of_all_sessions(self) -> int:
        """Calls that ended, including those of the sessions that this run resumes."""
        return self.calls + (self.resumed.calls if self.resumed else 0)

    @property
    def usage(self) -> Usage:
        """Tokens and cost of this session."""
        return Usage(self.prompt_tokens, self.completion_tokens, self.cost, self.cached_tokens)

    @property
    def usage_of_all_sessions(self) -> Usage:
        """Tokens and cost, including those of the sessions that this run resumes."""
        return self.usage + self.resumed.usage if self.resumed else self.usage

    @property
    def spending_of_all_sessions(self) -> Spending:
        """What answered calls took by purpose, including those of the sessions that this run resumes."""
        return together(self.resumed.spending if self.resumed else {}, self.spending)

    @property
    def is_preview(self) -> bool:
        """Whether a preview is complete, which a run goes on with."""
        return self.ending == "complete" and self.reason == PREVIEW

    @property
    def calls_in_flight(self) -> int | None:
        """Calls of this run in flight, as last reported; None before the first report."""
        if self.limiter is None:
            return None
        return self.limiter.in_flight if self.limiter.own is None else self.limiter.own

    @property
    def latest_sample(self) -> tuple[str, str] | None:
        """Question and answer of the latest sample."""
        return (self.recent[-1].question, self.recent[-1].answer) if self.recent else None


def reduce(state: RunState, event: Event) -> RunState:
    """Return the state after an event."""
    match event:
        case TopicExpanded() | ExpansionFailed() | TopicsReady():
            return _topics(state, event)
        case CallAnswered() | CallFailed() | ReplyRejected() | ReplyMended():
            return _calls(state, event)
        case SampleFinished() | SampleFailed() | SamplesCounted():
            return _samples(state, event)
        case SampleRejected():
            return _rejected(state, event)
        case SamplePutAside(spent=spent):
            return _with(state, spending=with_refused(state.spending, spent))
        case RunExpected(expected):
            return _with(state, expected=expected)
        case BudgetChanged():
            return _with(state, budget=event)
        case StageStarted() | StageFinished():
            return _stages(state, event)
        case _:
            return _run(state, event)


def _run(
    state: RunState,
    event: RunStarted | Resumed | LimiterChanged | Stopping | Paused | WentOn | Notice | FileWritten | RunFinished,
) -> RunState:
    match event:
        case RunStarted(topics_model, samples_model, at):
            return _with(state, topics_model=topics_model, samples_model=samples_model, started_at=at)
        case Resumed(failures=failures, rejected=rejected, kept=kept):
            counts = {"samples_rejected": rejected, "samples_kept": kept}
            return _with(state, resumed=event, sample_failures=failures, **counts)
        case LimiterChanged():
            return _with(state, limiter=event)
        case Stopping(why):
            return _with(state, stopping=why or "asked to stop")
        case Paused(at) | WentOn(at):
            return _paused(state, at, pausing=isinstance(event, Paused))
        case Notice(message):
            return _with(state, notices=(*state.notices, message)[-_RECENT_NOTICES:])
        case FileWritten():
            return _with(state, files=(*state.files, event))
        case RunFinished(ending, reason, at):
            state = _paused(state, at, pausing=False)
            return _with(state, ending=ending, reason=reason, finished_at=at, stage=None)


def _paused(state: RunState, at: float, *, pausing: bool) -> RunState:
    """Return the state, with its stages, after the beginning or the end of a pause."""
    topics, samples = state.topics_progress, state.samples_progress
    return _with(
        state,
        paused=state.paused_for(at),
        paused_at=at if pausing else None,
        topics_progress=_stage_paused(topics, at, pausing=pausing),
        samples_progress=_stage_paused(samples, at, pausing=pausing),
    )


def _stage_paused(progress: StageProgress, at: float, *, pausing: bool) -> StageProgress:
    if progress.started_at is None or progress.finished_at is not None:
        return progress
    paused = progress.paused + (0.0 if progress.paused_at is None else max(0.0, at - progress.paused_at))
    return _with(progress, paused=paused, paused_at=at if pausing else None)


def _stages(state: RunState, event: StageStarted | StageFinished) -> RunState:
    progress = state.progress_of(event.stage)
    stage: Stage | None = None
    match event:
        case StageStarted(stage, total, window, at, done, failed):
            progress = StageProgress(at, total, window, done, failed, done_before=done, failed_before=failed)
            paused_at = None if state.paused_at is None else at
            progress = _with(progress, paused_at=paused_at, usage_before=state.usage, calls_before=state.calls)
        case StageFinished(at=at):
            progress = _with(progress, finished_at=at)
    if event.stage == "topics":
        return _with(state, stage=stage, limiter=None, topics_progress=progress)
    return _with(state, stage=stage, limiter=None, samples_progress=progress)


def _counted(state: RunState, event: SamplesCounted) -> RunState:
    progress, spent = state.samples_progress, total(event.spending)
    usage = state.usage + spent.usage
    return _with(
        state,
        samples_progress=_with(progress, done=progress.done + event.made, failed=progress.failed + event.failed),
        answered=state.answered + spent.attempts,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=usage.cached_tokens,
        cost=usage.cost,
        unpriced=state.unpriced + spent.unpriced,
        spending=together(state.spending, event.spending),
    )


def _topics(state: RunState, event: TopicExpanded | ExpansionFailed | TopicsReady) -> RunState:
    progress = state.topics_progress
    match event:
        case TopicExpanded(path, children, missing, below):
            failed = progress.failed + missing + below
            progress = _with(progress, done=progress.done + len(children), failed=failed)
            topics = (state.topics or 1) + len(children)  # the root is a topic too
            leaves = (state.leaves or 1) - 1 + len(children)
            return _with(state, topics_progress=progress, topics=topics, leaves=leaves, latest_path=path)
        case ExpansionFailed(kind=kind, lost=lost):
            return _with(
                state,
                topics_progress=_with(progress, failed=progress.failed + lost),
                expansion_failures=_one_more(state.expansion_failures, kind),
                failure_examples=_with_example(state.failure_examples, event),
                last_failure=event,
            )
        case TopicsReady(mode, topics, leaves, source):
            return _with(state, topics=topics, leaves=leaves, topics_mode=mode, topics_source=source)


def _calls(state: RunState, event: CallAnswered | CallFailed | ReplyRejected | ReplyMended) -> RunState:
    match event:
        case CallAnswered(prompt_tokens=prompt, completion_tokens=completion, cost=cost, cached_tokens=cached):
            return _with(
                state,
                answered=state.answered + 1,
                prompt_tokens=state.prompt_tokens + prompt,
                completion_tokens=state.completion_tokens + completion,
                cached_tokens=state.cached_tokens + cached,
                cost=state.cost if cost is None else (state.cost or 0.0) + cost,
                unpriced=state.unpriced + (cost is None),
                spending=with_call(state.spending, event.purpose, Usage(prompt, completion, cost, cached)),
            )
        case CallFailed(kind, _, None):
            return _with(state, gave_up=_one_more(state.gave_up, kind))
        case CallFailed(kind):
            return _with(state, retries=_one_more(state.retries, kind))
        case ReplyMended():
            return _with(state, mended=state.mended + 1)
        case ReplyRejected(_, kind):
            return _with(
                state,
                rejected=_one_more(state.rejected, kind),
                rejected_examples=_with_example(state.rejected_examples, event),
            )


def _samples(state: RunState, event: SampleFinished | SampleFailed | SamplesCounted) -> RunState:
    progress = state.samples_progress
    if isinstance(event, SamplesCounted):
        return _counted(state, event)
    if isinstance(event, SampleFinished):
        progress = _with(progress, done=progress.done + 1)
        recent = (*state.recent, event)[-_RECENT_SAMPLES:]
        unjudged = state.samples_unjudged + bool(event.unjudged)
        return _with(state, samples_progress=progress, recent=recent, latest_path=event.path, samples_unjudged=unjudged)
    return _with(
        state,
        samples_progress=_with(progress, failed=progress.failed + 1),
        sample_failures=_one_more(state.sample_failures, event.kind),
        failure_examples=_with_example(state.failure_examples, event),
        last_failure=event,
    )


def _rejected(state: RunState, event: SampleRejected) -> RunState:
    few = state.rejected_samples.get(event.check, ())
    examples = state.rejected_samples
    if len(few) < _EXAMPLES_OF_A_KIND:
        examples = {**examples, event.check: (*few, event)}
    return _with(
        state,
        samples_rejected=_one_more(state.samples_rejected, event.check),
        samples_kept=state.samples_kept + (event.outcome == "kept"),
        rejected_samples=examples,
    )


def _one_more(counts: Mapping[K, int], kind: K) -> Mapping[K, int]:
    return {**counts, kind: counts.get(kind, 0) + 1}


def _with_example(examples: Examples, failure: Failure) -> Examples:
    """Add an example, but keep only the first few of each kind: a list that doesn't change can be read."""
    few = examples.get(failure.kind, ())
    return examples if len(few) >= _EXAMPLES_OF_A_KIND else {**examples, failure.kind: (*few, failure)}


def _with(value: V, **changes: Any) -> V:
    """Return a copy with changes, ten times as fast as `dataclasses.replace`: this runs for every event."""
    copy = object.__new__(type(value))
    copy.__dict__.update(value.__dict__, **changes)
    return copy
