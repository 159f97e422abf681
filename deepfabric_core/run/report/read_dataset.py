"""Read a dataset's file once: its sums, and the samples that are nearly another one, of it or of another dataset."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from deepfabric_core.errors import ConfigError
from deepfabric_core.run.report.chunks import chunks_of
from deepfabric_core.run.report.measure_chunk import ChunkSums
from deepfabric_core.run.report.near_duplicates import FilePrints, PairCount, compare
from deepfabric_core.run.report.workers import measured, number_of_workers
from deepfabric_core.store.files import reason

# Called with a number of bytes that were read.
BytesRead = Callable[[int], None]


class DatasetReading:
    """What is known of a dataset once its file is read; `other` is one to compare with, which was read before.

    `named` is what people call it, where `path` is a copy.
    """

    def __init__(self, path: Path, other: DatasetReading | None = None, named: Path | None = None) -> None:
        self.path = path
        self.named = named or path
        self.whole = ChunkSums()
        self.prints = FilePrints(path)
        self.copies = PairCount()
        self.shared = PairCount()
        self._other = other.prints if other else None

    def read(self, bytes_read: BytesRead) -> None:
        """Read the file.

        Raises:
            ConfigError: it can't be read, or no line of it is a sample.
        """
        size = size_of(self.path)
        try:
            chunks = list(chunks_of(self.path))
            with closing(measured(self.path, chunks, workers=number_of_workers(size))) as found:
                for chunk, sums in zip(chunks, found, strict=True):
                    compare(sums.prints, self.prints, self.copies, other=self._other, shared=self.shared)
                    self.whole.merge(sums)
                    bytes_read(chunk.end - chunk.begin)
        except OSError as problem:
            raise ConfigError(f"{self.named}: the dataset can't be read: {reason(problem)}.") from problem
        if self.whole.damaged and not self.whole.sums.samples:
            line, problem_there = self.whole.damage[0]
            said = f"line {line}: {problem_there}; a dataset has a JSON object a line"
            raise ConfigError(f"{self.named} is no dataset: {said}.")


def size_of(path: Path) -> int:
    """Return the size of a dataset's file.

    Raises:
        ConfigError: there is no file, or it can't be read.
    """
    try:
        if path.is_file():
            return path.stat().st_size
        kind = "it is a folder" if path.is_dir() else "there is no such file"
    except OSError as problem:
        kind = reason(problem)
    raise ConfigError(f"{path}: the dataset can't be read: {kind}.")
