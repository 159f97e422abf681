"""A call that waits until things are quiet, but not for ever."""

from __future__ import annotations

import asyncio

from deepfabric_nb.kernel.quiet_call import QuietCall


def test_it_is_called_once_after_many_wishes() -> None:
    async def asked_often() -> tuple[int, int]:
        called: list[int] = []
        quiet = QuietCall(lambda: called.append(1), quiet=0.05)
        for _ in range(5):
            quiet.ask()
        await asyncio.sleep(0)
        before = len(called)
        while not called:  # noqa: ASYNC110 - it comes
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        return before, len(called)

    assert asyncio.run(asked_often()) == (0, 1)


def test_it_is_called_while_it_is_never_quiet() -> None:
    async def asked_all_the_time() -> None:
        called: list[int] = []
        quiet = QuietCall(lambda: called.append(1), quiet=60, longest=0.05)
        while len(called) < 2:
            quiet.ask()
            await asyncio.sleep(0.005)

    asyncio.run(asked_all_the_time())


def test_without_a_loop_or_after_its_end_nothing_is_called() -> None:
    async def made() -> QuietCall:
        return QuietCall(lambda: 1 / 0, quiet=0)

    asyncio.run(made()).ask()
    QuietCall(lambda: 1 / 0, quiet=0).ask()
