"""Several workers at the same servers, over HTTP: what one finds out of a server the others needn't."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from functools import partial

import pytest

from deepfabric_core.chat.messages import Message, Request
from deepfabric_core.cluster.lease_client import LeaseClient
from deepfabric_core.cluster.lease_keeper import LeaseKeeper
from deepfabric_core.cluster.leased_limiter import leased_limiter
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.events import Event, Notice
from deepfabric_core.llm.connect import CallPolicy, connect
from deepfabric_core.llm.limits.learned_file import Target
from deepfabric_core.llm.limits.limiter import Limiter
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.stop import Stop
from tests.core.cluster.test_leases import Direct, until
from tests.provider import Faults, LocalProvider

QUICK = RateLimit(base_delay=0.01, max_delay=0.02)
WELL, BROKEN = Faults(latency=0.02), Faults(reset=1.0)


@dataclass
class Worker:
    """A worker at its servers; `close` ends its stage, as at the end of a shard."""

    client: LeaseClient
    model: ChatModel
    opened: AsyncExitStack

    @property
    def leaves_out(self) -> int:
        """How many servers it leaves out."""
        return sum(stage.health.is_out for stage in self.client.stages.values())

    @property
    def may_not_try(self) -> bool:
        """Whether another one tries the server that is left out."""
        return any(stage.health.back_at == math.inf for stage in self.client.stages.values())

    async def calls(self, count: int) -> None:
        asked = (Request((Message("user", f"Question {number}"),), max_tokens=20) for number in range(count))
        await asyncio.gather(*map(self.model.complete, asked))

    async def close(self) -> None:
        await self.opened.aclose()


@dataclass
class Workers:
    """Workers of one keeper, which may be replaced, and what they told."""

    settings: Llm
    opened: AsyncExitStack
    events: list[Event] = field(default_factory=list)
    directs: list[Direct] = field(default_factory=list)
    keeper: LeaseKeeper = field(init=False)

    def __post_init__(self) -> None:
        self.keeper = self.new_keeper()

    def new_keeper(self) -> LeaseKeeper:
        limiters: dict[Target, Limiter] = {}
        return LeaseKeeper(lambda target: limiters.setdefault(target, Limiter()), Stop())

    async def worker(self) -> Worker:
        direct = Direct(self.keeper)
        self.directs.append(direct)
        client = LeaseClient(direct, f"{len(self.directs)} a", between=0.001)
        return await self.stage(await self.opened.enter_async_context(client.opened()))

    async def stage(self, client: LeaseClient) -> Worker:
        opened = await self.opened.enter_async_context(AsyncExitStack())
        policy = CallPolicy(8, 0, QUICK)
        model = connect(self.settings, policy, self.events.append, Stop(), partial(leased_limiter, client))
        return Worker(client, await opened.enter_async_context(model), opened)

    @property
    def notices(self) -> list[str]:
        return [event.message.partition(" ")[2] for event in self.events if isinstance(event, Notice)]


@pytest.fixture
def servers() -> Iterator[Sequence[LocalProvider]]:
    with ExitStack() as opened:
        yield [opened.enter_context(LocalProvider(faults)) for faults in (BROKEN, WELL)]


def run(servers: Sequence[LocalProvider], what: Callable[[Workers], Coroutine[None, None, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30), AsyncExitStack() as opened:
            addresses = tuple(server.base_url for server in servers)
            await what(Workers(Llm(provider="openai", model="m", base_url=addresses), opened))

    asyncio.run(bounded())


def test_a_server_that_one_worker_leaves_out_gets_no_call_of_the_others(servers: Sequence[LocalProvider]) -> None:
    async def all_of_it(workers: Workers) -> None:
        first, *others = [await workers.worker() for _ in range(4)]
        await first.calls(4)
        await until(lambda: all(one.leaves_out == 1 for one in others))
        tried = servers[0].counts.requests
        for other in others:
            await other.calls(10)
        assert servers[0].counts.requests == tried
        assert workers.notices == ["is left out until it answers again: connection"]

    run(servers, all_of_it)


def test_one_worker_at_a_time_tries_again_and_all_use_a_server_that_answers(servers: Sequence[LocalProvider]) -> None:
    async def all_of_it(workers: Workers) -> None:
        several = [await workers.worker() for _ in range(4)]
        await several[0].calls(4)
        await until(lambda: all(one.leaves_out == 1 for one in several))
        found, loop = servers[0].counts.requests, asyncio.get_running_loop()
        end = loop.time() + 2.0
        while loop.time() < end:
            await asyncio.gather(*(one.calls(2) for one in several))
        assert 1 <= servers[0].counts.requests - found <= 3  # after 0.5 and 1.5 s
        servers[0].faults = WELL
        while any(one.leaves_out for one in several):
            await asyncio.gather(*(one.calls(2) for one in several))
        for one in several:
            answered = servers[0].counts.answered
            await one.calls(8)
            assert servers[0].counts.answered > answered
        assert workers.notices == ["is left out until it answers again: connection", "answers again"]

    run(servers, all_of_it)


def test_another_worker_tries_if_the_first_has_no_call_or_is_gone_in_a_trial(servers: Sequence[LocalProvider]) -> None:
    async def all_of_it(workers: Workers) -> None:
        first, other = [await workers.worker() for _ in range(2)]
        await first.calls(4)
        await until(lambda: other.leaves_out == 1)
        servers[0].faults = Faults(hang=1.0)
        while not servers[0].counts.hung:  # only the other has calls
            hanging = asyncio.ensure_future(other.calls(1))
            await asyncio.sleep(0.05)
        await until(lambda: first.may_not_try)
        servers[0].faults = WELL
        workers.directs[1].lost = True
        workers.keeper.forget("2 a")
        while first.leaves_out:
            await first.calls(1)
        hanging.cancel()
        workers.directs[1].lost = False

    run(servers, all_of_it)


def test_a_shard_begins_without_the_servers_that_are_left_out(servers: Sequence[LocalProvider]) -> None:
    async def all_of_it(workers: Workers) -> None:
        first = await workers.worker()
        await first.calls(4)
        await first.close()
        tried = servers[0].counts.requests
        second = await workers.stage(first.client)
        await second.calls(8)
        await (await workers.worker()).calls(8)
        assert servers[0].counts.requests == tried

    run(servers, all_of_it)


def test_a_new_keeper_hears_which_servers_are_left_out(servers: Sequence[LocalProvider]) -> None:
    async def all_of_it(workers: Workers) -> None:
        first = await workers.worker()
        await first.calls(4)
        await first.client.flush()
        workers.keeper = workers.directs[0].keeper = workers.new_keeper()
        await first.calls(1)
        await first.client.flush()
        tried = servers[0].counts.requests
        await (await workers.worker()).calls(8)
        assert servers[0].counts.requests == tried

    run(servers, all_of_it)
