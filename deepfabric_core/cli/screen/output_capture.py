"""Hold back other output to the terminal, such as a library's warnings, which would damage the screen."""

from __future__ import annotations

import contextlib
import io
import sys
from collections import deque
from collections.abc import Iterator
from typing import TextIO

_KEPT = 1000


class _Held(io.TextIOBase):
    """A stream that keeps the latest pieces of text."""

    def __init__(self) -> None:
        self.pieces: deque[str] = deque(maxlen=_KEPT)

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return len(text)


@contextlib.contextmanager
def held_back(terminal: TextIO) -> Iterator[None]:
    """Hold back standard output and standard error where they are terminals, and write it to `terminal` at the end."""
    if not terminal.isatty():
        yield
        return
    held = _Held()
    with contextlib.ExitStack() as redirected:
        if sys.stdout.isatty():
            redirected.enter_context(contextlib.redirect_stdout(held))
        if sys.stderr.isatty():
            redirected.enter_context(contextlib.redirect_stderr(held))
        try:
            yield
        finally:
            redirected.close()
            with contextlib.suppress(OSError):  # the terminal is gone
                terminal.write("".join(held.pieces))
                terminal.flush()
