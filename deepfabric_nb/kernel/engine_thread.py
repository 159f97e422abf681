"""The engine's thread: one event loop for all runs, which lives as long as the process.

A loop per run would leak the HTTP clients of every run; a notebook's own loop is blocked while a cell runs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any


def start(work: Coroutine[Any, Any, None]) -> Callable[[], object]:
    """Start a coroutine in the engine's thread, and return a function that cancels it from any thread."""
    return asyncio.run_coroutine_threadsafe(work, _loop()).cancel


def call_soon(callback: Callable[[], object]) -> None:
    """Run the callback in the engine's thread."""
    _loop().call_soon_threadsafe(callback)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="deepfabric", daemon=True).start()
    return loop
