"""Pauses as events: whoever asks for one, and from whichever thread, the run's state knows of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from deepfabric_core.events import Emit, Paused, WentOn
from deepfabric_core.stop import Stop


@contextmanager
def telling_of_pauses(stop: Stop, emit: Emit) -> Iterator[None]:
    """Tell `emit`, in the thread of the running event loop, when a pause begins and when it is over."""
    loop = asyncio.get_running_loop()
    told = False

    def tell() -> None:
        nonlocal told
        if stop.paused is not told:
            told = stop.paused
            emit(Paused(time.time()) if told else WentOn(time.time()))

    def tell_soon() -> None:
        loop.call_soon_threadsafe(tell)

    deaf = stop.listen_to_pauses(tell_soon)
    tell()
    try:
        yield
    finally:
        deaf()
