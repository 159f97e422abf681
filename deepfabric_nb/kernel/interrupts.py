"""Interrupts of a cell that waits for a run: the first one requests a stop, the second one leaves at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any, Protocol

from deepfabric_core.run.state import RunState
from deepfabric_core.wording import are, counted
from deepfabric_nb.errors import RunInterrupted


class Interruptible(Protocol):
    """Work that a cell waits for."""

    name: str

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""

    @property
    def state(self) -> RunState:
        """The current state of the run."""

    def stop(self) -> None:
        """Request a stop; a second request leaves at once."""

    def wait_briefly(self, seconds: float) -> bool:
        """Wait for at most so many seconds, and return whether it is still running."""

    def draw(self) -> None:
        """Update its screens."""


_SECONDS_TO_CLEAR_UP = 3.0

# The tasks that an interrupt stops, and the signal handler that was set before.
_waited_for: list[Interruptible] = []
_earlier_handler: list[Any] = []


@contextlib.contextmanager
def interrupts_stop(task: Interruptible) -> Iterator[None]:
    """Make the kernel's interrupt stop the task while this context is open; does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _waited_for.append(task)
    if len(_waited_for) == 1:
        _earlier_handler.append(signal.signal(signal.SIGINT, _interrupted))
    try:
        yield
    finally:
        _waited_for.remove(task)
        if not _waited_for:
            signal.signal(signal.SIGINT, _earlier_handler.pop())


def _interrupted(*_: Any) -> None:
    tasks = tuple(_waited_for)
    again = all(task.stopping for task in tasks)
    for task in tasks:
        task.stop()
    if not again:
        return
    for task in tasks:
        task.wait_briefly(_SECONDS_TO_CLEAR_UP)
        task.draw()
    done = sum(task.state.samples_done for task in tasks)
    names = " and ".join(f"%deepfabric resume {task.name}" for task in tasks)
    raise RunInterrupted(f"Left at once: {counted(done, 'sample')} {are(done)} safe. Go on with: {names}")
