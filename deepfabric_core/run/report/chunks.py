"""Cut a file of lines into chunks, each of whole lines, so that processes can share the reading."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_SIZE = 1 << 22


class Chunk(NamedTuple):
    """A piece of a file: its bytes from `begin` up to `end`, which begin with this line (from 1)."""

    begin: int
    end: int
    first_line: int


def chunks_of(path: Path, size: int = _SIZE) -> Iterator[Chunk]:
    """Yield the chunks of a file, in order; each has about this size, or that of its single longer line.

    Raises:
        OSError: it can't be read.
    """
    begin, line = 0, 1
    with path.open("rb") as file:
        while piece := file.read(size):
            rest = b"" if piece.endswith(b"\n") else file.readline()
            end = begin + len(piece) + len(rest)
            yield Chunk(begin, end, line)
            line += piece.count(b"\n") + rest.count(b"\n")
            begin = end


def lines_in(path: Path, chunk: Chunk) -> Iterator[tuple[int, int, bytes]]:
    """Yield each line of a chunk after its number and its offset in the file; empty lines are left out.

    Raises:
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        file.seek(chunk.begin)
        offset = chunk.begin
        number = chunk.first_line
        while offset < chunk.end and (line := file.readline()):
            if line.strip():
                yield number, offset, line
            offset += len(line)
            number += 1
