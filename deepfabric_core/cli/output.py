"""The only module that prints: control characters are escaped, and a lost terminal, pipe or disk doesn't end a run.

Texts of models, servers, files and users may contain escape sequences that a terminal would execute. So control
characters are printed in visible form, whatever writes them: commands, click, logging, warnings, libraries or a
traceback. After its first error, a stream discards everything, and its descriptor is redirected to the null device, so
that Python's flush at exit doesn't fail either.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

import click

from deepfabric_core.errors import OutputError
from deepfabric_core.printable import printable_json, printable_text

if TYPE_CHECKING:
    from logging import Formatter

_STANDARD = {"stdin": "r", "stdout": "w", "stderr": "w"}
# Sequences that move the cursor, clear the screen and set colours: all that screens need.
_DRAWING = re.compile(r"(\x1b\[[0-9;?]*[A-Za-z]|\r)")


class SafeStream(io.TextIOWrapper):
    """A standard stream that escapes control characters. After its first error it discards everything."""

    def __init__(self, stream: TextIO, clean: Callable[[str], str]) -> None:
        super().__init__(stream.buffer, stream.encoding, "backslashreplace", line_buffering=True)
        self.problem: OSError | None = None
        self._clean = clean

    def write(self, text: str) -> int:
        """Write the text, with control characters escaped."""
        if self.problem is None:
            try:
                super().write(self._clean(text))
            except OSError as problem:
                self._fall_silent(problem)
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        if self.problem is None:
            try:
                super().flush()
            except OSError as problem:
                self._fall_silent(problem)

    def close(self) -> None:
        """Flush only: the descriptor belongs to the process, and another stream may share it."""
        self.flush()

    def _fall_silent(self, problem: OSError) -> None:
        self.problem = problem
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)


def make_streams_safe() -> None:
    """Replace standard output and standard error by safe streams, for everything in this process.

    A closed descriptor is opened on the null device: otherwise the next opened file would get it, and all printed text.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < len(_STANDARD):
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for number, (name, mode) in enumerate(_STANDARD.items()):
        if getattr(sys, name) is None:
            nothing = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - never closed
            setattr(sys, name, nothing)
            setattr(sys, f"__{name}__", nothing)
    sys.stdout, sys.stderr = SafeStream(sys.stdout, printable_text), SafeStream(sys.stderr, printable_text)


def screen_stream() -> TextIO:
    """Return standard error as a stream for a screen: drawing sequences pass, other control characters are escaped."""
    return SafeStream(sys.stderr, _clean_drawing)


def _clean_drawing(text: str) -> str:
    parts = _DRAWING.split(text)
    parts[::2] = map(printable_text, parts[::2])
    return "".join(parts)


def say(text: str, *, err: bool = False) -> None:
    """Print a message on standard output or standard error. A failure to write is ignored."""
    print(printable_text(text), file=sys.stderr if err else sys.stdout, flush=True)


def note(text: str) -> None:
    """Print a note on standard error."""
    say(f"Note: {text}", err=True)


def terminal_width() -> int | None:
    """Return the width of the terminal; None where standard output goes elsewhere."""
    import shutil

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_result(text: str) -> None:
    """Print the result of a command on standard output.

    Raises:
        OutputError: it can't be written.
        click.exceptions.Exit: the reader of a pipe has closed it, such as `head`.
    """
    print(printable_text(text), end="" if text.endswith("\n") else "\n", flush=True)
    problem = getattr(sys.stdout, "problem", None)
    if isinstance(problem, BrokenPipeError):
        raise click.exceptions.Exit(1)
    if problem is not None:
        raise OutputError(f"Standard output can't be written: {problem.strerror.lower()}; send it elsewhere.")


def print_json(document: Any) -> None:
    """Print a document as JSON on standard output.

    Raises:
        OutputError: it can't be written.
        click.exceptions.Exit: the reader of a pipe has closed it.
    """
    print_result(printable_json(document, sys.stdout.encoding))


def ask(question: str, choices: list[str], default: str) -> str:
    """Ask the user on standard error until the answer is one of the choices, and return it.

    Raises:
        click.Abort: the user aborts.
    """
    kind = click.Choice(choices)
    answer: str = click.prompt(question, default=default, show_default=False, type=kind, show_choices=False, err=True)
    return answer


def confirm(question: str) -> None:
    """Ask the user on standard error whether to go on.

    Raises:
        click.Abort: the user declines or aborts.
    """
    click.confirm(printable_text(question), abort=True, err=True)


class _StandardError:
    """The current `sys.stderr`, looked up at each call: while a screen is drawn, it isn't the terminal."""

    def write(self, text: str) -> None:
        """Write a text."""
        sys.stderr.write(text)

    def flush(self) -> None:
        """Flush the stream."""
        sys.stderr.flush()


def log_to_stderr(formatter: Formatter, level: int) -> None:
    """Print log lines of that level and above on standard error from now on."""
    import logging

    handler = logging.StreamHandler(_StandardError())
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)


def show_usage_error(problem: click.ClickException) -> None:
    """Print click's message about a wrong command line."""
    problem.show(sys.stderr)
