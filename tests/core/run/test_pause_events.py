"""A pause: no call begins, those in flight finish, and nothing that is patient for some time counts it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import reduce as fold
from pathlib import Path

import pytest

import deepfabric_core
from deepfabric_core import Job, RunState, Stop
from deepfabric_core.chat.messages import Reply
from deepfabric_core.events import (
    CallFailed,
    Event,
    LimiterChanged,
    Paused,
    RunFinished,
    RunStarted,
    SampleFinished,
    StageFinished,
    StageStarted,
    Stopping,
    WentOn,
)
from deepfabric_core.llm.limits.limiter import Limiter
from deepfabric_core.llm.limits.queue import Places
from deepfabric_core.llm.limits.stage_limiter import StageLimiter
from deepfabric_core.run.state import reduce
from deepfabric_core.stop import Stopped
from deepfabric_core.text.run_summary import summary
from tests.core.conftest import write_config
from tests.core.llm.limits.test_limiter import ASKED, GOING_ON, PLAIN, Canned, ask, busy, failing, stage
from tests.core.llm.limits.virtual_loop import run_in_virtual_time, virtual_now

# The wish.


def test_whoever_listens_hears_of_each_pause_and_of_its_end() -> None:
    stop, heard = Stop(), list[bool]()
    deaf = stop.listen_to_pauses(lambda: heard.append(stop.paused))
    for _ in range(2):
        stop.pause()
        stop.pause()
        stop.go_on()
        stop.go_on()
    assert heard == [True, False, True, False]
    deaf()
    stop.pause()
    assert len(heard) == 4


def test_a_stop_ends_a_pause_and_none_begins_after_it() -> None:
    stop, heard = Stop(), list[bool]()
    stop.pause()
    stop.listen_to_pauses(lambda: heard.append(stop.paused))
    stop.request()
    stop.pause()
    assert (stop.requested, stop.paused) == (True, False)
    assert not any(heard)


def test_who_waits_for_a_stop_is_not_told_of_pauses() -> None:
    stop, heard = Stop(), list[str]()
    stop.listen(lambda: heard.append("stop"))
    stop.pause()
    stop.go_on()
    assert heard == []


# Calls.


def test_in_a_pause_calls_in_flight_finish_and_none_begins() -> None:
    async def main() -> None:
        model = Canned(seconds=1.0)
        with stage(model, ceiling=4) as at:
            calls = asyncio.create_task(ask(at.limited, 12))
            await asyncio.sleep(0.5)
            at.stop.pause()
            await asyncio.sleep(3600)
            assert (len(model.began), at.stage_limiter.in_flight, at.stage_limiter.waiting) == (4, 0, 8)
            at.stop.go_on()
            await calls
            assert len(model.began) == 12
            assert model.peak == 4
            assert virtual_now() == pytest.approx(3602.5, abs=1)

    run_in_virtual_time(main())


def test_a_run_may_begin_paused() -> None:
    async def main() -> None:
        model, stop = Canned(), Stop()
        stop.pause()
        with StageLimiter(Limiter(virtual_now), Places(4), PLAIN, lambda _: None, stop).opened() as stage_limiter:
            waiting = asyncio.create_task(stage_limiter.acquire(ASKED))
            await asyncio.sleep(10)
            assert not waiting.done()
            assert stage_limiter.paused_for == pytest.approx(10, abs=0.1)
            stop.go_on()
            stage_limiter.ended(await waiting)
        assert model.began == []

    run_in_virtual_time(main())


def test_a_conversation_pauses_between_two_of_its_calls() -> None:
    async def main() -> None:
        model = Canned(seconds=1.0)
        with stage(model) as at:

            async def conversation() -> Reply:
                await at.limited.complete(ASKED)
                return await at.limited.complete(GOING_ON)

            whole = asyncio.create_task(conversation())
            await asyncio.sleep(0.5)
            at.stop.pause()
            await asyncio.sleep(100)
            assert len(model.began) == 1
            at.stop.go_on()
            assert (await whole).text == "and then?"

    run_in_virtual_time(main())


def test_a_stop_in_a_pause_sends_away_what_was_not_begun_and_lets_the_rest_finish() -> None:
    async def main() -> None:
        model = Canned(seconds=1.0)
        with stage(model) as at:
            at.stop.pause()
            new = asyncio.create_task(at.limited.complete(ASKED))
            begun = asyncio.create_task(at.limited.complete(GOING_ON))
            await asyncio.sleep(5)
            at.stop.request()
            with pytest.raises(Stopped):
                await new
            assert (await begun).text == "and then?"
            assert virtual_now() == pytest.approx(6, abs=0.1)

    run_in_virtual_time(main())


def test_the_patience_with_a_provider_that_refuses_does_not_run_out_in_a_pause() -> None:
    async def main() -> None:
        model = failing(busy(10.0), busy(10.0))
        with stage(model) as at:
            call = asyncio.create_task(at.limited.complete(ASKED))
            await asyncio.sleep(1)
            at.stop.pause()
            await asyncio.sleep(7200)
            at.stop.go_on()
            await call
            assert [failure.retry_in is None for failure in at.failures] == [False, False]

    run_in_virtual_time(main())


def test_a_call_that_rests_waits_for_the_end_of_the_pause() -> None:
    async def main() -> None:
        model = failing(busy(10.0))
        with stage(model) as at:
            call = asyncio.create_task(at.limited.complete(ASKED))
            await asyncio.sleep(1)
            at.stop.pause()
            await asyncio.sleep(1000)
            assert len(model.began) == 1
            at.stop.go_on()
            await call
            assert len(model.began) == 2

    run_in_virtual_time(main())


def test_a_pause_of_one_run_is_not_one_of_another_at_the_same_endpoint() -> None:
    async def main() -> None:
        limiter, model = Limiter(virtual_now), Canned(seconds=1.0)
        with stage(model, limiter) as one, stage(model, limiter) as other:
            one.stop.pause()
            held = asyncio.create_task(ask(one.limited, 4))
            await ask(other.limited, 8)
            assert not held.done()
            one.stop.go_on()
            await held

    run_in_virtual_time(main())


def test_a_pause_may_come_from_another_thread_and_end_from_there() -> None:
    async def main() -> None:
        stop, told = Stop(), list[Event]()
        with StageLimiter(Limiter(), Places(1), PLAIN, told.append, stop).opened() as stage_limiter:
            await asyncio.to_thread(stop.pause)
            waiting = asyncio.create_task(stage_limiter.acquire(ASKED))
            await asyncio.sleep(0)
            assert not waiting.done()
            threading.Thread(target=stop.go_on).start()
            stage_limiter.ended(await asyncio.wait_for(waiting, timeout=5))

    asyncio.run(main())


def test_at_once_it_is_told_how_many_calls_a_pause_or_a_stop_still_waits_for() -> None:
    async def main() -> None:
        limiter = Limiter(virtual_now)
        with stage(Canned(seconds=100.0), limiter, 3) as at, stage(Canned(seconds=100.0), limiter, 2) as other:
            calls = [asyncio.create_task(ask(one.limited, 5)) for one in (at, other)]
            await asyncio.sleep(1)
            at.told.clear()
            at.stop.pause()
            assert [(change.own, change.in_flight) for change in at.changes] == [(3, 5)]
            at.stop.request()
            assert at.changes[-1].own == 3
            other.stop.request()
            ended = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(one, BaseExceptionGroup) for one in ended)

    run_in_virtual_time(main())


def test_slow_calls_are_told_of_while_none_of_them_has_ended() -> None:
    async def main() -> None:
        with stage(Canned(seconds=600.0), ceiling=7) as at:
            calls = asyncio.create_task(ask(at.limited, 7))
            await asyncio.sleep(5)
            assert [change.own for change in at.changes][-1:] == [7]
            await calls
            assert at.changes[-1].own in (0, 6)

    run_in_virtual_time(main())


# A whole run.


def whole_run(place: Path, watch: Callable[[Event, Stop], None], **simulated: float) -> tuple[RunState, list[Event]]:
    write_config(place, llm={"simulated": simulated}, output={"num_samples": 30, "batch_size": 3})
    config = deepfabric_core.load((place / "config.yaml").read_text(encoding="utf-8"), source="here").config
    stop, told = Stop(), list[Event]()

    def emit(event: Event) -> None:
        told.append(event)
        watch(event, stop)

    return asyncio.run(deepfabric_core.generate(Job(config), emit=emit, stop=stop)), told


def test_a_run_that_was_paused_makes_the_same_dataset(place: Path) -> None:
    def watch(event: Event, stop: Stop) -> None:
        if isinstance(event, SampleFinished) and event.cycle == 1 and not stop.paused:
            stop.pause()
        elif isinstance(event, Paused):
            asyncio.get_running_loop().call_later(0.05, stop.go_on)

    state, told = whole_run(place, watch)
    paused = (place / "out/dataset.jsonl").read_bytes()
    assert state.ending == "complete"
    assert sum(isinstance(event, Paused) for event in told) == sum(isinstance(event, WentOn) for event in told) > 0
    assert state.paused > 0
    whole_run(place, lambda *_: None)
    assert (place / "out/dataset.jsonl").read_bytes() == paused


def test_between_a_pause_and_its_end_only_what_was_in_flight_comes_in(place: Path) -> None:
    seen: list[int] = []

    def watch(event: Event, stop: Stop) -> None:
        if isinstance(event, SampleFinished) and not seen:
            stop.pause()
            seen.append(0)
        elif isinstance(event, SampleFinished) and stop.paused:
            seen.append(1)
        elif isinstance(event, Paused):
            asyncio.get_running_loop().call_later(0.5, stop.go_on)

    state, _ = whole_run(place, watch, latency=0.02)
    assert state.samples_done == 30
    assert sum(seen) <= 3


def test_a_stop_wakes_a_paused_run(place: Path) -> None:
    def watch(event: Event, stop: Stop) -> None:
        if isinstance(event, SampleFinished) and not stop.requested:
            stop.pause()
        elif isinstance(event, Paused):
            asyncio.get_running_loop().call_soon(stop.request)

    state, told = whole_run(place, watch, latency=0.01)
    assert state.ending == "stopped"
    assert 1 <= state.samples_done <= 4
    assert any(isinstance(event, RunFinished) for event in told)


# What is told of it.


def after(*events: Event) -> RunState:
    return fold(reduce, events, RunState())


MADE = SampleFinished("id", ("root", "leaf"), 1, 1, "q", "a")
BEGUN: tuple[Event, ...] = (RunStarted("a", "b", 0.0), StageStarted("samples", 10, 4, 10.0))


def test_pace_and_time_left_leave_a_pause_out() -> None:
    state = after(*BEGUN, MADE, MADE, Paused(12.0))
    for now in (12.0, 500.0):
        assert state.samples_progress.elapsed(now) == 2.0
        assert state.samples_progress.rate(now) == 1.0
        assert state.samples_progress.seconds_left(now) == 8.0
        assert state.elapsed(now) == 12.0
    state = reduce(state, WentOn(1012.0))
    assert state.elapsed(1013.0) == 13.0
    assert state.samples_progress.elapsed(1013.0) == 3.0
    assert state.paused_for(1013.0) == 1000.0


def test_a_pause_over_the_end_of_a_stage_counts_for_each_stage_on_its_own() -> None:
    topics = (RunStarted("a", "b", 0.0), StageStarted("topics", 3, 4, 0.0), Paused(2.0), StageFinished("topics", 5.0))
    state = after(*topics, StageStarted("samples", 10, 4, 6.0), WentOn(16.0), StageFinished("samples", 20.0))
    assert state.topics_progress.elapsed(99.0) == 2.0
    assert state.samples_progress.elapsed(99.0) == 4.0
    assert reduce(state, RunFinished("complete", "", 20.0)).elapsed(99.0) == 6.0


def test_a_run_that_ends_in_a_pause_closes_it() -> None:
    state = after(*BEGUN, MADE, Paused(20.0), RunFinished("aborted", "", 80.0))
    assert (state.paused, state.paused_at) == (60.0, None)
    assert state.elapsed(1000.0) == 20.0


def test_the_summary_tells_work_and_pauses_apart() -> None:
    events = (*BEGUN, MADE, Paused(20.0), WentOn(80.0), StageFinished("samples", 90.0))
    lines = summary(after(*events, RunFinished("stopped", "", 90.0))).splitlines()
    assert "  Duration      30 s" in lines
    assert "  Paused        1 min 0 s besides" in lines
    assert "  Samples made  3.0/min" in lines


def test_calls_of_other_runs_are_not_waited_for() -> None:
    state = after(*BEGUN, LimiterChanged(9, 9, 0, own=2), Stopping("why"))
    assert state.calls_in_flight == 2
    assert after(LimiterChanged(9, 9, 0)).calls_in_flight == 9


def test_a_refused_call_is_no_failure_of_the_run(place: Path) -> None:
    def watch(event: Event, stop: Stop) -> None:
        if isinstance(event, CallFailed):
            stop.pause()
        elif isinstance(event, Paused):
            asyncio.get_running_loop().call_later(0.1, stop.go_on)

    state, _ = whole_run(place, watch, rate_limited=0.2)
    assert (state.ending, state.samples_done) == ("complete", 30)
