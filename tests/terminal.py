"""A program on a terminal of its own, which draws what the program writes, and types."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyte

from tests import ROOT

_PATIENCE = 60.0
# What a terminal shows all at once.
_TOGETHER, _TOGETHER_ENDS = b"\x1b[?2026h", b"\x1b[?2026l"
# Takes the terminal as its own, as a login does, and becomes the program.
_LOGIN = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"


class Terminal:
    """Reads all the while that something is waited for: a full terminal would stop the program."""

    def __init__(self, *command: str, place: Path, size: tuple[int, int] = (80, 24), **environment: str) -> None:
        self._ours, self._theirs = pty.openpty()
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self._undrawn = b""
        self.written = ""
        self.resize(*size)
        self.mode_before = self.mode
        self.process = subprocess.Popen(
            [sys.executable, "-c", _LOGIN, *command],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **environment},
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)

    @property
    def lines(self) -> list[str]:
        """What is on the screen."""
        return list(self.screen.display)

    @property
    def mode(self) -> list[Any]:
        """How the terminal works: whether it echoes, and so on."""
        return termios.tcgetattr(self._theirs)

    def shows(self, text: str) -> bool:
        """Whether that is on the screen, however its lines are broken."""
        return text in " ".join(" ".join(self.lines).split())

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._ours, text.encode())

    def send(self, number: signal.Signals) -> None:
        """Send the program a signal."""
        self.process.send_signal(number)

    def resize(self, columns: int, lines: int) -> None:
        """Have another size."""
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def wait_for(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + _PATIENCE
        while not holds():
            assert time.monotonic() < deadline, "\n".join(self.lines)
            self._read()

    def wait_for_text(self, text: str) -> None:
        """Wait until that is on the screen."""
        self.wait_for(lambda: self.shows(text))

    def end(self) -> int:
        """Wait until the program has ended; its exit code."""
        self.wait_for(lambda: self.process.poll() is not None)
        while self._read():
            pass
        return self.process.wait()

    def _read(self) -> bool:
        if not select.select([self._ours], [], [], 0.05)[0]:
            return False
        data = os.read(self._ours, 65536)
        self.written += data.decode("utf-8", "replace")
        self._undrawn += data
        begun, ended = self._undrawn.rfind(_TOGETHER), self._undrawn.rfind(_TOGETHER_ENDS)
        whole = len(self._undrawn) if begun <= ended else begun
        self._stream.feed(self._undrawn[:whole])
        self._undrawn = self._undrawn[whole:]
        return True


def deepfabric(place: Path, *arguments: str, size: tuple[int, int] = (80, 24), **environment: str) -> Terminal:
    """The command line on a terminal."""
    command = (sys.executable, "-m", "deepfabric_core", *arguments)
    return Terminal(*command, place=place, size=size, **environment)
