"""Every finished sample in a file at once, in the order of arrival; the dataset from it, in the order of the plan.

A line holds one fact: `{"topic_id": ..., "cycle": ..., "sample": {...}}`.
"""

from __future__ import annotations

import errno
import json
import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deepfabric_core.errors import OutputError
from deepfabric_core.samples.plan import WorkItem
from deepfabric_core.store.files import reason, replace_file


class Journal:
    """The samples of one run, in a file of its own: where the path is taken, the next one with a number.

    In memory it holds two numbers a sample: where its record begins and ends.
    """

    def __init__(self, path: Path, count: int) -> None:
        self._begins = array("q", [-1]) * count
        self._ends = array("q", [-1]) * count
        self._size = 0
        self.written = 0
        try:
            self.path, self._file = _create(path)
        except OSError as problem:
            raise OutputError(f"{path} can't be written: {reason(problem)}; choose another place.") from problem

    def append(self, item: WorkItem, record: dict[str, Any]) -> None:
        """Hand a sample to the operating system; when this returns, a killed process doesn't lose it.

        Raises:
            OutputError: the disk is full or gone; no half line stays.
        """
        key = f'{{"topic_id": {json.dumps(item.topic_id)}, "cycle": {item.cycle}, "sample": '.encode()
        body = json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace")
        line = key + body + b"}\n"
        try:
            self._write_whole(line)
        except OSError as problem:
            raise OutputError(
                f"{self.path} can't be written: {reason(problem)}; {self.written} finished samples are safe in it."
            ) from problem
        self._begins[item.index] = self._size + len(key)
        self._ends[item.index] = self._size + len(key) + len(body)
        self._size += len(line)
        self.written += 1

    def _write_whole(self, line: bytes) -> None:
        if os.write(self._file, line) < len(line):
            os.ftruncate(self._file, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def deliver(self, dataset: Path) -> None:
        """Write the dataset in the order of the plan, then let go of the journal.

        Raises:
            OutputError: it can't be written; the journal stays.
        """
        try:
            replace_file(dataset, self._records())
        except OutputError as problem:
            raise OutputError(f"{problem} {self.written} finished samples are safe in {self.path}.") from problem
        self.discard()

    def discard(self) -> None:
        """Close and delete the journal."""
        self.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file and leave it where it is."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _records(self) -> Iterator[bytes]:
        for begin, end in zip(self._begins, self._ends, strict=True):
            if begin >= 0:
                yield os.pread(self._file, end - begin, begin) + b"\n"


def _create(path: Path) -> tuple[Path, int]:
    """A new file; another run may take the same free path at the same moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        free = free_path(path)
        try:
            return free, os.open(free, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except FileExistsError:
            continue


def free_path(path: Path) -> Path:
    """The path, or where something is there already, the next one with a number that isn't taken."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return candidate
