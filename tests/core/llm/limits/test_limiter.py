"""The limiter, the stages that share it, and the wrappers that make calls through them; mostly in virtual time."""

from __future__ import annotations

import asyncio
import pickle
import random
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.chat.messages import Message, Reply, Request, Usage
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.events import CallAnswered, CallFailed, Event, LimiterChanged
from deepfabric_core.llm.limits.limited_model import LimitedModel
from deepfabric_core.llm.limits.limiter import Limiter, Limiters
from deepfabric_core.llm.limits.queue import Places
from deepfabric_core.llm.limits.stage_limiter import StageLimiter
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.llm.wrappers.retry import Retrying, backoff
from deepfabric_core.stop import Stop, Stopped
from tests.core.llm.limits.virtual_loop import run_in_virtual_time, virtual_now

OF_A_HUNDRED = Usage(60, 40)
PLAIN = RateLimit(check_headers=False)
QUESTION = "why?" * 100
ASKED = Request((Message("user", QUESTION),), max_tokens=1000)
GOING_ON = Request((Message("user", "and then?"),), max_tokens=1000, continues=True)


def busy(retry_after: float | None = 1.0) -> ModelError:
    return ModelError("too many", kind=FailureKind.RATE_LIMITED, status=429, retry_after=retry_after)


def broken(kind: FailureKind = FailureKind.SERVER_ERROR, retry_after: float | None = None) -> ModelError:
    return ModelError("broken", kind=kind, retry_after=retry_after)


@dataclass
class Canned:
    """Fails with these problems one after the other, then echoes; notes when calls began and how many at once."""

    seconds: float = 0.0
    usage: Usage = OF_A_HUNDRED
    at_once: float = float("inf")
    problems: deque[ModelError] = field(default_factory=deque)
    began: list[float] = field(default_factory=list)
    in_flight: int = 0
    peak: int = 0
    refused: int = 0
    name: str = "canned"

    async def complete(self, request: Request) -> Reply:
        self.began.append(virtual_now())
        await asyncio.sleep(0.003)
        if self.problems:
            raise self.problems.popleft()
        if self.in_flight >= self.at_once:
            self.refused += 1
            raise busy()
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.in_flight -= 1
        return Reply(request.messages[0].content, "canned", usage=self.usage)

    async def close(self) -> None:
        """Nothing is open."""


def failing(*problems: ModelError) -> Canned:
    return Canned(problems=deque(problems))


@dataclass
class Stage:
    """One stage's limiter and all that stands before it."""

    stage_limiter: StageLimiter
    model: ChatModel
    limits: RateLimit
    stop: Stop
    told: list[Event]

    @property
    def limited(self) -> LimitedModel:
        return LimitedModel(
            self.model, self.stage_limiter, self.limits, self.told.append, "samples", virtual_now, random.Random(0)
        )

    def retrying(self, max_retries: int = 3) -> Retrying:
        emit = self.told.append
        return Retrying(self.limited, max_retries, self.limits, emit, self.stage_limiter.rest, random.Random(0))

    @property
    def failures(self) -> list[CallFailed]:
        return [event for event in self.told if isinstance(event, CallFailed)]

    @property
    def changes(self) -> list[LimiterChanged]:
        return [event for event in self.told if isinstance(event, LimiterChanged)]


@contextmanager
def stage(
    model: ChatModel, limiter: Limiter | None = None, ceiling: int = 4, limits: RateLimit = PLAIN
) -> Iterator[Stage]:
    told: list[Event] = []
    stop = Stop()
    with StageLimiter(
        limiter or Limiter(virtual_now), Places(ceiling), limits, told.append, stop
    ).opened() as stage_limiter:
        yield Stage(stage_limiter, model, limits, stop, told)


async def ask(model: ChatModel, calls: int, request: Request = ASKED) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(calls):
            group.create_task(model.complete(request))


def cut_to_nine(limiter: Limiter) -> None:
    """Have it learn that the tenth call at once is refused."""
    calls = [limiter.controller.begin(limiter.clock()) for _ in range(10)]
    for call in calls[:9]:
        limiter.controller.answered(call, limiter.clock())
    limiter.controller.refused(calls[9], limiter.clock(), 0.1)
    limiter.controller.wait(limiter.clock() + 1.0)  # all was heard of


# How many at once, and who is next.


@pytest.mark.parametrize("ceiling", [1, 4, 32])
def test_at_most_the_ceiling_of_calls_are_under_way(ceiling: int) -> None:
    async def main() -> None:
        model = Canned(seconds=1.0)
        with stage(model, ceiling=ceiling) as at:
            await ask(at.limited, 5 * ceiling)
            assert model.peak == ceiling
            assert virtual_now() == pytest.approx(5.0, abs=0.1)
            assert at.stage_limiter.in_flight == at.stage_limiter.waiting == 0

    run_in_virtual_time(main())


def test_stages_of_one_limiter_keep_each_to_its_own_ceiling() -> None:
    async def main() -> None:
        limiter, narrow, wide = Limiter(virtual_now), Canned(seconds=1.0), Canned(seconds=1.0)
        with stage(narrow, limiter, 2) as one, stage(wide, limiter, 8) as other:
            await asyncio.gather(ask(one.limited, 10), ask(other.limited, 40))
        assert (narrow.peak, wide.peak) == (2, 8)
        assert virtual_now() == pytest.approx(5.0, abs=0.1)

    run_in_virtual_time(main())


def test_one_endpoint_and_model_has_one_limiter_and_others_have_their_own() -> None:
    known = Limiters()
    assert known.of("openai", "http://a/v1", "m") is known.of("openai", "http://a/v1", "m")
    others = [
        known.of("openai", "http://a/v1", "m"),
        known.of("openai", "http://b/v1", "m"),
        known.of("openai", "http://a/v1", "n"),
        known.of("groq", "http://a/v1", "m"),
    ]
    assert len({id(one) for one in others}) == 4


def test_two_runs_share_what_one_of_them_learned() -> None:
    async def main() -> None:
        limiter, model = Limiter(virtual_now), Canned(seconds=1.0, at_once=10)
        with stage(model, limiter, 64) as first:
            await ask(first.limited, 200)
            learned = model.refused
            with stage(model, limiter, 64) as second:
                await asyncio.gather(ask(first.limited, 200), ask(second.limited, 200))
        assert model.peak == 10
        assert learned > 0
        assert model.refused - learned < 20

    run_in_virtual_time(main())


def test_a_free_place_goes_to_the_stage_with_fewer_calls_under_way() -> None:
    async def main() -> None:
        limiter, model = Limiter(virtual_now), Canned(seconds=10.0, at_once=9)
        with stage(model, limiter, 64) as first, stage(model, limiter, 64) as second:
            cut_to_nine(limiter)
            early = asyncio.create_task(ask(first.limited, 64))
            await asyncio.sleep(5.0)
            assert first.stage_limiter.in_flight == 9
            late = asyncio.create_task(ask(second.limited, 64))
            await asyncio.sleep(10.0)
            assert abs(first.stage_limiter.in_flight - second.stage_limiter.in_flight) <= 1
            early.cancel()
            late.cancel()
            await asyncio.gather(early, late, return_exceptions=True)
        assert limiter.controller.in_flight == 0

    run_in_virtual_time(main())


def test_thousands_of_calls_that_are_cancelled_together_give_their_places_back() -> None:
    async def main() -> None:
        limiter, model = Limiter(virtual_now), Canned(seconds=10.0, at_once=9)
        with stage(model, limiter, 9) as at:
            asking = [asyncio.create_task(at.limited.complete(ASKED)) for _ in range(3000)]
            await asyncio.sleep(5.0)
            for task in asking:
                task.cancel()
            ends = await asyncio.gather(*asking, return_exceptions=True)
            assert {type(end) for end in ends} == {asyncio.CancelledError}
            assert at.stage_limiter.in_flight == at.stage_limiter.waiting == limiter.controller.in_flight == 0
        assert len(model.began) == 9

    run_in_virtual_time(main())


def test_what_was_begun_goes_before_what_is_new() -> None:
    async def main() -> None:
        with stage(Canned(), ceiling=1) as at:
            turn, order = await at.stage_limiter.acquire(ASKED), list[str]()

            async def enter(name: str, request: Request) -> None:
                at.stage_limiter.ended(await at.stage_limiter.acquire(request))
                order.append(name)

            async with asyncio.TaskGroup() as group:
                group.create_task(enter("new", ASKED))
                group.create_task(enter("begun", GOING_ON))
                await asyncio.sleep(0.1)
                at.stage_limiter.ended(turn)
            assert order == ["begun", "new"]

    run_in_virtual_time(main())


@dataclass
class Flaky:
    """Refuses one call in a hundred, fails one in fifty, and takes a moment for the others; for any thread."""

    chance: random.Random
    answered: int = 0
    name: str = "flaky"

    async def complete(self, request: Request) -> Reply:
        await asyncio.sleep(self.chance.uniform(0.0, 0.002))
        draw = self.chance.random()
        if draw < 0.03:
            raise busy(0.001) if draw < 0.01 else broken()
        self.answered += 1
        return Reply(request.messages[0].content, "flaky")

    async def close(self) -> None:
        """Nothing is open."""


def test_stages_on_two_event_loops_in_two_threads_share_one_limiter_and_lose_nothing() -> None:
    limiter, calls = Limiter(), 60
    limits = RateLimit(check_headers=False, base_delay=0.001)
    models = [Flaky(random.Random(seed)) for seed in (1, 2)]
    given_up: list[int] = []

    async def main(model: Flaky) -> None:
        with StageLimiter(limiter, Places(12), limits, lambda _: None, Stop()).opened() as stage_limiter:
            limited = LimitedModel(model, stage_limiter, limits, lambda _: None)
            retrying = Retrying(limited, 20, limits, lambda _: None, stage_limiter.rest)
            kept = [asyncio.create_task(retrying.complete(ASKED)) for _ in range(calls)]
            dropped = [asyncio.create_task(limited.complete(ASKED)) for _ in range(calls)]
            for task in dropped:
                await asyncio.sleep(0)
                task.cancel()
            await asyncio.gather(*dropped, return_exceptions=True)
            await asyncio.gather(*kept)
            given_up.append(stage_limiter.in_flight + stage_limiter.waiting)

    threads = [threading.Thread(target=lambda model=model: asyncio.run(main(model)), daemon=True) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert not any(thread.is_alive() for thread in threads)
    assert all(model.answered >= calls for model in models)
    assert given_up == [0, 0]
    assert limiter.controller.in_flight == 0


def test_a_run_that_leaves_while_others_wait_for_its_timer_does_not_strand_the_next() -> None:
    limiter = Limiter()
    limits = RateLimit(requests_per_minute=600, check_headers=False)

    async def main(*, leave: bool) -> None:
        with StageLimiter(limiter, Places(4), limits, lambda _: None, Stop()).opened() as stage_limiter:
            stage_limiter.ended(await asyncio.wait_for(stage_limiter.acquire(ASKED), timeout=5))
            waiting = asyncio.create_task(stage_limiter.acquire(ASKED))
            await asyncio.sleep(0.01)
            if not leave:
                stage_limiter.ended(await asyncio.wait_for(waiting, timeout=5))
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(main(leave=True))
    asyncio.run(main(leave=False))


# Who gives up.


def test_a_cancelled_waiter_leaves_the_line() -> None:
    async def main() -> None:
        with stage(Canned(), ceiling=1) as at:
            turn = await at.stage_limiter.acquire(ASKED)
            second, third = (asyncio.create_task(at.stage_limiter.acquire(ASKED)) for _ in range(2))
            await asyncio.sleep(0.1)
            second.cancel()
            await asyncio.sleep(0.1)
            assert at.stage_limiter.waiting == 1
            at.stage_limiter.ended(turn)
            at.stage_limiter.ended(await third)
            assert at.stage_limiter.in_flight == at.stage_limiter.waiting == 0

    run_in_virtual_time(main())


def test_a_waiter_that_is_cancelled_between_its_turn_and_its_waking_gives_the_turn_back() -> None:
    async def main() -> None:
        limiter = Limiter(virtual_now)
        with stage(Canned(), limiter, ceiling=1) as at:
            turn = await at.stage_limiter.acquire(ASKED)
            second, third = (asyncio.create_task(at.stage_limiter.acquire(ASKED)) for _ in range(2))
            await asyncio.sleep(0.1)
            at.stage_limiter.ended(turn)
            second.cancel()
            at.stage_limiter.ended(await third)
            assert second.cancelled()
            assert at.stage_limiter.in_flight == limiter.controller.in_flight == 0

    run_in_virtual_time(main())


def test_a_call_that_is_cancelled_under_way_frees_its_place() -> None:
    async def main() -> None:
        limiter = Limiter(virtual_now)
        with stage(Canned(seconds=1000.0), limiter, ceiling=2) as at:
            calls = asyncio.create_task(ask(at.limited, 5))
            await asyncio.sleep(1.0)
            calls.cancel()
            await asyncio.gather(calls, return_exceptions=True)
            assert at.stage_limiter.in_flight == at.stage_limiter.waiting == limiter.controller.in_flight == 0

    run_in_virtual_time(main())


# What the user allows.


def most_in_a_minute(amounts: list[tuple[float, float]]) -> float:
    return max(sum(amount for at, amount in amounts if begin <= at < begin + 60) for begin, _ in amounts)


@pytest.mark.parametrize("per_minute", [20, 60, 600])
def test_requests_per_minute_holds_in_every_minute_and_is_used(per_minute: int) -> None:
    async def main() -> None:
        model, limits = Canned(seconds=0.5), RateLimit(requests_per_minute=per_minute, check_headers=False)
        with stage(model, ceiling=64, limits=limits) as at:
            await ask(at.limited, 3 * per_minute)
        assert most_in_a_minute([(at, 1) for at in model.began]) <= per_minute
        assert virtual_now() < 185

    run_in_virtual_time(main())


def test_the_strictest_of_two_runs_limits_holds_for_both_together() -> None:
    async def main() -> None:
        limiter, model = Limiter(virtual_now), Canned(seconds=0.5)
        strict, lax = (RateLimit(requests_per_minute=each, check_headers=False) for each in (30, 300))
        with stage(model, limiter, 8, strict) as one, stage(model, limiter, 8, lax) as other:
            await asyncio.gather(ask(one.limited, 30), ask(other.limited, 30))
        assert most_in_a_minute([(at, 1) for at in model.began]) <= 30

    run_in_virtual_time(main())


@pytest.mark.parametrize("usage", [Usage(50, 50), Usage(120, 480)])
def test_tokens_per_minute_holds_by_what_calls_really_took(usage: Usage) -> None:
    """A call is expected to take 600: 100 of the prompt and half of the 1000 that are allowed."""

    async def main() -> None:
        tokens = usage.prompt_tokens + usage.completion_tokens
        model, limits = Canned(0.5, usage), RateLimit(tokens_per_minute=6000, check_headers=False)
        with stage(model, ceiling=64, limits=limits) as at:
            await ask(at.limited, 18000 // tokens)
        assert most_in_a_minute([(at, tokens) for at in model.began]) <= 6000 + tokens
        assert virtual_now() < 200

    run_in_virtual_time(main())


# Refused, failed, and made again.


def test_a_429_is_nobodys_failure_and_is_not_counted_as_a_retry() -> None:
    async def main() -> None:
        with stage(failing(*(busy(2.0) for _ in range(5)))) as at:
            assert (await at.retrying(max_retries=0).complete(ASKED)).text == QUESTION
            assert [event.kind for event in at.failures] == [FailureKind.RATE_LIMITED] * 5
            assert all(2.0 <= (event.retry_in or 0) <= 2.2 for event in at.failures)
            assert isinstance(at.told[-1], CallAnswered)
            assert 10.0 <= virtual_now() < 12.0

    run_in_virtual_time(main())


def test_server_errors_are_retried_as_often_as_is_allowed_and_no_more() -> None:
    async def main() -> None:
        with stage(failing(broken(), broken())) as at:
            assert (await at.retrying(max_retries=2).complete(ASKED)).text == QUESTION
        with stage(failing(broken(), busy(), broken(), broken())) as at:
            with pytest.raises(ModelError, match="broken"):
                await at.retrying(max_retries=2).complete(ASKED)
            assert [event.retry_in is None for event in at.failures] == [False, False, False, True]

    run_in_virtual_time(main())


@pytest.mark.parametrize("kind", [kind for kind in FailureKind if not kind.transient])
def test_what_cannot_pass_is_never_tried_again(kind: FailureKind) -> None:
    async def main() -> None:
        model = failing(broken(kind))
        with stage(model) as at:
            with pytest.raises(ModelError):
                await at.retrying().complete(ASKED)
            assert len(model.began) == 1
            assert at.failures == [CallFailed(kind, "broken", retry_in=None)]
            assert at.stage_limiter.in_flight == 0

    run_in_virtual_time(main())


def test_a_429_that_asks_for_more_patience_than_there_is_is_given_up_at_once() -> None:
    async def main() -> None:
        model = failing(busy(3600.0))
        with stage(model) as at:
            with pytest.raises(ModelError, match="too many"):
                await at.retrying().complete(ASKED)
            assert at.failures == [CallFailed(FailureKind.RATE_LIMITED, "too many", retry_in=None)]
            assert virtual_now() < 1
            await at.limited.complete(ASKED)
            assert virtual_now() < 100

    run_in_virtual_time(main())


def test_patience_ends_however_small_each_wait_is() -> None:
    async def main() -> None:
        model = failing(*(busy(50.0) for _ in range(100)))
        with stage(model) as at:
            with pytest.raises(ModelError, match="too many"):
                await at.retrying().complete(ASKED)
            assert 800 < virtual_now() <= 900

    run_in_virtual_time(main())


def test_refusals_without_a_wait_go_on_until_patience_ends_and_not_longer() -> None:
    async def main() -> None:
        limits = RateLimit(check_headers=False, base_delay=0.1, max_delay=0.1)
        model = failing(*(busy(None) for _ in range(30_000)))
        with stage(model, limits=limits) as at:
            with pytest.raises(ModelError, match="too many"):
                await at.retrying().complete(ASKED)
            assert virtual_now() <= 901

    run_in_virtual_time(main())


def test_a_retry_after_on_a_503_is_obeyed_up_to_the_longest_delay() -> None:
    async def main() -> None:
        model = failing(broken(retry_after=7.0), broken(retry_after=500.0))
        with stage(model) as at:
            await at.retrying().complete(ASKED)
        first, second = (late - early for early, late in pairwise(model.began))
        assert first == pytest.approx(7.0, abs=0.01)
        assert second == pytest.approx(PLAIN.max_delay, abs=0.01)

    run_in_virtual_time(main())


def test_a_retry_after_is_ignored_where_the_user_says_so() -> None:
    async def main() -> None:
        limits = RateLimit(respect_retry_after=False, base_delay=1.0, backoff_strategy="constant", check_headers=False)
        with stage(failing(broken(retry_after=30.0), busy(30.0)), limits=limits) as at:
            await at.retrying().complete(ASKED)
            assert [event.retry_in for event in at.failures] == [1.0, 1.0]

    run_in_virtual_time(main())


@pytest.mark.parametrize("problem", [broken(retry_after=50.0), busy(50.0)])
def test_a_call_that_rests_holds_no_place(problem: ModelError) -> None:
    async def main() -> None:
        model = Canned(seconds=1.0)
        with stage(model, ceiling=1) as at:
            await ask(at.retrying(), 10)
            model.problems.append(problem)
            resting = asyncio.create_task(at.retrying().complete(ASKED))
            await asyncio.sleep(0.1)
            began = virtual_now()
            await at.retrying().complete(ASKED)
            assert virtual_now() - began < 2.0
            assert not resting.done()
            await resting
            assert virtual_now() - began > 45.0

    run_in_virtual_time(main())


DELAYS: dict[str, Callable[[int], float]] = {
    "exponential": lambda attempt: 2.0 ** (attempt - 1),
    "exponential_jitter": lambda attempt: 2.0 ** (attempt - 1),
    "linear": float,
    "constant": lambda _: 1.0,
}


@pytest.mark.parametrize("strategy", DELAYS)
@pytest.mark.parametrize("attempt", [1, 3, 10])
def test_jitter_is_full_and_draws_from_nothing_to_the_whole_delay(strategy: str, attempt: int) -> None:
    limits = RateLimit.model_validate({"backoff_strategy": strategy, "max_delay": 60.0})
    delay = min(60.0, DELAYS[strategy](attempt))
    chance = random.Random(0)
    drawn = [backoff(limits, attempt, chance) for _ in range(1000)]
    lowest = delay if strategy == "constant" else 0.0
    assert min(drawn) == pytest.approx(lowest, abs=0.02 * delay)
    assert max(drawn) == pytest.approx(delay, rel=0.02)
    assert max(drawn) <= delay


@given(
    strategy=st.sampled_from(list(DELAYS)),
    attempt=st.integers(1, 100_000),
    base=st.floats(1, 10),
    delay=st.floats(0, 60),
    longest=st.floats(0, 600),
)
def test_without_jitter_delays_never_shrink_and_never_exceed_the_longest(
    strategy: str, attempt: int, base: float, delay: float, longest: float
) -> None:
    keys = {"backoff_strategy": strategy, "jitter": False, "exponential_base": base, "base_delay": delay}
    limits = RateLimit.model_validate({**keys, "max_delay": longest})
    chance = random.Random(0)
    assert 0 <= backoff(limits, attempt, chance) <= backoff(limits, attempt + 1, chance) <= longest


# Stopping.


def test_a_stop_sends_away_what_waits_and_what_rests_and_lets_go_on_what_was_begun() -> None:
    async def main() -> None:
        model = Canned(seconds=1.0)
        with stage(model, ceiling=2) as at:
            await ask(at.retrying(), 8)
            model.problems.extend([broken(retry_after=30.0), broken(retry_after=30.0)])
            new, begun = (asyncio.create_task(at.retrying().complete(one)) for one in (ASKED, GOING_ON))
            await asyncio.sleep(0.1)
            flying = [asyncio.create_task(at.retrying().complete(ASKED)) for _ in range(2)]
            await asyncio.sleep(0.1)
            waiting = [asyncio.create_task(at.retrying().complete(one)) for one in (ASKED, ASKED, GOING_ON)]
            await asyncio.sleep(0.1)
            stopped_at = virtual_now()
            at.stop.request()
            sent_away = await asyncio.gather(new, *waiting[:2], return_exceptions=True)
            assert [type(one) for one in sent_away] == [Stopped] * 3
            assert virtual_now() == stopped_at
            replies = await asyncio.gather(*flying, waiting[2], begun)
            assert [reply.text for reply in replies] == [QUESTION, QUESTION, "and then?", "and then?"]
            with pytest.raises(Stopped):
                await at.retrying().complete(ASKED)

    run_in_virtual_time(main())


def test_a_stop_may_come_from_another_thread() -> None:
    async def main() -> None:
        limiter, stop = Limiter(), Stop()
        with StageLimiter(limiter, Places(1), PLAIN, lambda _: None, stop).opened() as stage_limiter:
            turn = await stage_limiter.acquire(ASKED)
            waiting, resting = (
                asyncio.create_task(stage_limiter.acquire(ASKED)),
                asyncio.create_task(stage_limiter.rest(60.0, ASKED)),
            )
            await asyncio.sleep(0.01)
            threading.Thread(target=stop.request).start()
            ends = await asyncio.wait_for(asyncio.gather(waiting, resting, return_exceptions=True), timeout=5)
            assert [type(one) for one in ends] == [Stopped, Stopped]
            stage_limiter.ended(turn)
            assert limiter.controller.in_flight == stage_limiter.waiting == 0

    asyncio.run(main())


# What it tells, keeps and forgets.


def test_a_cut_is_told_at_once() -> None:
    async def main() -> None:
        model = Canned(seconds=1.0, at_once=10)
        with stage(model, ceiling=64) as at:
            calls = asyncio.create_task(ask(at.limited, 100))
            await asyncio.sleep(0.5)
            assert model.refused > 0
            change = at.changes[-1]
            assert 1 <= change.allowed < 64
            assert change.in_flight > 0
            assert change.waiting > 0
            await calls

    run_in_virtual_time(main())


def test_in_quiet_times_where_it_stands_is_told_now_and_then() -> None:
    async def main() -> None:
        with stage(Canned(seconds=0.1), ceiling=5) as at:
            await ask(at.limited, 1000)
            assert 20 <= len(at.changes) <= 41
            assert all(change.allowed == 5 for change in at.changes)
            assert all(change.in_flight <= 5 for change in at.changes)

    run_in_virtual_time(main())


@pytest.mark.parametrize(("seconds", "remembered"), [(55.0, True), (65.0, False)])
def test_what_was_learned_is_forgotten_a_minute_after_the_last_run(seconds: float, remembered: bool) -> None:
    async def main() -> None:
        limiter = Limiter(virtual_now)
        with stage(Canned(), limiter, 16):
            cut_to_nine(limiter)
        await asyncio.sleep(seconds)
        with stage(Canned(), limiter, 16):
            assert (limiter.controller.allowed < 10) is remembered

    run_in_virtual_time(main())


def test_the_state_does_not_grow_over_ten_thousand_calls() -> None:
    async def main() -> None:
        limiter, model = Limiter(virtual_now), Canned(seconds=0.2, at_once=12)
        sizes = []
        with stage(model, limiter, 16) as at:
            for _ in range(10):
                await ask(at.limited, 1000)
                sizes.append(len(pickle.dumps(limiter.controller)))
                assert at.stage_limiter.in_flight == at.stage_limiter.waiting == limiter.controller.in_flight == 0
        assert model.refused > 0
        assert max(sizes[5:]) < 1.5 * max(sizes[:2])

    run_in_virtual_time(main())
