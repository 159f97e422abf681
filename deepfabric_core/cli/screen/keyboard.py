"""Read single keys from a terminal without blocking, and restore its mode afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

try:
    import termios
except ImportError:  # not on Windows, where only Ctrl-C stops
    termios = None  # type: ignore[assignment]

_PASTED = b"\x1b[200~"
_PASTE_ENDS = b"\x1b[201~"
_SEQUENCE = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|\x1b[^\x1b]|.", re.DOTALL)
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|O)$")
_NAMES = {
    b"A": "up",
    b"B": "down",
    b"C": "right",
    b"D": "left",
    b"H": "home",
    b"F": "end",
    b"1~": "home",
    b"7~": "home",
    b"4~": "end",
    b"8~": "end",
    b"5~": "pageup",
    b"6~": "pagedown",
}
_PLAIN = {
    b"\x0c": "redraw",
    b"\t": "tab",
    b"\r": "enter",
    b"\n": "enter",
    b"\x1b": "escape",
    b"\x7f": "backspace",
    b"\x08": "backspace",
}


class Decoder:
    """Turns bytes into keys, in whatever pieces they arrive. Pasted text is ignored."""

    def __init__(self) -> None:
        self._rest = b""
        self._pasting = False

    def keys(self, data: bytes) -> Iterator[str]:
        """Yield the keys that are complete: a character, or a name such as up, pagedown, enter or escape."""
        data = self._rest + data
        unfinished = _UNFINISHED.search(data)
        self._rest = data[unfinished.start() :] if unfinished else b""
        for found in _SEQUENCE.finditer(data[: len(data) - len(self._rest)]):
            key = found[0]
            if key in (_PASTED, _PASTE_ENDS):
                self._pasting = key == _PASTED
            elif not self._pasting and (name := _name(key)):
                yield name


def _name(key: bytes) -> str:
    if key[:2] in (b"\x1b[", b"\x1bO"):
        return _NAMES.get(key[2:], "")
    character = key.decode("ascii", "ignore")
    return _PLAIN.get(key) or (character if character.isprintable() else "")


class Keyboard:
    """Calls `press` for each key while it is open. Keys aren't echoed; Ctrl-C and Ctrl-Z are still signals."""

    def __init__(self, terminal: int, press: Callable[[str], None]) -> None:
        self._terminal = terminal
        self._press = press
        self._decoder = Decoder()
        self._before: list[Any] | None = None

    @property
    def usable(self) -> bool:
        """Whether there is a terminal, and its keys go to us and not to another program, such as the shell."""
        return termios is not None and os.isatty(self._terminal) and in_foreground(self._terminal)

    @property
    def opened(self) -> bool:
        """Whether keys are read."""
        return self._before is not None

    def open(self) -> None:
        """Read keys from now on. Keys that were typed before are discarded."""
        if self.opened or not self.usable:
            return
        with contextlib.suppress(termios.error, OSError):
            self._before = termios.tcgetattr(self._terminal)
            self._set_mode(termios.TCSAFLUSH)
            asyncio.get_running_loop().add_reader(self._terminal, self._read)

    def resume(self) -> None:
        """Set the mode again, since another program may have changed it. Keys that were typed meanwhile are kept."""
        if self.opened and self.usable:
            with contextlib.suppress(termios.error, OSError):
                self._set_mode(termios.TCSANOW)

    def close(self) -> None:
        """Restore the terminal's mode. In the background it isn't changed, since another program uses it."""
        before, self._before = self._before, None
        if before is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended, and its readers with it
            asyncio.get_running_loop().remove_reader(self._terminal)
        if self.usable:
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(self._terminal, termios.TCSAFLUSH, before)

    def _set_mode(self, when: int) -> None:
        mode = termios.tcgetattr(self._terminal)
        mode[3] &= ~(termios.ICANON | termios.ECHO)
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        termios.tcsetattr(self._terminal, when, mode)

    def _read(self) -> None:
        if not self.usable:
            self.close()
            return
        try:
            data = os.read(self._terminal, 1024)
        except OSError:
            data = b""
        if not data:  # the terminal is gone
            self.close()
        for key in self._decoder.keys(data):
            self._press(key)


def in_foreground(terminal: int) -> bool:
    """Return whether a terminal's keys and screen are ours and not another job's; True where that is unknown."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return True
