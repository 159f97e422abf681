"""Emit events when a run is paused and resumed, whatever thread asks for the pause."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from deepfabric_core.events import Emit, Paused, WentOn
from deepfabric_core.stop import Stop


@contextmanager
def emitting_pauses(stop: Stop, emit: Emit) -> Iterator[None]:
    """Emit `Paused` and `WentOn` events, in the thread of the running event loop, while this context is open."""
    loop = asyncio.get_running_loop()
    told = False

    def tell() -> None:
        nonlocal told
        if stop.paused is not told:
            told = stop.paused
            emit(Paused(time.time()) if told else WentOn(time.time()))

    def tell_soon() -> None:
        loop.call_soon_threadsafe(tell)

    unlisten = stop.listen_to_pauses(tell_soon)
    tell()
    try:
        yield
    finally:
        unlisten()
