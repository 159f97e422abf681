"""`RichView`: a run's screen on a terminal, with keys to browse samples, to pause and to stop."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, TextIO, cast

from rich.console import Console

from deepfabric_core.cli.screen.item_browser import ItemBrowser
from deepfabric_core.cli.screen.job_control import sharing
from deepfabric_core.cli.screen.keyboard import Keyboard
from deepfabric_core.cli.screen.output_capture import held_back
from deepfabric_core.cli.screen.panes import Screen
from deepfabric_core.cli.screen.screen_state import Heading, ScreenState
from deepfabric_core.cli.screen.terminal import Terminal
from deepfabric_core.events import Event
from deepfabric_core.run.pipeline import announce_stop
from deepfabric_core.run.state import RunState, reduce
from deepfabric_core.stop import Stop
from deepfabric_core.text.rate_history import RateHistory

# The name of Ctrl-L.
_REDRAW = "redraw"


class RichView:
    """Draws the run's state eight times a second; events only change the state. The last state stays at the end."""

    def __init__(
        self,
        console: Console,
        clock: Callable[[], float] = time.time,
        *,
        steady: Callable[[], float] = time.monotonic,
        heading: Heading | None = None,
    ) -> None:
        self._state = RunState()
        self._clock = clock
        self._steady = steady
        self._console = console
        self._heading = heading or Heading()
        self._history = RateHistory()
        self._browser = ItemBrowser()
        self._terminal = Terminal(console, self.render)
        self._keyboard: Keyboard | None = None
        self._over = False
        self._open = contextlib.ExitStack()

    @property
    def state(self) -> RunState:
        """The current state of the run."""
        return self._state

    def __enter__(self) -> Self:
        self._open.enter_context(held_back(cast("TextIO", self._console.file)))
        self._open.callback(self._leave)
        self._terminal.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _leave(self) -> None:
        """Restore the terminal, and print the last state on it."""
        self._terminal.close()
        self._terminal.measure()
        self._over, self._browser.kind = True, None
        self._browser.follow()
        with contextlib.suppress(OSError):  # the terminal is gone
            self._console.print(self.render())

    def __call__(self, event: Event) -> None:
        """Apply an event; the next frame shows it."""
        self._state = reduce(self._state, event)
        self._browser.take(event)

    def render(self) -> Screen:
        """Return the screen for the current state."""
        state, now = self._state, self._clock()
        self._history.note(state, self._steady())
        keys = self._keyboard is not None and self._keyboard.opened
        return Screen(ScreenState(self._heading, state, now, self._history, self._browser, keys=keys, over=self._over))

    @contextlib.contextmanager
    def listening(self, stop: Stop) -> Iterator[None]:
        """Handle keys and the shell's job control while the event loop runs."""
        self._keyboard = Keyboard(_standard_input(), lambda key: self._press(key, stop))
        with sharing(self._terminal, self._keyboard):
            yield

    def _press(self, key: str, stop: Stop) -> None:
        key = key.lower() if key in ("Q", "P") else key
        if key == _REDRAW:
            self._terminal.resume()
        elif key == "q" and not self._browser.back():
            if not stop.requested:
                announce_stop(self, stop)
        elif key == "p" and not stop.requested:
            (stop.go_on if stop.paused else stop.pause)()
        else:
            self._browser.press(key)
        self._terminal.redraw()


def _standard_input() -> int:
    """Return the descriptor of standard input, or -1 if it is closed."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return sys.stdin.fileno()
    return -1
