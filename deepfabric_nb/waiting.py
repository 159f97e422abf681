"""Waiting for a run in a cell: screens are drawn, and an interrupt is a request to stop."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from deepfabric_nb.errors import LeftAtOnce

if TYPE_CHECKING:
    from deepfabric_nb.handle import Run

_BETWEEN = 0.2
_CLEARING_UP = 3.0


def wait_for(run: Run, timeout: float | None = None) -> None:
    """Wait until a run is over, or for so many seconds.

    The first interrupt asks it to stop, the second leaves at once.

    Raises:
        LeftAtOnce: the cell was interrupted twice.
    """
    end = None if timeout is None else time.monotonic() + timeout
    with interrupts_stop(run):
        while run.lasts(_BETWEEN if end is None else min(_BETWEEN, max(0.0, end - time.monotonic()))):
            draw(run)
            if end is not None and time.monotonic() >= end:
                break
    draw(run)


def draw(run: Run) -> None:
    """Bring every screen of a run up to date."""
    for screen in tuple(run.screens):
        screen()


@contextlib.contextmanager
def interrupts_stop(run: Run) -> Iterator[None]:
    """While this is open, the kernel's interrupt stops the run; outside the main thread nothing can be done there."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: _interrupted(run))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupted(run: Run, *_: Any) -> None:
    if not run.stopping:
        run.stop()
        return
    run.stop(now=True)
    run.lasts(_CLEARING_UP)
    draw(run)
    done = run.state.samples_done
    raise LeftAtOnce(f"Left at once: {done:,} samples are safe. Go on with: %deepfabric resume {run.name}")
