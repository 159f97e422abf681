"""Signals that stop a command: the first one gently, the next one at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

# A lost terminal sends SIGHUP more than once: from the shell as it ends, then from the system. Windows has none.
LOST_TERMINAL: int | None = getattr(signal, "SIGHUP", None)
_STOPPING = [signal.SIGINT, signal.SIGTERM, *([] if LOST_TERMINAL is None else [LOST_TERMINAL])]


@contextlib.contextmanager
def handling_signals(handler: Callable[[int], None]) -> Iterator[None]:
    """Call the handler at each stop signal; a signal that is ignored, as with nohup or `&`, stays ignored.

    Afterwards a lost terminal is ignored, so that the summary of the run can still be printed.
    """
    loop = asyncio.get_running_loop()
    numbers = [number for number in _STOPPING if signal.getsignal(number) is not signal.SIG_IGN]
    with contextlib.suppress(NotImplementedError):  # not available on Windows
        for number in numbers:
            loop.add_signal_handler(number, handler, number)
    try:
        yield
    finally:
        with contextlib.suppress(NotImplementedError):
            for number in numbers:
                loop.remove_signal_handler(number)
            if LOST_TERMINAL is not None:
                signal.signal(LOST_TERMINAL, signal.SIG_IGN)
