"""Share the terminal with the shell: use it in the foreground, and restore it before going to the background."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from deepfabric_core.cli.screen.keyboard import Keyboard
from deepfabric_core.cli.screen.terminal import Terminal

# Seconds between checks whether the terminal is ours.
_BETWEEN_LOOKS = 0.25


@contextlib.contextmanager
def sharing(terminal: Terminal, keyboard: Keyboard) -> Iterator[None]:
    """Handle keys, suspending and resuming, resizing and fatal signals while the event loop runs."""
    if sys.platform == "win32":  # it has none of these signals
        yield
        return
    shared = _Shared(terminal, keyboard)
    with shared.signals():
        shared.look()
        try:
            yield
        finally:
            shared.end()


class _Shared:
    def __init__(self, terminal: Terminal, keyboard: Keyboard) -> None:
        self._terminal = terminal
        self._keyboard = keyboard
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """Read keys while the terminal is ours."""
        if self._keyboard.usable:
            self._keyboard.open()
        else:
            self._keyboard.close()
        self._timer = self._loop.call_later(_BETWEEN_LOOKS, self.look)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._keyboard.close()

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Handle the signals, except those that our parent process wants ignored, as nohup does."""
        heeded = {
            signal.SIGTSTP: self._suspend,
            signal.SIGCONT: self._go_on,
            signal.SIGWINCH: self._terminal.redraw,
        }
        ours = [number for number in heeded if signal.getsignal(number) is signal.SIG_DFL]
        sudden = [n for n in (signal.SIGHUP, signal.SIGQUIT) if signal.getsignal(n) is signal.SIG_DFL]
        for number in ours:
            self._loop.add_signal_handler(number, heeded[number])
        for number in sudden:
            signal.signal(number, self._die)
        try:
            yield
        finally:
            for number in ours:
                self._loop.remove_signal_handler(number)
            for number in sudden:
                signal.signal(number, signal.SIG_DFL)

    def _suspend(self) -> None:
        """Handle Ctrl-Z: restore the terminal, stop, and take the terminal again when continued in the foreground."""
        self._keyboard.close()
        self._terminal.suspend()
        self._loop.remove_signal_handler(signal.SIGTSTP)
        os.kill(os.getpid(), signal.SIGTSTP)
        self._loop.add_signal_handler(signal.SIGTSTP, self._suspend)
        self._go_on()

    def _go_on(self) -> None:
        """Take the terminal again. After Ctrl-Z this comes twice, so that keys typed in between mustn't be lost."""
        self._keyboard.resume()
        self._keyboard.open()
        self._terminal.resume()

    def _die(self, number: int, _frame: FrameType | None) -> None:
        """Restore the terminal before a fatal signal ends the process."""
        self._keyboard.close()
        self._terminal.close()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
