"""The file of a trace: written line by line while a run goes on, and read again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from deepfabric_core.chat.tools import text_of
from deepfabric_core.chat.trace import Trace, TracedCall, TraceHeader, line_of, trace_in
from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.redaction import Redactor
from deepfabric_core.store.append_log import AppendLog
from deepfabric_core.store.files import check_writable, holds_something, reason

# Texts that calls have in common, such as the system prompt, are searched for secrets once.
_REMEMBERED_TEXTS = 512


class TraceLines:
    """Writes the lines of a trace, one as each call ends, by a function that is given.

    Secrets are hidden in all texts. In replies, which are data, those are hidden that are known; elsewhere also what
    only looks like one.
    """

    def __init__(self, redact: Redactor, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._hide = lru_cache(_REMEMBERED_TEXTS)(lambda text: redact(text_of(text)))
        self._hide_known: Callable[[str], str] = lambda text: redact.exactly(text_of(text))

    def of(self, stage: str) -> Callable[[TracedCall], None]:
        """Return a function that records a call of a stage; it raises what writing does."""
        return lambda call: self.record(replace(call, stage=stage))

    def record(self, entry: TraceHeader | TracedCall) -> None:
        """Write the line of an entry."""
        self._write(line_of(entry, self._hide, self._hide_known))


class TraceLog(TraceLines):
    """A trace that is written to a file, after its header; an existing trace is continued.

    Writing raises an OutputError if the disk is full or gone.
    """

    def __init__(self, path: Path, header: TraceHeader, redact: Redactor) -> None:
        super().__init__(redact, self.append)
        self._lines = AppendLog(path)
        with ExitStack() as on_failure:
            on_failure.callback(self.close)
            self._lines.mend()
            self.record(header)
            on_failure.pop_all()

    def append(self, line: bytes) -> None:
        """Write a line, which another process may have made.

        Raises:
            OutputError: the disk is full or gone.
        """
        try:
            self._lines.append(line)
        except OSError as problem:
            path = self._lines.path
            raise OutputError(f"{path} can't be written: {reason(problem)}; the calls it holds are safe.") from problem

    def close(self) -> None:
        """Close the file."""
        self._lines.close()


def check_traceable(path: Path, *, append: bool) -> None:
    """Check that a trace can be written to a file; `append` allows one that holds a trace already.

    Raises:
        ConfigError: the file can't be written, exists already, or holds something else.
    """
    check_writable(path)
    if not holds_something(path):
        return
    if not append:
        raise ConfigError(f"{path} exists already; give --trace another name, or delete that file.")
    try:
        with path.open("rb") as file:
            trace_in([file.readline()], str(path))
    except OSError as problem:
        raise ConfigError(f"{path} can't be read: {reason(problem)}; give --trace another name.") from problem


def read_trace(path: Path) -> Trace:
    """Return the trace in a file; damaged lines are left out, and their numbers are told.

    Raises:
        ConfigError: the file can't be read, or isn't a trace.
    """
    try:
        with path.open("rb") as file:
            return trace_in(file, str(path))
    except OSError as problem:
        raise ConfigError(f"{path}: the trace can't be read: {reason(problem)}.") from problem
