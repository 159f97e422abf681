"""`JudgedFiles`: the judged dataset and, where it is asked for, what wasn't accepted beside it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from deepfabric_core.amounts import Spent, Usage
from deepfabric_core.export.row_files import JsonLines
from deepfabric_core.quality.judge.judgement import Judgement
from deepfabric_core.samples.reading import mapping_of
from deepfabric_core.samples.records import Record
from deepfabric_core.samples.reviews import sample_id
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.files import delete_file
from deepfabric_core.store.rejected_log import rejected_line, rejected_path


class JudgedFiles:
    """The judged dataset and, where it is asked for, what wasn't accepted beside it.

    What was rejected before stays there, unless it is in the dataset now.
    """

    def __init__(self, path: Path, stack: ExitStack, *, only_accepted: bool) -> None:
        self._stack = stack
        self._samples = self._opened(path)
        self._path = rejected_path(path) if only_accepted else None
        self._before = _lines_by_sample(self._path) if self._path else {}
        self._rejected: JsonLines | None = None

    def _opened(self, path: Path) -> JsonLines:
        file = JsonLines(path)
        self._stack.callback(file.discard)
        return file

    @property
    def rejected(self) -> Path | None:
        """The path of what wasn't accepted, if there is any."""
        return self._path if self._rejected else None

    def add(self, record: Record, judgement: Judgement | None) -> None:
        """Add a record, with what the judges say of it."""
        if self._before:
            self._before.pop(sample_id(record), None)
        finding = judgement.finding() if judgement and self._path else None
        if finding is None:
            self._samples.add(record)
            return
        about = mapping_of(record.get("metadata"))
        # What judging took is in the metadata.
        took = {"model": about.get("model"), **Spent(0, Usage(cost=0.0)).as_object(), "at": round(time.time(), 3)}
        self._reject(rejected_line(about, 1, finding, took, record))

    def _reject(self, line: Mapping[str, Any]) -> None:
        if self._rejected is None and self._path is not None:
            self._rejected = self._opened(self._path)
        if self._rejected is not None:
            self._rejected.add(line)

    def finish(self) -> None:
        """Put the files into their places."""
        for line in self._before.values():
            self._reject(line)
        if self._rejected is not None:
            self._rejected.finish()
        elif self._path is not None:
            delete_file(self._path)
        self._samples.finish()


def _lines_by_sample(path: Path) -> dict[str, dict[str, Any]]:
    """Return the lines of a log of rejected samples, by the ids of the samples."""
    return {sample_id(mapping_of(line.get("sample"))): line for line in whole_lines(path)}
