"""The lock file beside a dataset, so that only one process writes it."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from deepfabric_core.errors import ConfigError
from deepfabric_core.store.files import PRIVATE, make_folder, reason, written_at

# Another process may delete the lock at the moment it is taken; so many times in a row means that something is wrong.
_TRIES = 100


def lock_of(dataset: Path) -> Path:
    """Return the path of the lock of a dataset, which exists while a run writes the dataset."""
    dataset = Path(os.path.realpath(dataset))
    return dataset.with_name(f".{dataset.name}.lock")


class DatasetLock:
    """The lock of a dataset, which one process holds until it releases it or ends.

    The holder deletes the lock file. So a process that gets the lock checks that the file still has that name;
    otherwise it has locked a deleted file, and tries again.
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
        """Delete the lock file, if possible, and release the lock."""
        if os.name != "nt":  # Windows can't delete an open file
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
        self._lock.release()


def _leads_to(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def writer_of(lock: Path) -> int:
    """Return the id of the process that took a lock last; 0 if it isn't known."""
    try:
        return int(lock.read_text().partition(" ")[0])
    except (OSError, ValueError):
        return 0


def _writing(lock: Path, dataset: Path) -> str:
    process, since = writer_of(lock), time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(written_at(lock)))
    return f"Process {process} is writing {dataset} since {since}" if process else f"{dataset} is being written"
