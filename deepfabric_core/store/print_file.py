"""The print file: the print of each sample in the journal, so that a resumed run doesn't make them again.

It is only kept to save time. Entries that are torn, damaged, or of other texts than the journal's are left out, and a
file that another version wrote is begun anew; what is missing is made from the journal and appended.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Literal
from zlib import crc32

from deepfabric_core.errors import OutputError
from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.sample_print import PRINT_BYTES, VERSION, SamplePrint, compared_texts, print_of
from deepfabric_core.store.append_log import AppendLog
from deepfabric_core.store.failure_log import SampleKey
from deepfabric_core.store.files import reason

_HEADER_BYTES = 64
_KEY_BYTES = 8
_CHECK_BYTES = 4
_BODY_BYTES = _KEY_BYTES + _CHECK_BYTES + PRINT_BYTES
_ENTRY_BYTES = _BODY_BYTES + _CHECK_BYTES
_READ_AT_ONCE = 4096 * _ENTRY_BYTES
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


class PrintFile:
    """The open print file; `lines` is what is flushed to the disk now and then."""

    def __init__(self, path: Path) -> None:
        self.lines = AppendLog(path)
        header = _header()
        try:
            if self.lines.piece(0, _HEADER_BYTES) != header:
                self.lines.cut_off(0)
                self.lines.append(header)
            self.lines.cut_off(self.lines.size - (self.lines.size - _HEADER_BYTES) % _ENTRY_BYTES)
        except OSError as problem:
            raise self._unwritable(problem) from problem

    def append(self, key: SampleKey, candidate: Candidate, own: SamplePrint) -> None:
        """Append the print of a candidate that is in the journal.

        Raises:
            OutputError: the disk is full or gone.
        """
        body = short_key(key) + _check(candidate) + own
        try:
            self.lines.append(body + _checksum(body))
        except OSError as problem:
            raise self._unwritable(problem) from problem

    def known(self) -> KnownPrints:
        """Return the prints in the file; they take memory until they are given up."""
        begins = range(_HEADER_BYTES, self.lines.size, _READ_AT_ONCE)
        pieces = (self.lines.piece(begin, min(begin + _READ_AT_ONCE, self.lines.size)) for begin in begins)
        return KnownPrints(_bodies(pieces))

    def _unwritable(self, problem: OSError) -> OutputError:
        return OutputError(f"{self.lines.path} can't be written: {reason(problem)}; no sample is lost by that.")


def known_prints(path: Path) -> KnownPrints | None:
    """Return the prints in a file that isn't changed; None if it can't be read, or another version wrote it."""
    try:
        with path.open("rb") as file:
            if file.read(_HEADER_BYTES) != _header():
                return None
            return KnownPrints(_bodies(iter(partial(file.read, _READ_AT_ONCE), b"")))
    except OSError:
        return None


def _bodies(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the entries that aren't damaged, without their checksums."""
    for piece in pieces:
        for at in range(0, len(piece), _ENTRY_BYTES):
            body = piece[at : at + _BODY_BYTES]
            if _checksum(body) == piece[at + _BODY_BYTES : at + _ENTRY_BYTES]:
                yield body


class KnownPrints:
    """Prints by the work items and the texts of their samples."""

    def __init__(self, bodies: Iterable[bytes]) -> None:
        import numpy as np

        self._bodies = b"".join(bodies)
        layout = np.dtype([("key", "<u8"), ("rest", f"V{_BODY_BYTES - _KEY_BYTES}")])
        keys = np.frombuffer(self._bodies, layout)["key"].astype(np.uint64)
        self._rows = np.argsort(keys, kind="stable")
        self._keys = keys[self._rows]
        self._next = 0

    def __len__(self) -> int:
        return len(self._rows)

    def by_short_key(self) -> dict[bytes, SamplePrint]:
        """Return all prints by the short keys of their work items, for each the last one."""
        bodies = (self._bodies[at : at + _BODY_BYTES] for at in range(0, len(self._bodies), _BODY_BYTES))
        return {body[:_KEY_BYTES]: SamplePrint(body[_KEY_BYTES + _CHECK_BYTES :]) for body in bodies}

    def of(self, key: SampleKey, candidate: Candidate) -> SamplePrint | None:
        """Return the print of a sample, soonest in the file's order; None if there is none of these texts."""
        sought = short_key(key) + _check(candidate)
        for row in self._rows_of(sought[:_KEY_BYTES]):
            own = self._bodies[row * _BODY_BYTES : (row + 1) * _BODY_BYTES]
            if own.startswith(sought):
                self._next = row + 1
                return SamplePrint(own[len(sought) :])
        return None

    def _rows_of(self, key: bytes) -> Iterator[int]:
        """Yield the row after the one that was found last, and all rows with this key."""
        import numpy as np

        yield self._next
        number = np.uint64(int.from_bytes(key, "little"))
        begin, end = (int(self._keys.searchsorted(number, side=side)) for side in _SIDES)
        yield from map(int, self._rows[begin:end])


def restored(file: PrintFile, samples: Iterable[tuple[int, SampleKey, Candidate]]) -> Iterator[tuple[int, SamplePrint]]:
    """Yield the print of each sample after the number it came with, and add those that the file lacks.

    Raises:
        OutputError: the disk is full or gone.
    """
    known = file.known()
    for number, key, candidate in samples:
        if (own := restored_print(file, known, key, candidate)) is not None:
            yield number, own


def restored_print(file: PrintFile, known: KnownPrints, key: SampleKey, candidate: Candidate) -> SamplePrint | None:
    """Return the known print of a sample, or make it and add it to the file; None if the sample has no words.

    Raises:
        OutputError: the disk is full or gone.
    """
    own = known.of(key, candidate)
    if own is None and (own := print_of(candidate)) is not None:
        file.append(key, candidate, own)
    return own


def _header() -> bytes:
    """Return what a file begins with: whatever decides how a print is made."""
    parts = f"deepfabric prints {VERSION}, rensa {version('rensa')}, unicode {unicodedata.unidata_version}"
    return parts.encode()[: _HEADER_BYTES - 1].ljust(_HEADER_BYTES - 1) + b"\n"


def short_key(key: SampleKey) -> bytes:
    """Return the few bytes that stand for a work item."""
    text = f"{key[0]}\n{key[1]}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=_KEY_BYTES).digest()


def _check(candidate: Candidate) -> bytes:
    return _checksum("\n".join(compared_texts(candidate)).encode("utf-8", "surrogatepass"))


def _checksum(content: bytes) -> bytes:
    return crc32(content).to_bytes(_CHECK_BYTES, "big")
