"""Open a file for reading, decompressed if its name says that it is compressed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, cast

from deepfabric_core.errors import ConfigError


def open_decompressed(path: Path) -> IO[bytes]:
    """Return an open file.

    Raises:
        ConfigError: what decompresses it isn't installed.
        OSError: it can't be read.
    """
    kind = path.suffix.lower()
    return _KINDS[kind](path) if kind in _KINDS else path.open("rb")


def name_inside(path: Path) -> Path:
    """Return a path without the ending that says how it is compressed."""
    return path.with_suffix("") if path.suffix.lower() in _KINDS else path


def _zstandard(path: Path) -> IO[bytes]:
    try:
        import zstandard  # type: ignore[import-not-found]
    except ImportError:
        return _by_arrow(path)
    return cast("IO[bytes]", zstandard.open(path, "rb"))


def _by_arrow(path: Path) -> IO[bytes]:
    try:
        import pyarrow as pa  # type: ignore[import-untyped]

        stream: Any = io.BufferedReader(pa.CompressedInputStream(pa.OSFile(str(path)), "zstd"))
    except (ImportError, ValueError) as problem:
        raise ConfigError(
            f"{path}: to read .zst, install zstandard (pip install zstandard), or unpack it."
        ) from problem
    return cast("IO[bytes]", stream)


def _gzip(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(path, "rb"))


def _xz(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", lzma.LZMAFile(path, "rb"))


_KINDS: Mapping[str, Callable[[Path], IO[bytes]]] = {
    ".gz": _gzip,
    ".bz2": lambda path: cast("IO[bytes]", bz2.BZ2File(path, "rb")),
    ".xz": _xz,
    ".zst": _zstandard,
}
