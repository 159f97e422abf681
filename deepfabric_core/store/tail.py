"""Follow files that another process is writing, without taking locks or changing the files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from deepfabric_core.errors import ConfigError
from deepfabric_core.store.append_log import read_line
from deepfabric_core.store.checkpoint_files import CheckpointFiles, is_held, read_metadata
from deepfabric_core.store.dataset_lock import lock_of, writer_of
from deepfabric_core.store.files import is_alive, reason, written_at

_LOCKS = Path("/proc/locks")


class Tail:
    """Reads the complete lines of a growing file, each once; an incomplete last line is read when it is complete.

    An open file can be read to its end even if it has been deleted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0
        self._file: BinaryIO | None = None

    def lines(self, until: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield each new line with its offset; with `until`, only lines that begin before that offset.

        Raises:
            ConfigError: the file can't be read.
        """
        file = self._opened()
        if file is None:
            return
        file.seek(self._read)
        for line in file:
            begin = self._read
            if not line.endswith(b"\n") or (until is not None and begin >= until):
                return
            self._read += len(line)
            yield begin, line

    def objects(self) -> Iterator[dict[str, Any]]:
        """Yield the object of each new line; damaged lines are left out."""
        for _, line in self.lines():
            content = read_line(line)
            if content is not None:
                yield content

    def _opened(self) -> BinaryIO | None:
        """Return the file that exists now, or else the one that was opened before."""
        try:
            there = self.path.stat()
            if self._file is None or not os.path.samestat(there, os.fstat(self._file.fileno())):
                file = self.path.open("rb")
                self.close()
                self._file = file
        except FileNotFoundError:
            pass
        except OSError as problem:
            raise ConfigError(f"{self.path} can't be read: {reason(problem)}.") from problem
        return self._file

    @property
    def is_there(self) -> bool:
        """Whether the file exists or has been opened."""
        return self._opened() is not None

    @property
    def written_at(self) -> float:
        """When the file was last written, in seconds since the epoch; 0 if it never existed."""
        return os.fstat(self._file.fileno()).st_mtime if self._file else written_at(self.path)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def is_worked_on(files: CheckpointFiles) -> bool:
    """Return whether a process works on the checkpoint, without blocking one that is about to.

    Linux lists the locks that are held. Elsewhere the lock has to be tried, which holds it for a moment if it is free:
    so it is tried only while the process that held it last is alive.

    Raises:
        ConfigError: the checkpoint can't be read.
    """
    locked = _is_held(files.lock)
    return is_alive(read_metadata(files).process) and is_held(files) if locked is None else locked


def is_being_written(dataset: Path) -> bool:
    """Return whether a run is writing a dataset now."""
    lock = lock_of(dataset)
    locked = _is_held(lock)
    return is_alive(writer_of(lock)) if locked is None else locked


def _is_held(lock: Path) -> bool | None:
    """Return whether a process holds a lock, or None if the operating system doesn't list locks."""
    try:
        number = lock.stat().st_ino
    except OSError:
        return False
    try:
        return f":{number} " in _LOCKS.read_text()
    except OSError:
        return None
