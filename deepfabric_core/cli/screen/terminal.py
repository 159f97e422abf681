"""`Terminal`: draw whole frames on the alternate screen, from a thread that may wait for a slow terminal."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable
from itertools import zip_longest

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console, ConsoleDimensions, RenderableType
from rich.segment import Segment
from rich.style import Style

from deepfabric_core.cli.screen.keyboard import in_foreground

# Alternate screen, no cursor, no line wrap (so that no frame scrolls), bracketed paste.
_OPEN = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h\x1b[2J"
_CLOSE = "\x1b[0m\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l"
# Synchronized output: terminals that support it show everything in between at once.
_TOGETHER = ("\x1b[?2026h", "\x1b[?2026l")
_REFRESHES = 8
# Only changed lines are written; after so many frames all of them are, in case another program wrote there.
_WHOLE_EVERY = 40
# Drawing takes at most one part in so many of the processor's time.
_REST = 8
# Seconds that a terminal may take to show a frame before it is left as it is.
_PATIENCE = 1.0
_COLOURS = {"standard": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT, "truecolor": ColorSystem.TRUECOLOR}
_LEFT_TO_RIGHT = "\u200e"


class Terminal:
    """Draws `render` eight times a second while it is open, only in the foreground."""

    def __init__(self, console: Console, render: Callable[[], RenderableType]) -> None:
        self._console = console
        self._render = render
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._lock = threading.RLock()
        self._shown = False
        self._size = (0, 0)
        self._suspended = False
        self._rows: list[str] = []
        self._frames = 0

    def open(self) -> None:
        """Start to draw."""
        atexit.register(self.close)
        self._draw()
        self._thread = threading.Thread(target=self._run, name="screen", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop drawing, and show again what the terminal showed before."""
        thread, self._thread = self._thread, None
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=_PATIENCE)
        self.hide()
        atexit.unregister(self.close)

    def hide(self) -> None:
        """Show what the terminal showed before; the next frame hides it again."""
        if not self._lock.acquire(timeout=_PATIENCE):  # the terminal accepts no more output
            return
        try:
            if self._shown:
                self._shown = False
                self._write(_CLOSE)
        finally:
            self._lock.release()

    def suspend(self) -> None:
        """Give the terminal back until `resume`."""
        self._suspended = True
        self.hide()

    def resume(self) -> None:
        """Draw everything again, as soon as the terminal is ours."""
        self._suspended, self._size = False, (0, 0)
        self._wake.set()

    def redraw(self) -> None:
        """Draw now."""
        self._wake.set()

    def _run(self) -> None:
        pause = 1 / _REFRESHES
        while self._thread is not None:
            self._wake.wait(pause)
            self._wake.clear()
            began = time.thread_time()
            if self._thread is not None:
                self._draw()
            pause = max(1 / _REFRESHES, _REST * (time.thread_time() - began))

    def _draw(self) -> None:
        with self._lock:
            if self._suspended or not self._ours():
                self.hide()
                return
            size = self.measure()
            anew = not self._shown or size != self._size
            self._frames = 0 if anew else self._frames + 1
            if self._frames % _WHOLE_EVERY == 0:
                self._rows = []
            lines = self._console.render_lines(self._render(), self._console.options.update_dimensions(*size))
            rows = [_row(self._console, number, line) for number, line in enumerate(lines, 1)]
            changed = [row for row, before in zip_longest(rows, self._rows) if row and row != before]
            self._shown, self._size, self._rows = True, size, rows
            if changed:
                self._write("".join((_TOGETHER[0], _OPEN if anew else "", *changed, _TOGETHER[1])))

    def measure(self) -> tuple[int, int]:
        """Return the terminal's current columns and lines, whatever $COLUMNS says."""
        with contextlib.suppress(OSError, ValueError):
            size = os.get_terminal_size(self._console.file.fileno())
            if size.columns and size.lines:
                self._console.size = ConsoleDimensions(*size)
        return self._console.size

    def _ours(self) -> bool:
        try:
            return in_foreground(self._console.file.fileno())
        except (OSError, ValueError):
            return True

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # the terminal is gone; the run goes on
            self._console.file.write(text)
            self._console.file.flush()


def _row(console: Console, number: int, line: Iterable[Segment]) -> str:
    """Return a line at its position; the column is set again after text whose width terminals may judge differently."""
    parts, column = [f"\x1b[{number};1H"], 1
    for text, style, _ in line:
        width = cell_len(text)
        column += width
        if text.isascii():
            parts.append(_styled(console, text, style))
        else:
            parts.append(f"\x1b[{max(1, width)}X{_styled(console, _in_order(text), style)}\x1b[{column}G")
    return "".join(parts)


def _styled(console: Console, text: str, style: Style | None) -> str:
    system = _COLOURS.get(console.color_system or "")
    if style is None or system is None:
        return text
    return (style.without_color if console.no_color else style).render(text, color_system=system)


def _in_order(text: str) -> str:
    """Return a text that doesn't change the direction of the text beside it, even if it is a right-to-left text."""
    turned = any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)
    return f"{text}{_LEFT_TO_RIGHT}" if turned else text
