"""Waiting for a run in a cell: screens are drawn, and an interrupt is a request to stop."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython

from deepfabric_core.wording import are, counted
from deepfabric_nb.errors import LeftAtOnce
from deepfabric_nb.kernel.comm_messages import listening

if TYPE_CHECKING:
    from deepfabric_nb.runs.run import Run

# Seconds between two looks of a screen.
BETWEEN = 0.25
_CLEARING_UP = 3.0

# The runs that an interrupt stops, and what it would do otherwise.
_waited_for: list[Run] = []
_otherwise: list[Any] = []


def wait_for(run: Run, timeout: float | None = None) -> None:
    """Wait until a run is over, or for so many seconds.

    The first interrupt asks it to stop, the second leaves at once.

    Raises:
        LeftAtOnce: the cell was interrupted twice.
    """
    end = time.monotonic() + (math.inf if timeout is None else timeout)
    with interrupts_stop(run), listening(get_ipython()) as listener:
        while run.lasts(max(0.0, min(BETWEEN, end - time.monotonic()))):
            draw(run)
            if listener is not None:
                listener.hear()
            if time.monotonic() >= end:
                break
    draw(run)


def draw(run: Run) -> None:
    """Bring every screen of a run up to date. One that is lost, as a closed terminal is, is left; the run goes on."""
    for screen in tuple(run.screens):
        try:
            screen()
        except OSError:
            run.screens[:] = [other for other in run.screens if other != screen]


@contextlib.contextmanager
def interrupts_stop(run: Run) -> Iterator[None]:
    """While this is open, the kernel's interrupt stops the run; outside the main thread nothing can be done there."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _waited_for.append(run)
    if len(_waited_for) == 1:
        _otherwise.append(signal.signal(signal.SIGINT, _interrupted))
    try:
        yield
    finally:
        _waited_for.remove(run)
        if not _waited_for:
            signal.signal(signal.SIGINT, _otherwise.pop())


def _interrupted(*_: Any) -> None:
    runs = tuple(_waited_for)
    again = all(run.stopping for run in runs)
    for run in runs:
        run.stop()
    if not again:
        return
    for run in runs:
        run.lasts(_CLEARING_UP)
        draw(run)
    done = sum(run.state.samples_done for run in runs)
    names = " and ".join(f"%deepfabric resume {run.name}" for run in runs)
    raise LeftAtOnce(f"Left at once: {counted(done, 'sample')} {are(done)} safe. Go on with: {names}")
