"""Whole files: read with a clear sentence when that fails, replaced so that no reader ever sees half of one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from deepfabric_core.errors import ConfigError, OutputError


def read_text(path: Path, *, what: str) -> str:
    """The text of a file that the user named.

    Raises:
        ConfigError: it isn't there, isn't readable or isn't UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        raise ConfigError(f"{path}: the {what} isn't UTF-8 text (byte {problem.start}); save it as UTF-8.") from problem
    except OSError as problem:
        raise ConfigError(f"{path}: the {what} can't be read: {reason(problem)}.") from problem


def replace_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file beside its place, then move it there; on failure the old one stays as it was.

    Raises:
        OutputError: it can't be written.
    """
    path = path.resolve() if path.is_symlink() else path
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as problem:
        _forget(beside)
        raise OutputError(f"{path} can't be written: {reason(problem)}; what stood there is untouched.") from problem


def check_writable(path: Path, *, needed_bytes: int = 0) -> None:
    """Find out before money is spent whether a file can be written; its folders are created.

    Raises:
        ConfigError: it can't, or the disk has no room for it.
    """
    probe = path.with_name(f".{path.name}.{os.getpid()}.probe")
    try:
        _check_kind(path)
        path.parent.mkdir(parents=True, exist_ok=True)
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
    """The operating system's reason in a few words."""
    return (problem.strerror or str(problem)).lower()
