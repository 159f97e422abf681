"""Read whole files with clear error messages, and replace them atomically.

Files and folders are created with access for their user only: they hold prompts and data. A file that is replaced
keeps its mode.
"""

from __future__ import annotations

import errno
import glob
import os
import re
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from deepfabric_core.errors import ConfigError, OutputError

PRIVATE = 0o600
_PRIVATE_FOLDER = 0o700
# The errors of file systems that can't sync a folder.
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EISDIR)


def read_text(path: Path, *, what: str) -> str:
    """Return the text of a file that the user named; `what` it is goes into messages.

    Raises:
        ConfigError: it doesn't exist, can't be read or isn't UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        raise ConfigError(f"{path}: the {what} isn't UTF-8 text (byte {problem.start}); save it as UTF-8.") from problem
    except OSError as problem:
        raise ConfigError(f"{path}: the {what} can't be read: {reason(problem)}.") from problem


def replace_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a temporary file in the same folder, then rename it to `path`; on failure the old file is unchanged.

    When this returns, a power cut doesn't lose the new file.

    Raises:
        OutputError: it can't be written.
    """
    path = _target(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        make_folder(path.parent)
        _write(beside, chunks, mode=_mode_of(path))
        beside.replace(path)
    except OSError as problem:
        _forget(beside)
        raise OutputError(f"{path} can't be written: {reason(problem)}; what stood there is untouched.") from problem
    try:
        sync_folder(path.parent)
    except OSError as problem:
        raise OutputError(f"{path} can't be made safe on its disk: {reason(problem)}.") from problem


def _target(path: Path) -> Path:
    """Return the target of a symbolic link, or the path itself."""
    return path.resolve() if path.is_symlink() else path


def _write(path: Path, chunks: Iterable[bytes], *, mode: int) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        if mode != PRIVATE:
            path.chmod(mode)
        file.writelines(chunks)
        file.flush()
        os.fsync(descriptor)


def _mode_of(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return PRIVATE


def make_folder(path: Path) -> None:
    """Create a folder, and its missing parents.

    Raises:
        OSError: it can't be created.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
        sync_folder(folder.parent)
    if not path.is_dir():
        path.mkdir()  # raises the error that says what is wrong


def sync_folder(path: Path) -> None:
    """Flush a folder to the disk, so that a power cut loses no file names, if its file system supports that.

    Raises:
        OSError: the disk is full or gone.
    """
    if os.name == "nt":
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as problem:
        if problem.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)


def holds_something(path: Path) -> bool:
    """Return whether there is a file that isn't empty."""
    try:
        return path.stat().st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False


def size_of(path: Path) -> int:
    """Return the size of a file in bytes; 0 if there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def delete_file(path: Path) -> None:
    """Delete a file, if there is one; when this returns, a power cut doesn't bring it back.

    Raises:
        OutputError: it can't be deleted.
    """
    try:
        if path.exists():
            path.unlink()
            sync_folder(path.parent)
    except OSError as problem:
        raise OutputError(f"{path} can't be deleted: {reason(problem)}; it is of an older run.") from problem


def remove_leftovers(path: Path) -> None:
    """Delete temporary files beside a file that processes left which no longer exist."""
    path = _target(path)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        process = re.fullmatch(r"\.(\d+)\.(?:tmp|probe)", left.name.removeprefix(f".{path.name}"))
        if process and not is_alive(int(process[1])):
            _forget(left)


def written_at(path: Path) -> float:
    """Return when a file was last written, in seconds since the epoch; 0 if there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock of a lock file; to find out, a free one is held for a moment."""
    import filelock

    if not path.exists():
        return False
    probe = filelock.FileLock(path, timeout=0, thread_local=False)
    try:
        probe.acquire()
    except (filelock.Timeout, OSError):
        return True
    probe.release()
    return False


def is_alive(process: int) -> bool:
    """Return whether there is a process with this id on this machine."""
    try:
        os.kill(process, 0)
    except (PermissionError, OverflowError):
        return True
    except OSError:
        return False
    return True


def check_writable(path: Path, *, needed_bytes: int = 0) -> None:
    """Check that a file can be written, before any call is paid; create its folders.

    Raises:
        ConfigError: it can't be written, or the disk has fewer than `needed_bytes` free.
    """
    probe = path.with_name(f".{path.name}.{os.getpid()}.probe")
    try:
        _check_kind(path)
        make_folder(path.parent)
        probe.write_bytes(b"\n" * 4096)
        probe.unlink()
        free = shutil.disk_usage(path.parent).free
    except OSError as problem:
        _forget(probe)
        raise ConfigError(f"{path} can't be written: {reason(problem)}; choose another place.") from problem
    if path.exists() and not os.access(path, os.W_OK):
        raise ConfigError(f"{path} can't be overwritten: permission denied; choose another place.")
    if free < needed_bytes:
        raise ConfigError(
            f"{path} can't be written: about {needed_bytes >> 10:,} KiB are needed and {free >> 10:,} KiB are free; "
            "free some space or choose another place."
        )


def _check_kind(path: Path) -> None:
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; name a file in it.")
    if path.exists() and not path.is_file():
        raise ConfigError(f"{path} is not a regular file; name one.")
    if file := next((parent for parent in path.parents if parent.exists() and not parent.is_dir()), None):
        raise ConfigError(f"{path} can't be written: {file} is a file, not a folder; choose another place.")


def _forget(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def reason(problem: OSError) -> str:
    """Return the operating system's reason in lower case."""
    return (problem.strerror or str(problem)).lower()
