"""The one place that prints: what leaves is clean, and a lost terminal, pipe or disk never ends a run.

Texts of models, servers, files and users may hold sequences that a terminal obeys. So control characters leave in a
visible form, whoever writes them: commands, click, logging, warnings, libraries or a traceback. At its first error a
stream falls silent down to its descriptor, so that Python's own flush at the end finds nothing wrong either.
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
# What moves the cursor, clears and colours. Screens need no other sequences.
_DRAWING = re.compile(r"(\x1b\[[0-9;?]*[A-Za-z]|\r)")


class SafeStream(io.TextIOWrapper):
    """A standard stream that cleans what is written to it. After its first error it takes everything in silence."""

    def __init__(self, stream: TextIO, clean: Callable[[str], str]) -> None:
        super().__init__(stream.buffer, stream.encoding, "backslashreplace", line_buffering=True)
        self.problem: OSError | None = None
        self._clean = clean

    def write(self, text: str) -> int:
        """Write the text in its clean form."""
        if self.problem is None:
            try:
                super().write(self._clean(text))
            except OSError as problem:
                self._fall_silent(problem)
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        if self.problem is None:
            try:
                super().flush()
            except OSError as problem:
                self._fall_silent(problem)

    def close(self) -> None:
        """Only flush: the descriptor belongs to the process, and another stream may share it."""
        self.flush()

    def _fall_silent(self, problem: OSError) -> None:
        self.problem = problem
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)


def make_streams_safe() -> None:
    """Put safe streams in place of standard output and standard error, for everything in this process.

    A descriptor that was closed is opened on nothing: the next file to be opened would get it, and what is printed.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < len(_STANDARD):
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for number, (name, mode) in enumerate(_STANDARD.items()):
        if getattr(sys, name) is None:
            nothing = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - for good
            setattr(sys, name, nothing)
            setattr(sys, f"__{name}__", nothing)
    sys.stdout, sys.stderr = SafeStream(sys.stdout, printable_text), SafeStream(sys.stderr, printable_text)


def screen_stream() -> TextIO:
    """Standard error for a screen that draws: its own sequences pass, all others are cleaned."""
    return SafeStream(sys.stderr, _clean_drawing)


def _clean_drawing(text: str) -> str:
    parts = _DRAWING.split(text)
    parts[::2] = map(printable_text, parts[::2])
    return "".join(parts)


def say(text: str, *, err: bool = False) -> None:
    """Print a message, on standard output or standard error. That it can't be written changes nothing."""
    print(printable_text(text), file=sys.stderr if err else sys.stdout, flush=True)


def note(text: str) -> None:
    """Print a note on standard error."""
    say(f"Note: {text}", err=True)


def print_result(text: str) -> None:
    """Print what a command was asked for on standard output.

    Raises:
        OutputError: it can't be written.
        click.exceptions.Exit: nobody reads it to its end, as in a pipe to `head`.
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
        click.exceptions.Exit: nobody reads it to its end.
    """
    print_result(printable_json(document, sys.stdout.encoding))


def ask(question: str, choices: list[str], default: str) -> str:
    """The user's choice, asked on standard error until it is one of those.

    Raises:
        click.Abort: the user breaks off.
    """
    kind = click.Choice(choices)
    answer: str = click.prompt(question, default=default, show_default=False, type=kind, show_choices=False, err=True)
    return answer


def confirm(question: str) -> None:
    """Ask the user on standard error whether to go on.

    Raises:
        click.Abort: no, or the user breaks off.
    """
    click.confirm(printable_text(question), abort=True, err=True)


class _StandardError:
    """Whatever is standard error at the moment: while a screen is drawn, that isn't the terminal."""

    def write(self, text: str) -> None:
        """Write a text."""
        sys.stderr.write(text)

    def flush(self) -> None:
        """Hand on what was written."""
        sys.stderr.flush()


def log_to_stderr(formatter: Formatter, level: int) -> None:
    """Print what is logged from now on, from that level up, on standard error."""
    import logging

    handler = logging.StreamHandler(_StandardError())
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)


def show_usage_error(problem: click.ClickException) -> None:
    """Print what click has to say about the words of a command line."""
    problem.show(sys.stderr)
