"""A sliding window over work: as one item ends the next begins, and an item may bring more items."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from deepfabric_core.run.stop import Stop

T = TypeVar("T")


async def run_window(
    items: Iterable[T], work: Callable[[T], Awaitable[Iterable[T]]], *, width: int, stop: Stop
) -> None:
    """Work on all items and on those that `work` answers, at most `width` at once.

    The first exception cancels what is in flight and is raised as it is.
    """
    source = iter(items)
    found: deque[T] = deque()
    free = asyncio.Semaphore(width)
    ended = asyncio.Event()
    in_flight = 0

    async def one(item: T) -> None:
        nonlocal in_flight
        try:
            found.extend(await work(item))
        finally:
            in_flight -= 1
            free.release()
            ended.set()

    try:
        async with asyncio.TaskGroup() as group:
            while not stop.requested:
                await free.acquire()
                ended.clear()
                item = found.popleft() if found else next(source, None)
                if item is not None and not stop.requested:
                    in_flight += 1
                    group.create_task(one(item))
                    continue
                free.release()
                if not in_flight:
                    break
                await ended.wait()
    except BaseExceptionGroup as group_of_errors:
        raise group_of_errors.exceptions[0] from None
