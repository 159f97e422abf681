"""Reading what another process is writing, and nothing but reading: no lock is taken, no line is mended."""

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
    """The whole lines of a file, each once, as it grows; a torn last one waits for its rest.

    What is open can be read to its end also when the file has been deleted meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0
        self._file: BinaryIO | None = None

    def lines(self, until: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Each new line that begins before that byte, and where it begins.

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
        """What each new line says; one that is damaged is left out."""
        for _, line in self.lines():
            content = read_line(line)
            if content is not None:
                yield content

    def _opened(self) -> BinaryIO | None:
        """The file that is there now, or else the one that was."""
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
        """Whether there is, or was, anything to read."""
        return self._opened() is not None

    @property
    def written_at(self) -> float:
        """When it was last written, as far as is known of it; 0 where it was never there."""
        return os.fstat(self._file.fileno()).st_mtime if self._file else written_at(self.path)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def is_worked_on(place: CheckpointFiles) -> bool:
    """Whether a process holds the checkpoint, without standing in the way of one that is about to.

    Linux tells which locks are held. Elsewhere the lock has to be tried, which takes it for an instant where it is
    free: so only while the process is alive that held it last.

    Raises:
        ConfigError: the checkpoint can't be read.
    """
    locked = _is_held(place.lock)
    return is_alive(read_metadata(place).process) and is_held(place) if locked is None else locked


def is_being_written(dataset: Path) -> bool:
    """Whether a run writes a dataset at this moment."""
    lock = lock_of(dataset)
    locked = _is_held(lock)
    return is_alive(writer_of(lock)) if locked is None else locked


def _is_held(lock: Path) -> bool | None:
    """Whether somebody holds a lock, or None where the operating system doesn't tell."""
    try:
        number = lock.stat().st_ino
    except OSError:
        return False
    try:
        return f":{number} " in _LOCKS.read_text()
    except OSError:
        return None
