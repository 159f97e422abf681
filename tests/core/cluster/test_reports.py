"""What workers tell the driver."""

from __future__ import annotations

from dataclasses import replace

from deepfabric_core.amounts import Spent, Usage
from deepfabric_core.cluster.reports import Progress, Reporter, events_of, own_limiters
from deepfabric_core.errors import FailureKind
from deepfabric_core.events import CallAnswered, Event, LimiterChanged, SampleFailed, SampleFinished, StageStarted
from deepfabric_core.run.state import RunState, reduce

MADE = SampleFinished("a", ("Tea",), 0, 1, "Q?", "A.")
CALL = CallAnswered("m", 10, 5, 0.25, 0.1)
FAILED = SampleFailed("b", ("Tea",), 0, FailureKind.TIMEOUT, "too late")


def state_after(*events: Event) -> RunState:
    state = RunState()
    for event in events:
        state = reduce(state, event)
    return state


def test_the_driver_counts_what_workers_count_though_few_samples_are_told_of() -> None:
    reporter = Reporter(3)
    calls: list[Event] = [CALL, MADE] * 50
    for event in (StageStarted("samples", 100, 4, 0.0), *calls, FAILED):
        reporter.emit(event)
    report = reporter.report()
    state = state_after(StageStarted("samples", 100, 4, 0.0), *events_of(report, Progress()))
    assert len(report.events) < 10
    assert (state.samples_done, state.samples_failed, state.answered) == (50, 1, 50)
    assert state.usage == Usage(500, 250, 12.5)
    assert state.sample_failures == {FailureKind.TIMEOUT: 1}


def test_what_a_lost_worker_did_not_tell_is_counted_when_its_shard_goes_on() -> None:
    again = Reporter(3)
    again.emit(StageStarted("samples", 100, 4, 0.0, done=7, failed=2))
    told = events_of(again.report(), Progress(5, 1, {"samples": Spent(0, Usage())}))
    state = state_after(StageStarted("samples", 100, 4, 0.0, done=5, failed=1), *told)
    assert (state.samples_done, state.samples_failed) == (7, 2)


def test_a_late_report_counts_nothing_twice() -> None:
    reporter = Reporter(3)
    for event in (StageStarted("samples", 100, 4, 0.0), MADE, FAILED):
        reporter.emit(event)
    late = reporter.report()
    reporter.emit(MADE)
    last = reporter.report()
    assert last.order > late.order
    known = last.progress
    assert known is not None
    events = [*events_of(last, Progress()), *events_of(replace(late, progress=known), known)]
    state = state_after(StageStarted("samples", 100, 4, 0.0), *events)
    assert (state.samples_done, state.samples_failed) == (2, 1)


def test_calls_in_flight_of_models_without_an_endpoint_are_those_of_all_workers() -> None:
    ceiling = LimiterChanged(8, 8, 3, 8, "ceiling", 8.0)
    reports = []
    for state in (ceiling, replace(ceiling, in_flight=5, own=5), None):
        reporter = Reporter(3)
        if state is not None:
            reporter.emit(ceiling)
            reporter.emit(state)
        reports.append(reporter.report())
    assert own_limiters(reports) == LimiterChanged(16, 13, 6, 13, "ceiling", 16.0)
    assert own_limiters(reports[2:]) is None
