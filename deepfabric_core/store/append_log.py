"""Files that grow by whole lines, each handed to the operating system at once, and how they are read after a crash."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from deepfabric_core.chat.tools import text_of
from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.store.files import PRIVATE, make_folder, reason, replace_file, sync_folder

_CHUNK = 1 << 20
_HALF_A_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")


class LogEntry(NamedTuple):
    """A line as it was read: its number, where it begins, its bytes without the line break, and what it says."""

    number: int
    begin: int
    text: bytes
    content: dict[str, Any]


class AppendLog:
    """A file that lines are added to. What it holds when it is opened stays, but for a torn last line."""

    def __init__(self, path: Path, *, new: bool = False) -> None:
        self.path = path
        self._torn = self._named = False
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | (os.O_EXCL if new else 0)
        try:
            make_folder(path.parent)
            self._file = os.open(path, flags, PRIVATE)
            self.size = os.fstat(self._file).st_size
        except FileExistsError:
            raise
        except OSError as problem:
            raise OutputError(f"{path} can't be written: {reason(problem)}; choose another place.") from problem

    def append(self, line: bytes) -> int:
        """Add a line; when this returns, a killed process doesn't lose it. Answers where it begins.

        Raises:
            OSError: the disk is full or gone; no half line stays.
        """
        begin = self.size
        if self._torn:
            self._cut_off(begin)
        self._torn = True
        if os.write(self._file, line) < len(line):
            self._cut_off(begin)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._torn = False
        self.size += len(line)
        return begin

    def _cut_off(self, end: int) -> None:
        os.ftruncate(self._file, end)
        self.size, self._torn = end, False

    def read(self) -> Iterator[LogEntry]:
        """Each line. A torn last one is cut off.

        Raises:
            ConfigError: another line is damaged; its number is named.
            OutputError: the torn line can't be cut off.
        """
        begin = 0
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(0)
            for number, line in enumerate(file, 1):
                content = _parsed(line)
                if content is None and not line.endswith(b"\n"):
                    break
                if content is None and line.strip():
                    raise self.damage(number)
                if content is not None:
                    yield LogEntry(number, begin, line.rstrip(b"\r\n"), content)
                begin += len(line)
        self._mend(begin)

    def damage(self, number: int) -> ConfigError:
        """The error for a line that can't be used."""
        return ConfigError(f"{self.path}, line {number}: it is damaged; remove that line or begin anew with --fresh.")

    def _mend(self, end: int) -> None:
        """Let the file end with a whole line."""
        try:
            if end < self.size:
                self._cut_off(end)
            if end and self.piece(end - 1, end) != b"\n":
                self.append(b"\n")
        except OSError as problem:
            raise OutputError(f"{self.path} can't be written: {reason(problem)}; what it holds is safe.") from problem

    def piece(self, begin: int, end: int) -> bytes:
        """The bytes between two places."""
        return os.pread(self._file, end - begin, begin)

    def sync(self) -> None:
        """Make sure that a power cut loses nothing either. May be called from another thread.

        Raises:
            OutputError: the disk is full or gone.
        """
        try:
            os.fsync(self._file)
            if not self._named:
                sync_folder(self.path.parent)
                self._named = True
        except OSError as problem:
            raise OutputError(f"{self.path} can't be made safe on its disk: {reason(problem)}.") from problem

    @property
    def in_place(self) -> bool:
        """Whether the path still leads to this file."""
        try:
            there, here = self.path.stat(), os.fstat(self._file)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def restore(self) -> None:
        """Write the file anew after somebody deleted it: it lives on as long as it is open.

        Raises:
            OutputError: it can't be written there.
        """
        pieces = (self.piece(begin, min(begin + _CHUNK, self.size)) for begin in range(0, self.size, _CHUNK))
        replace_file(self.path, pieces)

    def close(self) -> None:
        """Close the file and leave it where it is."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def discard(self) -> None:
        """Close and delete the file."""
        self.close()
        self.path.unlink(missing_ok=True)


def whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    """What the lines of a file say that may just be growing, or isn't there; one that isn't whole is left out.

    Raises:
        ConfigError: the file can't be read.
    """
    try:
        with path.open("rb") as file:
            for line in file:
                content = read_line(line)
                if content is not None:
                    yield content
    except FileNotFoundError:
        return
    except OSError as problem:
        raise ConfigError(f"{path} can't be read: {reason(problem)}.") from problem


def read_line(line: bytes) -> dict[str, Any] | None:
    """The object in a line, or None; half a character, which no screen and no other file can hold, is replaced."""
    content = _parsed(line)
    if content is not None and _HALF_A_CHARACTER.search(line):
        return _parsed(text_of(content).encode())
    return content


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def count_lines(path: Path) -> int:
    """How many whole lines a file has that may just be growing; none where there is no file."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))
