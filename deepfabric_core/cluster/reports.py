"""What workers tell the driver of their runs: rare events as they are, samples and calls only as sums."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from deepfabric_core.amounts import PURPOSES, Spending, Spent, Usage, with_call, with_refused
from deepfabric_core.events import (
    CallAnswered,
    CallFailed,
    Emit,
    Event,
    LimiterChanged,
    Notice,
    ReplyMended,
    ReplyRejected,
    Resumed,
    SampleFailed,
    SampleFinished,
    SamplePutAside,
    SampleRejected,
    SamplesCounted,
    StageStarted,
)
from deepfabric_core.llm.endpoints import together

# Of the samples since the last report so many are told of, and the others are only counted.
_SAMPLES_TOLD = 4
_EVENTS_TOLD = 500
_SAME_NOTICE = 5.0  # seconds
_AS_THEY_ARE = (CallFailed, ReplyRejected, ReplyMended, SampleFailed, SampleRejected, Notice)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a shard has come to, earlier sessions included."""

    made: int = 0
    failed: int = 0
    spending: Spending = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker tells: how far its shard has come, once begun, and what has happened since the last report.

    `trace` has the lines of calls that ended, if there is a trace. `limiter` is the latest state of the worker's own
    limiter, which counts where there is none for all workers: a model that isn't behind an endpoint has none.
    Of two reports, the one with the greater `order` was made later; they may arrive the other way round.
    """

    shard: int
    progress: Progress | None
    events: tuple[Event, ...] = ()
    order: tuple[int, int] = (0, 0)
    trace: tuple[bytes, ...] = ()
    limiter: LimiterChanged | None = None


@dataclass
class Reporter:
    """Receives the events of a shard's run, and sums them up until they are asked for."""

    shard: int
    turn: int = 0
    begun: bool = False
    made: int = 0
    failed: int = 0
    spending: Spending = field(default_factory=dict)
    limiter: LimiterChanged | None = None
    _reports: int = 0
    _events: list[Event] = field(default_factory=list)
    _samples: list[SampleFinished] = field(default_factory=list)
    _trace: list[bytes] = field(default_factory=list)

    def trace(self, line: bytes) -> None:
        """Take in a line of the trace."""
        self._trace.append(line)

    def emit(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case StageStarted(done=done, failed=failed):
                self.begun, self.made, self.failed = True, done, failed
            case Resumed(spending=spending):
                self.spending = spending
            case CallAnswered(_, prompt, completion, cost, _, cached, purpose):
                self.spending = with_call(self.spending, purpose, Usage(prompt, completion, cost, cached))
            case SamplePutAside(spent=spent):
                self.spending = with_refused(self.spending, spent)
            case SampleFinished():
                self.made += 1
                self._samples = [*self._samples[1 - _SAMPLES_TOLD :], event]
            case LimiterChanged():
                self.limiter = event
            case _ if isinstance(event, _AS_THEY_ARE):
                self._take(event)

    def _take(self, event: Event) -> None:
        self.failed += isinstance(event, SampleFailed)
        if len(self._events) < _EVENTS_TOLD or not isinstance(event, CallFailed | ReplyRejected | ReplyMended):
            self._events.append(event)

    def report(self) -> Report:
        """Return what has happened since the last report."""
        events, self._events = (*self._events, *self._samples), []
        self._samples = []
        trace, self._trace = tuple(self._trace), []
        progress = Progress(self.made, self.failed, self.spending) if self.begun else None
        self._reports += 1
        return Report(self.shard, progress, events, (self.turn, self._reports), trace, self.limiter)


def own_limiters(reports: Iterable[Report]) -> LimiterChanged | None:
    """Return the states of all workers' own limiters as one; None if there are none. Each has its part of the calls."""
    states = [report.limiter for report in reports if report.limiter is not None]
    if not states:
        return None
    whole = together(states)
    if whole.bound != "ceiling":
        return whole
    return replace(whole, limit=sum(state.limit for state in states if state.bound == "ceiling"))


@dataclass
class Heard:
    """What the driver has heard of shards that aren't finished: how far they have come is `known`, by their numbers.

    What is new it passes on, and a notice that several workers give at about the same time once.
    """

    emit: Emit
    known: dict[int, Progress] = field(default_factory=dict)
    _latest: dict[int, tuple[int, int]] = field(default_factory=dict)
    _said: dict[str, float] = field(default_factory=dict)

    def take(self, report: Report, *, is_counted: bool) -> None:
        """Take in a report; what its shard has come to may be counted already, or told by a later report."""
        known = self.known.get(report.shard, Progress())
        latest = self._latest.get(report.shard, report.order)
        if report.order < latest or is_counted:
            report = replace(report, progress=known)
        self._latest[report.shard] = max(report.order, latest)
        for event in events_of(report, known):
            if not self._was_just_said(event):
                self.emit(event)
        if report.progress is not None:
            self.known[report.shard] = report.progress

    def forget(self, shard: int) -> None:
        """Forget a shard that is finished."""
        self.known.pop(shard, None)
        self._latest.pop(shard, None)

    def _was_just_said(self, event: Event) -> bool:
        """Return whether an event is a notice that another worker gave, too."""
        if not isinstance(event, Notice):
            return False
        now = time.monotonic()
        before, self._said[event.message] = self._said.get(event.message, -math.inf), now
        return now - before < _SAME_NOTICE


def events_of(report: Report, known: Progress) -> list[Event]:
    """Return the events by which the driver counts what a report tells beyond what it knew of the shard."""
    if report.progress is None:
        return list(report.events)
    made, failed = report.progress.made - known.made, report.progress.failed - known.failed
    for event in report.events:
        made -= isinstance(event, SampleFinished)
        failed -= isinstance(event, SampleFailed)
    spending = {
        purpose: more
        for purpose in PURPOSES
        if (more := report.progress.spending.get(purpose, Spent()) - known.spending.get(purpose, Spent())) != Spent()
    }
    counted = [SamplesCounted(made, failed, spending)] if made or failed or spending else []
    return [*counted, *report.events]
