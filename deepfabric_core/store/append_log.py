"""Append-only files of JSON lines: each line is written at once, and an incomplete last line is removed on reading."""

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
    """A line that was read: its number (from 1), its offset in bytes, its bytes without line break, and its object."""

    number: int
    begin: int
    text: bytes
    content: dict[str, Any]


class AppendLog:
    """A file that lines are appended to. Existing lines stay, except an incomplete last one, which `read` removes."""

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
        """Append a line and return its offset; when this returns, the line isn't lost if the process is killed.

        Raises:
            OSError: the disk is full or gone; no incomplete line is left.
        """
        begin = self.size
        if self._torn:
            self.cut_off(begin)
        self._torn = True
        if os.write(self._file, line) < len(line):
            self.cut_off(begin)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._torn = False
        self.size += len(line)
        return begin

    def cut_off(self, end: int) -> None:
        """Remove what is after an offset.

        Raises:
            OSError: it can't be removed.
        """
        os.ftruncate(self._file, end)
        self.size, self._torn = end, False

    def read(self) -> Iterator[LogEntry]:
        """Yield each line, then remove the last one if it is incomplete.

        Raises:
            ConfigError: another line is damaged; the message has its number.
            OutputError: the incomplete line can't be removed.
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

    def mend(self) -> None:
        """Remove an incomplete last line, without reading the others.

        Raises:
            OutputError: it can't be removed.
        """
        end = self.size
        while end:
            begin = max(0, end - _CHUNK)
            found = self.piece(begin, end).rfind(b"\n")
            if found >= 0:
                self._mend(begin + found + 1)
                return
            end = begin
        self._mend(0)

    def damage(self, number: int) -> ConfigError:
        """Return the error for a line that can't be used."""
        return ConfigError(f"{self.path}, line {number}: it is damaged; remove that line or begin anew with --fresh.")

    def _mend(self, end: int) -> None:
        """Make the file end with a complete line."""
        try:
            if end < self.size:
                self.cut_off(end)
            if end and self.piece(end - 1, end) != b"\n":
                self.append(b"\n")
        except OSError as problem:
            raise OutputError(f"{self.path} can't be written: {reason(problem)}; what it holds is safe.") from problem

    def piece(self, begin: int, end: int) -> bytes:
        """Return the bytes between two offsets."""
        return os.pread(self._file, end - begin, begin)

    def sync(self) -> None:
        """Flush the file to the disk, so that a power cut loses nothing. May be called from another thread.

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
        """Whether the path still points to this file."""
        try:
            there, here = self.path.stat(), os.fstat(self._file)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def restore(self) -> None:
        """Write the file again after it was deleted; its content is still readable while it is open.

        Raises:
            OutputError: it can't be written there.
        """
        self.copy(self.path)

    def copy(self, path: Path) -> None:
        """Write the file to a path.

        Raises:
            OutputError: it can't be written there.
        """
        replace_file(path, (self.piece(begin, min(begin + _CHUNK, self.size)) for begin in range(0, self.size, _CHUNK)))

    def close(self) -> None:
        """Close the file and keep it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def discard(self) -> None:
        """Close and delete the file."""
        self.close()
        self.path.unlink(missing_ok=True)


def whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file that may be growing or missing; lines that are incomplete or damaged are left out.

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
    """Return the object in a line, or None; lone surrogates, which can't be encoded, are replaced."""
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
    """Return how many complete lines a file has, which may be growing; 0 if there is no file."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))
