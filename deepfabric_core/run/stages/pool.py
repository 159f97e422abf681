"""A sliding window over work items: as one item ends the next begins, and an item may add more items."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar, cast

from deepfabric_core.stop import Stop

T = TypeVar("T")

# Items in progress for each call in flight: one that calls, and one that is ready to call or waits before a retry.
ITEMS_A_CALL = 2


def most_in_order(topics: int) -> int:
    """Return how many calls at once leave enough to do, besides, to make the samples of each of so many topics in turn.

    >>> most_in_order(24), most_in_order(25)
    (11, 12)
    """
    return (topics - 1) // ITEMS_A_CALL


async def run_window(
    items: Iterable[T], work: Callable[[T], Awaitable[Iterable[T]]], *, calls: int | Callable[[], int], stop: Stop
) -> None:
    """Work on all items and on those that `work` returns, as many at once as needed to keep `calls` in flight.

    The model limits the number of calls in flight; this function makes sure that it never waits for work. If that
    number may change, `calls` returns it, and is asked whenever an item ends. The first exception cancels all items in
    progress and is raised unchanged.
    """
    calls_now = calls if callable(calls) else lambda: calls
    source = iter(items)
    found: deque[T] = deque()
    ended = asyncio.Event()
    at_work = set[asyncio.Task[None]]()

    async def one(item: T) -> None:
        me = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            found.extend(await work(item))
        except BaseException:
            for other in at_work - {me}:  # at once, so that none begins a call whose reply would be lost
                other.cancel()
            raise
        finally:
            at_work.discard(me)
            ended.set()

    try:
        async with asyncio.TaskGroup() as group:
            while not stop.requested:
                ended.clear()
                if len(at_work) < calls_now() * ITEMS_A_CALL:
                    item = found.popleft() if found else next(source, None)
                    if item is not None and not stop.requested:
                        at_work.add(group.create_task(one(item)))
                        continue
                    if not at_work:
                        break
                await ended.wait()
    except BaseExceptionGroup as group_of_errors:
        raise group_of_errors.exceptions[0] from None
