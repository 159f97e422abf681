"""Show a run as plain lines, for log files and terminals without cursor control."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, TextIO

from deepfabric_core.events import (
    CallFailed,
    Event,
    ExpansionFailed,
    FileWritten,
    LimiterChanged,
    Notice,
    Paused,
    ReplyRejected,
    RunExpected,
    RunFinished,
    RunStarted,
    SampleFailed,
    SampleFinished,
    SampleRejected,
    Stage,
    StageFinished,
    StageStarted,
    Stopping,
    TopicExpanded,
    TopicsReady,
    WentOn,
)
from deepfabric_core.printable import printable, printable_path
from deepfabric_core.redaction import redact
from deepfabric_core.run.state import RunState, StageProgress, reduce
from deepfabric_core.stop import Stop
from deepfabric_core.text.budget_status import in_brief
from deepfabric_core.text.estimate_text import expected_line
from deepfabric_core.text.number_format import by_kind, in_words, per_time, percent, total_by_kind
from deepfabric_core.text.run_facts import paused, rejected, stopping
from deepfabric_core.text.what_binds import what_binds
from deepfabric_core.wording import counted, duration, of_them_leaves

_EXPANSIONS_SHOWN = 20
_FAILURES_SHOWN = 10
_SECONDS_BETWEEN = 10.0
_PATH = 120
_MESSAGE = 300


class SimpleView:
    """Writes a line for each important event, without control codes. Lines are never overwritten."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._clock = clock
        self._state = RunState()
        self._expansions = 0
        self._tenth = 0
        self._progress_at = clock()
        self._mentioned: set[str] = set()

    @property
    def state(self) -> RunState:
        """The current state of the run."""
        return self._state

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.flush()

    @contextlib.contextmanager
    def listening(self, _stop: Stop) -> Iterator[None]:
        """Do nothing: this view doesn't read keys."""
        yield

    def __call__(self, event: Event) -> None:
        """Update the state with an event, and write a line about it if it is important."""
        before, self._state = self._state, reduce(self._state, event)
        match event:
            case StageStarted() | StageFinished() | TopicsReady():
                self._stage(event)
            case TopicExpanded() | ExpansionFailed() | SampleFailed() | SampleFinished():
                self._step(event)
            case CallFailed() | ReplyRejected() | SampleRejected() | LimiterChanged():
                self._trouble(event)
            case RunStarted(topics_model, samples_model):
                self._line(f"Started: topics by {topics_model}{samples_model and f', samples by {samples_model}'}")
            case Stopping() | Paused() | WentOn():
                self._stop_or_pause(event, before)
            case RunExpected(expected):
                self._line(f"Expected: {expected_line(expected)}")
            case Notice(message):
                self._line(f"Note: {redact(message)}")
            case FileWritten(role, path):
                self._line(f"Written: {role}: {path}")
            case RunFinished(ending, reason):
                ended, reason = (reason, "") if self._state.is_preview else (ending, reason)
                said = {"aborted": "gave up", "budget": "budget reached"}.get(ended, ended)
                self._line(f"Finished: {said}" + (f": {redact(reason)}" if reason else ""))
        self._progress_if_due()

    def _stop_or_pause(self, event: Stopping | Paused | WentOn, before: RunState) -> None:
        match event:
            case Stopping():
                self._line(stopping(self._state))
            case Paused():
                self._line(paused(self._state))
            case WentOn(at):
                self._line(f"Going on after {duration(self._state.paused_for(at) - before.paused)} of pause")

    def _stage(self, event: StageStarted | StageFinished | TopicsReady) -> None:
        match event:
            case StageStarted(stage, total, window, done=done, failed=failed):
                self._tenth, self._progress_at = 0, self._clock()
                to_do = total - done - failed
                to_make = f"{to_do:,} of {total:,} to make" if to_do < total else f"{total:,} to make"
                self._line(f"{stage.capitalize()} started: {to_make}, at most {counted(window, 'call')} at once")
            case StageFinished(stage, at):
                progress = self._state.progress_of(stage)
                left = f", {progress.left:,} left to make" if progress.left else ""
                self._line(
                    f"{stage.capitalize()} finished: {_count(progress)} in {duration(progress.elapsed(at))}"
                    + self._counted(stage)
                    + left
                )
            case TopicsReady(mode, topics, leaves, source):
                origin = f", loaded from {source}" if source else ""
                self._line(f"Topics ready: {mode} of {counted(topics, 'topic')}, {of_them_leaves(leaves)}{origin}")

    def _step(self, event: TopicExpanded | ExpansionFailed | SampleFinished | SampleFailed) -> None:
        match event:
            case TopicExpanded(path, children, missing, below):
                self._expansions += 1
                if self._expansions <= _EXPANSIONS_SHOWN:
                    short = f", {missing:,} missing" if missing else ""
                    short += f" and {below:,} below" if below else ""
                    self._line(f"Topic {printable_path(path, _PATH)}: {counted(len(children), 'subtopic')}{short}")
            case ExpansionFailed(path, kind, message, lost):
                said = f"Failed topic {printable_path(path, _PATH)}: {kind.value}: {_short(message)}"
                self._failure(self._state.failed_expansions, f"{said} ({counted(lost, 'topic')} missing)")
            case SampleFailed(_, path, _, kind, message):
                said = f"Failed sample {printable_path(path, _PATH)}: {kind.value}: {_short(message)}"
                self._failure(self._state.samples_failed, said)

    def _failure(self, number: int, line: str) -> None:
        if number <= _FAILURES_SHOWN:
            self._line(line)
        if number == _FAILURES_SHOWN:
            self._line("Further failures of this stage are only counted")

    def _trouble(self, event: CallFailed | ReplyRejected | SampleRejected | LimiterChanged) -> None:
        """Write the first event of each kind; progress lines count the others."""
        match event:
            case CallFailed(kind, message, None):
                self._once(f"gave up {kind}", f"Call given up: {kind.value}: {_short(message)}")
            case CallFailed(kind, message, retry_in):
                again = f"again in {retry_in:.1f} s"
                self._once(f"retry {kind}", f"Retry: {kind.value}, {again}: {_short(message)}")
            case ReplyRejected(path, kind):
                self._once(f"reject {kind}", f"Reply asked again: {kind.value}: {printable_path(path, _PATH)}")
            case SampleRejected(path=path, check=check, reason=reason):
                said = f"Sample rejected: {in_words(check)}: {printable_path(path, _PATH)}: {_short(reason)}"
                self._once(f"rejected {check}", said)
            case LimiterChanged(bound=bound) if limit := self._limit():
                self._once(f"limit {bound}", f"Limit: {limit}")

    def _limit(self) -> str:
        """Return what holds calls back, unless it is only the ceiling, which is told when a stage starts."""
        limiter = self._state.limiter
        return "" if limiter is None or limiter.bound == "ceiling" else what_binds(self._state)

    def _once(self, key: str, line: str) -> None:
        if key not in self._mentioned:
            self._mentioned.add(key)
            self._line(line)

    def _progress_if_due(self) -> None:
        stage = self._state.stage
        if stage is None:
            return
        progress = self._state.progress_of(stage)
        if not progress.total or progress.settled >= progress.total:
            return
        tenth = progress.settled * 10 // progress.total
        each_is_shown = stage == "topics" and self._expansions <= _EXPANSIONS_SHOWN
        due = self._clock() - self._progress_at >= _SECONDS_BETWEEN
        if due or (tenth > self._tenth and not each_is_shown):
            self._progress_at = self._clock()
            limit = self._limit()
            bound = f" (limit: {limit})" if limit else ""
            self._line(
                f"{stage} {_count(progress)}{self._pace(progress)}{self._spending()}{self._counted(stage)}{bound}"
            )
        self._tenth = max(tenth, self._tenth)

    def _pace(self, progress: StageProgress) -> str:
        now = self._clock()
        rate, left = progress.rate(now), progress.seconds_left(now)
        return (f", {per_time(rate)}" if rate else "") + (f", about {duration(left)} left" if left else "")

    def _spending(self) -> str:
        told = in_brief(self._state, self._clock())
        return f", {told}" if told else ""

    def _counted(self, stage: Stage) -> str:
        state = self._state
        failed = self._state.progress_of(stage).failed
        parts = [f"{failed:,} {'missing' if stage == 'topics' else 'failed'}"] if failed else []
        if stage == "samples" and failed > _FAILURES_SHOWN:
            parts = [f"{failed:,} failed ({by_kind(state.sample_failures)})"]
        if stage == "samples" and state.samples_rejected:
            parts.append(f"rejected: {rejected(state)}")
        retries = sum(state.retries.values())
        if retries:
            many = len(state.retries) > 1
            parts.append(counted(retries, "retry") + (f" ({by_kind(state.retries)})" if many else ""))
        if state.gave_up:
            parts.append(f"calls given up: {total_by_kind(state.gave_up)}")
        if state.rejected:
            parts.append(f"{counted(sum(state.rejected.values()), 'reply')} asked again")
        return "".join(f", {part}" for part in parts)

    def _line(self, text: str) -> None:
        line = printable(text)
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        self._stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        self._stream.flush()


def _count(progress: StageProgress) -> str:
    return f"{progress.done:,}/{progress.total:,} ({percent(progress)})"


def _short(message: str) -> str:
    return printable(redact(message), _MESSAGE)
