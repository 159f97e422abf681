"""`EngineTask`: work in the engine's thread, which cells can wait for, draw and stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Self

from deepfabric_core.errors import RunAborted
from deepfabric_core.events import Emit, Event, Notice, Stopping
from deepfabric_core.printable import printable
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.state import RunState
from deepfabric_core.stop import Stop
from deepfabric_core.text.rate_history import RateHistory
from deepfabric_nb.kernel import engine_thread
from deepfabric_nb.kernel.comm_messages import kept_busy, listening
from deepfabric_nb.kernel.display_mode import current_shell
from deepfabric_nb.kernel.drawing import SECONDS_BETWEEN_DRAWS, Drawing
from deepfabric_nb.kernel.interrupts import interrupts_stop

_log = logging.getLogger(__name__)
_SHOWN_CHARACTERS = 200  # of what went wrong

Work = Callable[[Emit, Stop], Awaitable[RunState]]


class EngineTask:
    """Work that emits events and can be stopped; `work` is None if all of it was done before.

    `screens` are called to draw it, in the thread of the cells; `history` is kept as long as it is drawn. All methods
    may be called at any time.
    """

    def __init__(self, name: str, work: Work | None) -> None:
        self.name = name
        self.error: BaseException | None = None
        self.screens: list[Callable[[], None]] = []
        self.history = RateHistory()
        self._drawing: Drawing | None = None
        self._work = work
        self._stop = Stop()
        self._sink = EventSink(self._tell)
        self._over: Future[None] = Future()
        self._cancel: Callable[[], object] | None = None
        self._watchers: list[Callable[[Event], None]] = []
        if work is None:
            self._over.set_result(None)

    # ---- in the engine's thread

    def start(self) -> Self:
        """Start the work in the engine's thread."""
        if self._work is not None:
            self._cancel = engine_thread.start(self._do(self._work))
        return self

    async def _do(self, work: Work) -> None:
        try:
            await work(self._sink, self._stop)
        except asyncio.CancelledError:
            self._sink.state = replace(self.state, ending="stopped", reason="left at once", finished_at=time.time())
        except BaseException as problem:  # noqa: BLE001 - `wait` raises it
            self.error = problem
        finally:
            self._over.set_result(None)

    def watch(self, watcher: Callable[[Event], None]) -> None:
        """Call `watcher` with each event, in the engine's thread."""
        self._watchers.append(watcher)

    def note(self, message: str) -> None:
        """Add a note to what is shown."""
        engine_thread.call_soon(lambda: self._sink(Notice(message)))

    def _tell(self, event: Event) -> None:
        for watcher in self._watchers:
            try:
                watcher(event)
            except Exception:  # noqa: BLE001 - the others hear of the event all the same
                _log.debug("a view failed on %s", type(event).__name__, exc_info=True)

    # ---- stop and pause

    def stop(self, *, now: bool = False) -> None:
        """Start no more calls, and let calls in flight finish; with `now`, or the second time, cancel those as well.

        What is finished is kept in any case: `%deepfabric resume` continues it.
        """
        if self.over:
            return
        if (now or self._stop.requested) and self._cancel is not None:
            self._cancel()
        elif not self._stop.requested:
            self._stop.request()
            engine_thread.call_soon(lambda: self._sink(Stopping("calls in flight finish, none is begun")))

    def pause(self) -> None:
        """Start no more calls until `go_on`; calls in flight finish. A stop ends the pause."""
        self._stop.pause()

    def go_on(self) -> None:
        """End the pause."""
        self._stop.go_on()

    # ---- waiting and drawing

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until it is over, or for `timeout` seconds; its screens are updated meanwhile.

        The first interrupt requests a stop, as `stop` does; the second one leaves at once.

        Raises:
            DeepFabricError: it failed as a whole.
            RunInterrupted: the cell was interrupted twice.
        """
        end = time.monotonic() + (math.inf if timeout is None else timeout)
        with interrupts_stop(self), listening(current_shell()) as listener:
            while self.wait_briefly(max(0.0, min(SECONDS_BETWEEN_DRAWS, end - time.monotonic()))):
                self.draw()
                if listener is not None:
                    listener.hear()
                if time.monotonic() >= end:
                    break
        self.draw()
        if self.over:
            self.raise_error()
        return self

    def wait_briefly(self, seconds: float) -> bool:
        """Wait for at most so many seconds, and return whether it is still running."""
        with contextlib.suppress(TimeoutError):
            self._over.result(seconds)
        return not self.over

    def __await__(self) -> Generator[Any, None, Self]:
        return self._awaited().__await__()

    async def _awaited(self) -> Self:
        try:
            with interrupts_stop(self), kept_busy(current_shell()):
                while not self.over:
                    self.draw()
                    with contextlib.suppress(TimeoutError):
                        over = asyncio.shield(asyncio.wrap_future(self._over))
                        await asyncio.wait_for(over, SECONDS_BETWEEN_DRAWS)
        except asyncio.CancelledError:
            self.stop()
            raise
        self.draw()
        self.raise_error()
        return self

    def draw_between_cells(self) -> None:
        """Draw it until it is over, also between cells: in the kernel's event loop, which only runs then."""
        if self._drawing is None:
            self._drawing = Drawing(self.draw, lambda: bool(self.screens))
        self._drawing.begin()

    def draw(self) -> None:
        """Update every screen. One that fails is dropped, with a sentence unless it is a terminal that was closed."""
        self.history.note(self.state, time.monotonic())
        for screen in tuple(self.screens):
            try:
                screen()
            except OSError:
                self._drop(screen)
            except Exception as problem:  # noqa: BLE001 - a view is worth less than the run
                self._drop(screen)
                said = printable(f"{type(problem).__name__}: {problem}", _SHOWN_CHARACTERS)
                _log.warning("A view of %s shows nothing more, and the run goes on: %s", printable(self.name), said)
                _log.debug("it failed so", exc_info=True)

    def _drop(self, screen: Callable[[], None]) -> None:
        self.screens[:] = [other for other in self.screens if other != screen]

    def raise_error(self) -> None:
        """Raise the error that it failed with, if any.

        Raises:
            DeepFabricError: the reason, a sentence a line.
        """
        if self.error is not None:
            raise self.error
        if self.over and self.state.ending == "aborted":
            raise RunAborted(self.state.reason)

    # ---- progress

    @property
    def over(self) -> bool:
        """Whether it has ended, with any outcome."""
        return self._over.done()

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.requested

    @property
    def state(self) -> RunState:
        """The state that screens show."""
        return self._sink.state
