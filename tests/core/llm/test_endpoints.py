"""Several servers of one model, over HTTP: all are used, one that fails is left out, and no call is lost."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest

from deepfabric_core.chat.messages import Message, Reply, Request
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.errors import ModelError
from deepfabric_core.events import Event, LimiterChanged, Notice
from deepfabric_core.llm.connect import CallPolicy, connect
from deepfabric_core.llm.endpoints import together
from deepfabric_core.stop import Stop
from tests.provider import Faults, LocalProvider

QUICK = RateLimit(base_delay=0.01, max_delay=0.02)


def asked(number: int) -> Request:
    return Request((Message("user", f"Question {number}"),), max_tokens=20)


class Calls:
    """What came of calls to several addresses."""

    def __init__(self, addresses: Sequence[str], *, width: int = 8, retries: int = 0) -> None:
        self.settings = Llm(provider="openai", model="m", base_url=tuple(addresses))
        self.policy = CallPolicy(width, retries, QUICK)
        self.events: list[Event] = []

    def make(self, count: int) -> list[Reply | BaseException]:
        async def calls() -> list[Reply | BaseException]:
            async with connect(self.settings, self.policy, self.events.append, Stop()) as model:
                made = (model.complete(asked(number)) for number in range(count))
                return await asyncio.gather(*made, return_exceptions=True)

        return asyncio.run(calls())

    @property
    def notices(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Notice)]


def failed(replies: Sequence[Reply | BaseException]) -> list[BaseException]:
    return [reply for reply in replies if isinstance(reply, BaseException)]


def unused_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@pytest.fixture
def servers() -> Iterator[Sequence[LocalProvider]]:
    with ExitStack() as opened:
        yield [opened.enter_context(LocalProvider(Faults(latency=0.02))) for _ in range(2)]


def test_calls_go_to_all_servers(servers: Sequence[LocalProvider]) -> None:
    replies = Calls([server.base_url for server in servers], width=6).make(60)
    assert not failed(replies)
    one, other = (server.counts for server in servers)
    assert one.answered + other.answered == 60
    assert min(one.answered, other.answered) > 15


def test_no_more_calls_are_in_flight_at_all_servers_together_than_one_would_get(
    servers: Sequence[LocalProvider],
) -> None:
    server = servers[0]  # by two addresses, so that it counts both
    replies = Calls([server.base_url, server.base_url.replace("127.0.0.1", "localhost")], width=6).make(60)
    assert not failed(replies)
    assert server.counts.answered == 60
    assert server.counts.peak_in_flight <= 6


def test_a_server_that_is_down_is_left_out_and_no_call_fails(servers: Sequence[LocalProvider]) -> None:
    down = f"http://127.0.0.1:{unused_port()}/v1"
    calls = Calls([down, servers[0].base_url])
    assert not failed(calls.make(40))
    assert servers[0].counts.answered == 40
    assert calls.notices == [f"{down[7:-3]} is left out until it answers again: connection"]


def test_a_server_that_fails_gives_its_calls_to_another(servers: Sequence[LocalProvider]) -> None:
    servers[0].faults = Faults(server_error=1.0)
    assert not failed(Calls([server.base_url for server in servers]).make(40))
    assert servers[1].counts.answered == 40
    assert servers[0].counts.server_error <= 12  # those that were on their way, and trials


def test_a_server_that_answers_again_is_used_again(servers: Sequence[LocalProvider]) -> None:
    servers[0].faults = Faults(reset=1.0)

    async def run() -> list[str]:
        calls = Calls([server.base_url for server in servers])
        async with connect(calls.settings, calls.policy, calls.events.append, Stop()) as model:
            await asyncio.gather(*(model.complete(asked(n)) for n in range(20)))
            servers[0].faults = Faults(latency=0.02)
            while servers[0].counts.answered < 10:
                await asyncio.gather(*(model.complete(asked(n)) for n in range(20)))
        return calls.notices

    said = asyncio.run(asyncio.wait_for(run(), 20))
    assert [notice.partition(" ")[2] for notice in said] == [
        "is left out until it answers again: connection",
        "answers again",
    ]


def test_a_refused_call_goes_where_there_is_room(servers: Sequence[LocalProvider]) -> None:
    servers[0].faults = Faults(rate_limited=1.0, retry_after=5.0)
    assert not failed(Calls([server.base_url for server in servers]).make(20))
    assert servers[1].counts.answered == 20


def test_if_all_servers_are_down_the_error_names_the_last_one_tried() -> None:
    addresses = [f"http://127.0.0.1:{unused_port()}/v1" for _ in range(2)]
    problems = failed(Calls(addresses).make(1))
    assert [type(problem) for problem in problems] == [ModelError]
    assert "127.0.0.1" in str(problems[0])


def test_what_is_wrong_with_a_call_is_told_at_once(servers: Sequence[LocalProvider]) -> None:
    for server in servers:
        server.faults = Faults(status=401, error_code="invalid_api_key")
    assert "authentication" in str(failed(Calls([server.base_url for server in servers]).make(1))[0])
    assert sum(server.counts.requests for server in servers) == 1


def test_several_limiters_are_told_as_one() -> None:
    one = LimiterChanged(10, 3, 2, 3, "rate", 20.0)
    assert together([one, one]) == LimiterChanged(20, 6, 4, 6, "rate", 40.0)
    full = LimiterChanged(10, 5, 2, 5, "ceiling", 8)
    assert together([one, full]) == LimiterChanged(20, 8, 4, 8, "ceiling", 8)
    assert together([one, LimiterChanged(10, 0, 0, 0)]).bound == "nothing"
    paused = [LimiterChanged(10, 0, 2, 0, "pause", seconds) for seconds in (3.0, 1.0)]
    assert together(paused).limit == 1.0
