"""The one limiter and the one budget of several workers, without Ray: messages are passed on directly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.amounts import Amounts
from deepfabric_core.chat.messages import Message, Request
from deepfabric_core.cluster import messages as m
from deepfabric_core.cluster.lease_client import KeeperLost, LeaseClient
from deepfabric_core.cluster.lease_keeper import LeaseKeeper
from deepfabric_core.cluster.leased_limiter import leased_limiter
from deepfabric_core.cluster.share import Share
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.events import Event
from deepfabric_core.llm.limits.learned_file import Target
from deepfabric_core.llm.limits.limiter import Limiter
from deepfabric_core.llm.limits.queue import Places
from deepfabric_core.run.budget import RunBudget
from deepfabric_core.stop import Stop, Stopped
from deepfabric_core.store.budget_ledger import BudgetLedger, Sum

TARGET = Target("openai", "localhost/v1", "tea-1", "")
ASKS = Request((Message("user", "Tea?"),), 100)
GOES_ON = Request((Message("user", "Tea?"),), 100, continues=True)
WORST, REAL = Amounts(0.01, 100, 1), Amounts(0.004, 40, 1)


@dataclass
class Direct:
    """Passes messages on to a keeper, which may be `lost` and replaced."""

    keeper: LeaseKeeper
    lost: bool = False
    registered: int = 0
    failures: int = 0

    async def register(self, name: str, epoch: int, told: Sequence[m.Message]) -> m.Answers:
        answers = await self._passed(self.keeper.register(name, epoch, told))
        self.registered += 1
        return answers

    async def post(self, name: str, epoch: int, told: Sequence[m.Message]) -> m.Answers:
        return await self._passed(self.keeper.post(name, epoch, told))

    async def wait(self, name: str, epoch: int) -> m.Answers:
        return await self._passed(self.keeper.wait(name, epoch))

    async def _passed(self, asked: Coroutine[Any, Any, m.Answers]) -> m.Answers:
        if self.lost:
            asked.close()
            self.failures += 1
            raise KeeperLost("it is gone")
        return await asked


@dataclass
class Counting(Direct):
    """Counts the messages of a worker, and keeps which calls asked."""

    posts: int = 0
    asked: list[m.Ask] = field(default_factory=list)

    async def post(self, name: str, epoch: int, told: Sequence[m.Message]) -> m.Answers:
        self.posts += 1
        self.asked += [one for one in told if isinstance(one, m.Ask)]
        return await super().post(name, epoch, told)


@dataclass
class Slow(Direct):
    """Holds messages up, and can lose one answer of those that are waited for."""

    holding: asyncio.Event | None = None
    loses_one: bool = False

    async def post(self, name: str, epoch: int, told: Sequence[m.Message]) -> m.Answers:
        if self.holding is not None:
            await self.holding.wait()
        return await super().post(name, epoch, told)

    async def wait(self, name: str, epoch: int) -> m.Answers:
        if self.loses_one:
            self.loses_one = False
            raise KeeperLost("it was away for a moment")
        return await super().wait(name, epoch)


@dataclass
class Crowd:
    """Workers with one keeper; `most` is how many calls were in flight at once."""

    folder: Path
    limits: Amounts = field(default_factory=Amounts)
    ledgers: list[BudgetLedger] = field(default_factory=list)
    in_flight: int = 0
    most: int = 0
    made: int = 0

    def keeper(self) -> LeaseKeeper:
        limiter, stop = Limiter(), Stop()
        self.limiter = limiter
        self.ledgers.append(BudgetLedger("run tea", "tea", Sum(), self.folder))
        events: list[Event] = []
        self.budget = RunBudget(self.limits, self.ledgers[-1], events.append, stop, lambda: 0.0)
        return LeaseKeeper(lambda _: limiter, stop, self.budget)

    def keeper_dies(self) -> None:
        self.ledgers[-1].close()  # what was reserved counts as spent

    @property
    def spent(self) -> Sum:
        return self.ledgers[-1].balance().spent

    async def calls(self, client: LeaseClient, count: int, *, ceiling: int = 4, seconds: float = 0.002) -> None:
        """Make so many calls, with twice as many work items as may be in flight."""
        left = iter(range(count))

        async def one() -> None:
            for _ in left:
                permit = await limiter.acquire(ASKS)
                reserved = await client.reserve(lambda: (WORST,), started=False)
                self.in_flight += 1
                self.most = max(self.most, self.in_flight)
                await asyncio.sleep(seconds)
                self.in_flight -= 1
                self.made += 1
                reserved.settle(REAL, answered=True)
                limiter.answered(permit, 20, 20)

        async with leased_limiter(client, TARGET, Places(ceiling), RateLimit(), Stop()) as limiter:
            await asyncio.gather(*(one() for _ in range(2 * ceiling)), return_exceptions=False)


@pytest.fixture
def crowd(tmp_path: Path) -> Crowd:
    return Crowd(tmp_path)


def run(what: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await what()

    asyncio.run(bounded())


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.005)


@pytest.mark.parametrize(("ceiling", "workers"), [(4, 2), (5, 3), (2, 4)])
def test_workers_get_permits_up_to_the_ceiling_of_all_and_all_is_given_back(
    crowd: Crowd, ceiling: int, workers: int
) -> None:
    async def all_of_it() -> None:
        keeper = crowd.keeper()

        async def worker(place: int) -> None:
            share = Share(place, workers)
            async with LeaseClient(Direct(keeper), f"{place} a", between=0.001, share=share).opened() as client:
                for _ in range(3):  # shards
                    await crowd.calls(client, 20, ceiling=ceiling)

        await asyncio.gather(*(worker(place) for place in range(workers)))
        assert set(keeper.in_flight().values()) == {0}

    run(all_of_it)
    made = 60 * workers
    assert (crowd.made, crowd.limiter.controller.in_flight) == (made, 0)
    assert crowd.most == ceiling
    assert crowd.spent == Sum(pytest.approx(made * 0.004), made * 40, made)  # type: ignore[arg-type]


@pytest.mark.parametrize("is_limited", [False, True])
def test_the_last_worker_gets_the_places_of_all_others(crowd: Crowd, is_limited: bool) -> None:
    async def all_of_it() -> None:
        keeper = crowd.keeper()
        async with LeaseClient(Direct(keeper), "0 a", between=0.001, share=Share(0, 4)).opened() as client:
            if is_limited:
                async with leased_limiter(client, TARGET, Places(8), RateLimit(), Stop()) as limiter:
                    limiter.refused(await limiter.acquire(ASKS), 0.001)
                    await until(lambda: not client.free)
            making = asyncio.ensure_future(crowd.calls(client, 300, ceiling=8, seconds=0.01))
            await until(lambda: crowd.made >= 30)
            assert is_limited or crowd.most == 2
            client.take_share(Share())
            await until(lambda: crowd.in_flight == 8)
            client.take_share(Share(0, 2))
            assert is_limited or not client.is_within_share
            await until(lambda: client.is_within_share)
            client.take_share(Share())
            await making

    run(all_of_it)
    assert crowd.most == 8


def test_the_limits_that_the_user_sets_hold_for_all_workers_together(crowd: Crowd) -> None:
    begun: list[float] = []

    async def all_of_it() -> None:
        keeper = crowd.keeper()

        async def worker(place: int) -> None:
            async with LeaseClient(Direct(keeper), f"{place} a", between=0.001).opened() as client:
                limits = RateLimit(requests_per_minute=3000)
                async with leased_limiter(client, TARGET, Places(8), limits, Stop()) as limiter:
                    for _ in range(10):
                        permit = await limiter.acquire(ASKS)
                        begun.append(asyncio.get_running_loop().time())
                        limiter.answered(permit, 1, 1)

        await asyncio.gather(*(worker(place) for place in range(3)))

    run(all_of_it)
    assert begun[-1] - begun[0] > 0.3  # 30 calls at 50 a second, after a few at once


def test_a_budget_is_never_exceeded_by_all_workers_together(tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, Amounts(cost=0.1))

    async def all_of_it() -> None:
        keeper = crowd.keeper()

        async def worker(place: int) -> None:
            async with LeaseClient(Direct(keeper), f"{place} a", between=0.001).opened() as client:
                with pytest.raises(Stopped):
                    await crowd.calls(client, 1000)

        await asyncio.gather(worker(0), worker(1))

    run(all_of_it)
    assert crowd.spent.cost <= 0.1
    assert crowd.spent.cost > 0.1 - 0.01
    assert crowd.budget.reached


def test_after_the_keeper_is_lost_a_new_one_knows_all_calls_and_reservations(crowd: Crowd) -> None:
    async def all_of_it() -> None:
        direct = Direct(crowd.keeper())
        async with LeaseClient(direct, "0 a", between=0.001).opened() as client:
            making = asyncio.ensure_future(crowd.calls(client, 60, seconds=0.02))
            await until(lambda: crowd.made >= 20)
            direct.lost = True
            await asyncio.sleep(0.05)
            crowd.keeper_dies()
            direct.keeper, direct.lost = crowd.keeper(), False
            await making
        assert direct.keeper.in_flight() == {"0 a": 0}

    run(all_of_it)
    assert (crowd.made, crowd.limiter.controller.in_flight) == (60, 0)
    assert 0.24 - 1e-9 <= crowd.spent.cost <= 0.24 + 8 * 0.01


def test_a_worker_that_is_gone_gives_back_its_permits_and_what_it_reserved_counts_as_spent(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deepfabric_core.cluster.lease_client._LONGEST_FLUSH", 0.05)

    async def all_of_it() -> None:
        keeper = crowd.keeper()
        async with LeaseClient(Direct(keeper), "0 a", between=0.001).opened() as client:
            making = asyncio.ensure_future(crowd.calls(client, 10, seconds=5))
            await until(lambda: crowd.in_flight == 4)
            making.cancel()
            client.keeper = Direct(keeper, lost=True)  # it tells no one
            keeper.forget("0 a")
        assert keeper.in_flight() == {}

    run(all_of_it)
    assert crowd.limiter.controller.in_flight == 0
    assert crowd.spent.cost == pytest.approx(4 * 0.01)


def test_a_stop_ends_the_wait_of_work_that_was_not_begun(crowd: Crowd) -> None:
    async def all_of_it() -> None:
        stop = Stop()
        async with (
            LeaseClient(Direct(crowd.keeper()), "0 a", between=0.001).opened() as client,
            leased_limiter(client, TARGET, Places(1), RateLimit(), stop) as limiter,
        ):
            held = await limiter.acquire(ASKS)
            new, later = (asyncio.ensure_future(limiter.acquire(one)) for one in (ASKS, GOES_ON))
            await asyncio.sleep(0.02)
            stop.request()
            with pytest.raises(Stopped):
                await new
            limiter.answered(held, 1, 1)
            limiter.ended(await later)
            assert limiter.in_flight == limiter.waiting == 0

    run(all_of_it)


def test_without_a_known_limit_calls_go_without_asking_and_are_told_of_together(crowd: Crowd) -> None:
    direct = Counting(crowd.keeper())

    async def all_of_it() -> None:
        async with (
            LeaseClient(direct, "0 a", between=0.001).opened() as client,
            leased_limiter(client, TARGET, Places(4), RateLimit(), Stop()) as limiter,
        ):
            await client.flush()
            for _ in range(200):
                limiter.answered(await limiter.acquire(ASKS), 1, 1)
            await client.flush()
            assert crowd.limiter.controller.in_flight == 0

    run(all_of_it)
    assert direct.posts < 20
    assert not direct.asked
    assert crowd.limiter.controller.learned() is not None  # it heard of the calls


def test_once_a_call_is_refused_those_of_all_workers_ask(crowd: Crowd) -> None:
    async def all_of_it() -> None:
        keeper = crowd.keeper()
        one, other = Counting(keeper), Counting(keeper)
        async with (
            LeaseClient(one, "0 a", between=0.001).opened() as first,
            LeaseClient(other, "1 a", between=0.001).opened() as second,
            leased_limiter(first, TARGET, Places(2), RateLimit(), Stop()) as of_first,
            leased_limiter(second, TARGET, Places(2), RateLimit(), Stop()) as of_second,
        ):
            await first.flush()
            await second.flush()
            assert first.free and second.free
            held = await of_second.acquire(ASKS)
            of_first.refused(await of_first.acquire(ASKS), 0.01)
            await until(lambda: not first.free and not second.free)
            of_second.ended(held)
            of_second.ended(await of_second.acquire(ASKS))
            await second.flush()
            assert (len(other.asked), len(one.asked)) == (1, 0)

    run(all_of_it)
    assert crowd.limiter.controller.in_flight == 0


def test_calls_that_wait_here_begin_as_others_end_and_those_that_go_on_are_first(crowd: Crowd) -> None:
    async def all_of_it() -> None:
        async with (
            LeaseClient(Direct(crowd.keeper()), "0 a", between=0.001).opened() as client,
            leased_limiter(client, TARGET, Places(1), RateLimit(), Stop()) as limiter,
        ):
            await client.flush()
            held = await limiter.acquire(ASKS)
            order: list[str] = []

            async def call(name: str, request: Request) -> None:
                permit = await limiter.acquire(request)
                order.append(name)
                limiter.answered(permit, 1, 1)

            calls = [
                asyncio.ensure_future(call(*one)) for one in (("given up", ASKS), ("new", ASKS), ("later", GOES_ON))
            ]
            await asyncio.sleep(0)
            calls[0].cancel()
            limiter.answered(held, 1, 1)
            await asyncio.gather(*calls, return_exceptions=True)
            assert order == ["later", "new"]
            assert (limiter.in_flight, limiter.waiting) == (0, 0)

    run(all_of_it)
    assert crowd.limiter.controller.in_flight == 0


def test_of_several_endpoints_with_the_same_places_the_one_with_the_fewest_calls_gets_the_next(crowd: Crowd) -> None:
    async def all_of_it() -> None:
        places, other = Places(4), Target("openai", "otherhost/v1", "tea-1", "")
        async with (
            LeaseClient(Direct(crowd.keeper()), "0 a", between=0.001).opened() as client,
            leased_limiter(client, TARGET, places, RateLimit(), Stop()) as first,
            leased_limiter(client, other, places, RateLimit(), Stop()) as second,
        ):
            await client.flush()
            held = [await first.acquire(ASKS) for _ in range(4)]
            waiting = [asyncio.ensure_future(one.acquire(ASKS)) for one in (first, first, second, second)]
            await asyncio.sleep(0)
            for permit in held[:2]:
                first.answered(permit, 1, 1)
                await asyncio.sleep(0.01)
            assert (first.in_flight, second.in_flight) == (2, 2)
            for permit in held[2:]:
                first.answered(permit, 1, 1)
                await asyncio.sleep(0.01)
            for limiter, call in zip((first, first, second, second), waiting, strict=True):
                limiter.answered(await call, 1, 1)

    run(all_of_it)


def test_a_worker_that_dies_with_the_keeper_has_its_calls_counted_at_the_worst_case_and_others_what_they_took(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deepfabric_core.cluster.lease_client._LONGEST_FLUSH", 0.05)

    async def all_of_it() -> None:
        direct = Direct(crowd.keeper())
        async with LeaseClient(direct, "0 a", between=0.001).opened() as client:
            making = asyncio.ensure_future(crowd.calls(client, 40, seconds=0.3))
            async with LeaseClient(Direct(direct.keeper), "1 a", between=0.001).opened() as dying:
                dies = asyncio.ensure_future(crowd.calls(dying, 40, ceiling=3, seconds=5))
                await until(lambda: crowd.in_flight == 7)
                direct.lost, dying.keeper = True, Direct(direct.keeper, lost=True)
                dies.cancel()
            crowd.keeper_dies()
            direct.keeper, direct.lost = crowd.keeper(), False
            await making

    run(all_of_it)
    assert crowd.spent == Sum(pytest.approx(40 * 0.004 + 3 * 0.01), 40 * 40 + 3 * 100, 43)  # type: ignore[arg-type]


@pytest.mark.parametrize("limits", [Amounts(cost=0.4), Amounts(tokens=4000), Amounts(calls=80)])
def test_a_budget_is_kept_though_keepers_die_one_after_the_other(tmp_path: Path, limits: Amounts) -> None:
    crowd = Crowd(tmp_path, limits)

    async def all_of_it() -> None:
        keeper = crowd.keeper()
        directs = [Direct(keeper), Direct(keeper)]

        async def worker(place: int) -> None:
            async with LeaseClient(directs[place], f"{place} a", between=0.001).opened() as client:
                with pytest.raises(Stopped):
                    await crowd.calls(client, 1000, seconds=0.01)

        async def deaths() -> None:
            for made in (10, 30, 50):
                await until(lambda made=made: crowd.made >= made)  # type: ignore[misc]
                for direct in directs:
                    direct.lost = True
                await asyncio.sleep(0.005)
                crowd.keeper_dies()
                keeper = crowd.keeper()
                for direct in directs:
                    direct.keeper, direct.lost = keeper, False

        await asyncio.gather(worker(0), worker(1), deaths())

    run(all_of_it)
    assert crowd.spent.is_within(limits)
    assert Sum(0.004 * crowd.made - 1e-9, 40 * crowd.made, crowd.made).is_within(limits)
    in_flight = Sum(8 * 0.01, 8 * 100, 8)  # counted at the worst until they are answered
    assert not crowd.spent.plus(in_flight).is_within(limits)


def test_what_a_call_has_spent_is_not_lost_with_a_message_that_is_under_way_when_a_worker_tells_all_anew(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deepfabric_core.cluster.lease_keeper._LONGEST_WAIT", 0.02)

    async def all_of_it() -> None:
        direct = Slow(crowd.keeper())
        async with LeaseClient(direct, "0 a", between=0.001).opened() as client:
            held = await client.reserve(lambda: (WORST,), started=False)
            direct.holding = asyncio.Event()
            held.settle(REAL, answered=True)
            await asyncio.sleep(0.01)
            direct.loses_one = True
            await until(lambda: direct.registered == 2)
            direct.holding.set()
            await client.flush()

    run(all_of_it)
    assert crowd.spent == Sum(0.004, 40, 1)


def test_a_worker_that_tells_a_new_keeper_twice_has_its_calls_counted_once(crowd: Crowd) -> None:
    async def all_of_it() -> None:
        direct = Direct(crowd.keeper())
        async with LeaseClient(direct, "0 a", between=0.001).opened() as client:
            held = await client.reserve(lambda: (WORST,), started=False)
            crowd.keeper_dies()
            direct.keeper, direct.lost = crowd.keeper(), True
            for times in (2, 3):
                direct.lost = False
                await until(lambda times=times: direct.registered >= times)  # type: ignore[misc]
                direct.lost = True
                client.send(m.Clock(0.0))
                await until(lambda: direct.failures > 0)
                direct.failures = 0
            direct.lost = False
            held.settle(REAL, answered=True)
            await client.flush()

    run(all_of_it)
    assert crowd.spent == Sum(0.004, 40, 1)


def test_in_a_pause_no_call_begins_whatever_a_keeper_says_that_has_not_heard_of_it(crowd: Crowd) -> None:
    async def all_of_it() -> None:
        direct, stop, limits = Direct(crowd.keeper()), Stop(), RateLimit(requests_per_minute=60_000)
        async with (
            LeaseClient(direct, "0 a", between=0.001).opened() as client,
            leased_limiter(client, TARGET, Places(2), limits, stop) as limiter,
        ):
            held = [await limiter.acquire(ASKS) for _ in range(2)]
            waiting = asyncio.ensure_future(limiter.acquire(ASKS))
            await client.flush()
            stop.pause()
            later = asyncio.ensure_future(limiter.acquire(ASKS))
            direct.keeper = crowd.keeper()
            for permit in held:
                limiter.answered(permit, 1, 1)
            await client.flush()
            await until(lambda: direct.registered == 2)
            await asyncio.sleep(0.05)
            assert not waiting.done() and not later.done()
            stop.go_on()
            for permit in (await waiting, await later):
                limiter.answered(permit, 1, 1)

    run(all_of_it)
    assert crowd.limiter.controller.in_flight == 0
