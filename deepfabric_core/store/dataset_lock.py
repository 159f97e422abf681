"""One writer for each dataset: a lock beside it, which is gone when its holder is."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from deepfabric_core.errors import ConfigError
from deepfabric_core.store.files import PRIVATE, make_folder, reason, written_at

# Somebody else may be deleting the lock at the moment it is taken; more often than this in a row means trouble.
_TRIES = 100


def lock_of(dataset: Path) -> Path:
    """Where the lock of a dataset is while a run writes it."""
    dataset = Path(os.path.realpath(dataset))
    return dataset.with_name(f".{dataset.name}.lock")


class DatasetLock:
    """The right of one process to write a dataset; it ends with the process, however that ends.

    The lock's file is deleted by its holder. So whoever gets the lock looks whether it is still the file of that name:
    otherwise it holds a deleted one, and takes the next.
    """

    def __init__(self, dataset: Path) -> None:
        self._path = lock_of(dataset)
        try:
            make_folder(self._path.parent)
            for _ in range(_TRIES):
                if self._taken(dataset):
                    return
        except OSError as problem:
            raise ConfigError(f"{dataset} can't be written: {reason(problem)}; choose another place.") from problem
        raise ConfigError(f"{self._path} can't be locked; delete it if no run is at work.")

    def _taken(self, dataset: Path) -> bool:
        import filelock

        self._file = -1
        self._lock = filelock.FileLock(
            self._path, timeout=0, thread_local=False, mode=PRIVATE, on_acquired=self._remember
        )
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise ConfigError(
                f"{_writing(self._path, dataset)}: wait for it, stop it, or give this run another output.save_as."
            ) from None
        if not _leads_to(self._path, self._file):
            self._lock.release()
            return False
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()} ".encode(), 0)
        return True

    def _remember(self, descriptor: int) -> None:
        self._file = descriptor

    def release(self) -> None:
        """Let others write it. A lock that can't be deleted is one that nobody holds."""
        if os.name != "nt":  # there a file that is open can't be deleted
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
        self._lock.release()


def _leads_to(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def writer_of(lock: Path) -> int:
    """The number of the process that took a lock last; 0 where that isn't known."""
    try:
        return int(lock.read_text().partition(" ")[0])
    except (OSError, ValueError):
        return 0


def _writing(lock: Path, dataset: Path) -> str:
    process, since = writer_of(lock), time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(written_at(lock)))
    return f"Process {process} is writing {dataset} since {since}" if process else f"{dataset} is being written"
