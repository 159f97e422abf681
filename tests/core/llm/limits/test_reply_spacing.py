"""Replies that arrive together pass a few at a time."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from deepfabric_core.llm.limits.reply_spacing import ReplySpacing


async def _rounds_until_passed(turnstile: ReplySpacing, arrivals: int) -> list[int]:
    """In which round of the event loop each of those who arrive together has passed."""
    now = 0
    passed: list[int] = []

    def count() -> None:
        nonlocal now
        now += 1
        asyncio.get_running_loop().call_soon(count)

    async def one() -> None:
        await turnstile.pass_through()
        passed.append(now)

    asyncio.get_running_loop().call_soon(count)
    await asyncio.gather(*(one() for _ in range(arrivals)))
    return passed


def test_who_comes_alone_passes_at_once() -> None:
    async def alone() -> list[int]:
        turnstile = ReplySpacing()
        return [(await _rounds_until_passed(turnstile, 1))[0] for _ in range(3)]

    assert max(asyncio.run(alone())) <= 1


def test_who_comes_in_a_small_crowd_passes_apart_from_the_others() -> None:
    async def crowd() -> list[int]:
        return await _rounds_until_passed(ReplySpacing(), 8)

    passed = asyncio.run(crowd())
    gaps = [later - earlier for earlier, later in itertools.pairwise(passed)]
    assert len(passed) == 8 and min(gaps) >= 3


def test_a_large_crowd_passes_several_at_a_time() -> None:
    async def crowd() -> list[int]:
        return await _rounds_until_passed(ReplySpacing(), 1000)

    passed = asyncio.run(crowd())
    assert len(passed) == 1000 and passed[-1] < 300


def test_who_gives_up_waiting_holds_up_nobody() -> None:
    async def impatient() -> int:
        turnstile = ReplySpacing()
        tasks = [asyncio.create_task(turnstile.pass_through()) for _ in range(5)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
        await asyncio.wait_for(turnstile.pass_through(), 5)
        return sum(isinstance(one, asyncio.CancelledError) for one in results)

    assert asyncio.run(impatient()) == 1


@pytest.mark.parametrize("arrivals", [1, 2, 9, 100])
def test_everyone_passes_in_the_order_of_arrival(arrivals: int) -> None:
    async def crowd() -> list[int]:
        turnstile, order = ReplySpacing(), []

        async def one(number: int) -> None:
            await turnstile.pass_through()
            order.append(number)

        await asyncio.gather(*map(one, range(arrivals)))
        return order

    assert asyncio.run(crowd()) == list(range(arrivals))
