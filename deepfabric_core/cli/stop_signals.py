"""Signals that stop a command: the first one gently, the next one at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepfabric_core.events import Emit
    from deepfabric_core.stop import Stop

# A lost terminal sends SIGHUP more than once: from the shell as it ends, then from the system. Windows has none.
_LOST_TERMINAL: int | None = getattr(signal, "SIGHUP", None)
_STOPPING = [signal.SIGINT, signal.SIGTERM, *([] if _LOST_TERMINAL is None else [_LOST_TERMINAL])]


@contextlib.contextmanager
def stopping_by_signals(stop: Stop, emit: Emit) -> Iterator[None]:
    """Announce a stop at the first signal, and cancel the task that is running now at the next one.

    A lost terminal only stops gently, however often it signals.
    """
    from deepfabric_core.run.pipeline import announce_stop

    task = asyncio.current_task()

    def on_signal(number: int) -> None:
        if not stop.requested:
            announce_stop(emit, stop)
        elif number != _LOST_TERMINAL and task is not None:
            task.cancel()

    with _handling_signals(on_signal):
        yield


@contextlib.contextmanager
def _handling_signals(handler: Callable[[int], None]) -> Iterator[None]:
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
            if _LOST_TERMINAL is not None:
                signal.signal(_LOST_TERMINAL, signal.SIG_IGN)
