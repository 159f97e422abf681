"""Merge the shards of a finished run into one dataset, in the order of the plan, by streaming."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.samples.shards import Shard, merged_blocks
from deepfabric_core.store.files import delete_file, reason, replace_file
from deepfabric_core.store.shard_files import ShardFiles, ShardTotals

_MOST_OPEN = 200
_CHUNK = 1 << 20
_OF_REPAIRED = b'{"repaired": '
_MOST_REPAIRED = 1000


def merge(
    dataset: Path, shards: Sequence[Shard], files: Mapping[int, ShardFiles], done: Mapping[int, ShardTotals]
) -> None:
    """Write the dataset. In memory are a number for each shard and a few open files.

    Args:
        dataset: the file to write.
        shards: all shards of the plan.
        files: the files of each shard, by its number.
        done: what each shard has made, by its number.

    Raises:
        OutputError: it can't be written, or a shard's samples can't be read.
    """
    replace_file(dataset, _blocks(shards, files, done))


def _blocks(
    shards: Sequence[Shard], files: Mapping[int, ShardFiles], done: Mapping[int, ShardTotals]
) -> Iterator[bytes]:
    readers = _Readers()
    try:
        for place, cycle in merged_blocks(shards):
            shard = shards[place]
            number, blocks = shard.number, done[shard.number].blocks
            if count := blocks[cycle - shard.first_cycle]:
                yield from readers.lines(files[number].dataset, count)
    except OSError as problem:
        raise OutputError(f"The samples of a shard can't be read: {reason(problem)}.") from problem
    finally:
        readers.close()


class _Readers:
    """Open files that are read on, a few at a time; how far each of the others was read is kept."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, BinaryIO] = OrderedDict()
        self._places: dict[Path, int] = {}

    def lines(self, path: Path, count: int) -> Iterator[bytes]:
        """Yield the next lines of a file."""
        file = self._file(path)
        for _ in range(count):
            line = file.readline()
            if not line.endswith(b"\n"):
                raise ConfigError(f"{path}: it has fewer samples than were made; begin anew with --fresh.")
            yield line

    def _file(self, path: Path) -> BinaryIO:
        if path in self._open:
            self._open.move_to_end(path)
            return self._open[path]
        if len(self._open) >= _MOST_OPEN:
            oldest, file = self._open.popitem(last=False)
            self._places[oldest] = file.tell()
            file.close()
        file = self._open[path] = path.open("rb")
        file.seek(self._places.get(path, 0))
        return file

    def close(self) -> None:
        """Close all files."""
        for file in self._open.values():
            file.close()


def merge_failures(path: Path, files: Sequence[ShardFiles]) -> bool:
    """Write the failures of all shards to a file, the samples first, or delete it; return whether there are any.

    Raises:
        OutputError: it can't be written.
    """
    return _write_or_delete(path, _failures(files))


def _failures(files: Sequence[ShardFiles]) -> Iterator[bytes]:
    repaired = 0
    for wanted in (False, True):
        for shard in files:
            for line in _lines(shard.dataset.with_name(f"{shard.dataset.stem}.failures.jsonl")):
                if (_is_call(line)) is wanted and repaired < _MOST_REPAIRED:
                    repaired += wanted
                    yield line


def _is_call(line: bytes) -> bool:
    return line.startswith(_OF_REPAIRED)


def merge_rejected(path: Path, files: Sequence[ShardFiles]) -> bool:
    """Write the rejected samples of all shards to a file, or delete it; return whether there are any.

    Raises:
        OutputError: it can't be written.
    """
    return _write_or_delete(path, (line for shard in files for line in _lines(shard.checkpoint.rejected)))


def _write_or_delete(path: Path, lines: Iterator[bytes]) -> bool:
    first = next(lines, None)
    if first is None:
        delete_file(path)
        return False

    def all_lines() -> Iterator[bytes]:
        yield first
        yield from lines

    replace_file(path, all_lines())
    return True


def _lines(path: Path) -> Iterator[bytes]:
    if path.exists():
        with path.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))
