"""`QuietCall`: call a function once things are quiet, as it takes time and what it does is soon out of date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_QUIET = 2.0  # seconds
_LONGEST = 6.0


class QuietCall:
    """Calls a function in the event loop of the cells when nothing has asked for it for `quiet` seconds.

    While it is asked for all the time it is called every `longest` seconds. Without an event loop it is never called.
    """

    def __init__(self, call: Callable[[], object], *, quiet: float = _QUIET, longest: float = _LONGEST) -> None:
        self._call, self._quiet, self._longest = call, quiet, longest
        self._loop = running_loop()
        self._first: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def ask(self) -> None:
        """Ask for a call; this may be done in any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ask, self._loop)

    def _ask(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        if self._first is None:
            self._first = now
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(min(now + self._quiet, self._first + self._longest), self._go)

    def _go(self) -> None:
        self._first = self._timer = None
        self._call()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop of this thread, in which cells are run; None if there is none."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
