"""The journal: finished samples are appended in the order of arrival, and the dataset is written in plan order.

A line is a sample: `{"topic_id": ..., "cycle": ..., "attempts": ..., "usage": {...}, "at": ..., "sample": {...}}`.
Where there is more to tell of its calls, `rest` is what isn't in the step log, `repair` says that the last call was
one, `own` is all without repairs, and `judging` what judges took besides.

Lines are never changed. If a sample was rejected in review and made again, its work item has several lines, and the
last one that isn't rejected stands.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator, Mapping
from itertools import repeat
from pathlib import Path
from typing import Any

from deepfabric_core.errors import OutputError
from deepfabric_core.samples.plan import WorkItem
from deepfabric_core.samples.records import Record
from deepfabric_core.samples.reviews import Standing, standing
from deepfabric_core.samples.shards import AnyPlan
from deepfabric_core.store.append_log import AppendLog, LogEntry, read_line
from deepfabric_core.store.files import reason, replace_file
from deepfabric_core.wording import are, counted

_SAMPLE = b', "sample": '
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False).encode


class Journal:
    """The journal of one plan. In memory it holds only two offsets per sample: where its record begins and ends.

    `written` counts the samples of the plan in it, `surplus` samples of an older file that aren't in the plan.
    `rejected` has the line of each sample that people rejected, with its place in the plan; where `has` says no, no
    other one stands there yet.
    """

    def __init__(self, lines: AppendLog, plan: AnyPlan) -> None:
        self.lines = lines
        self.written = 0
        self.surplus = 0
        self.rejected: list[tuple[int, LogEntry]] = []
        self._plan = plan
        self._begins = array("q")
        self._ends = array("q")

    @property
    def path(self) -> Path:
        """The path of the journal."""
        return self.lines.path

    def read(self, is_rejected: Callable[[Record], bool] | None = None) -> Iterator[LogEntry]:
        """Read the lines that an earlier run wrote; yield those of the plan's samples that stand.

        Without `is_rejected`, the first line of each sample does.

        Raises:
            ConfigError: a line is damaged; the message has its number.
        """
        found = None if is_rejected is None else self._standing(is_rejected)
        for line in self.lines.read():
            index = self._index_of(line)
            if index is None:
                self.surplus += 1
            elif is_rejected is not None and is_rejected(line.content["sample"]):
                self.rejected.append((index, line))
            elif not self.has(index) and (found is None or found.accepted.get(index) == line.number):
                body = line.text.index(_SAMPLE) + len(_SAMPLE)
                self._remember(index, line.begin + body, line.begin + len(line.text) - 1)
                yield line

    def _standing(self, is_rejected: Callable[[Record], bool]) -> Standing[int]:
        lines = ((line.number, self._index_of(line), line.content["sample"]) for line in self.lines.read())
        return standing(((number, index, sample) for number, index, sample in lines if index is not None), is_rejected)

    def _index_of(self, line: LogEntry) -> int | None:
        """Return the place of a line's sample in the plan, or None."""
        try:
            line.text.index(_SAMPLE)
            return self._plan.index_of(line.content["topic_id"], line.content["cycle"])
        except (KeyError, TypeError, ValueError) as problem:
            raise self.lines.damage(line.number) from problem

    def _remember(self, index: int, begin: int, end: int) -> None:
        if (more := index + 1 - len(self._begins)) > 0:
            self._begins.extend(repeat(-1, more))
            self._ends.extend(repeat(-1, more))
        self._begins[index], self._ends[index] = begin, end
        self.written += 1

    def has(self, index: int) -> bool:
        """Return whether the sample with this index is in the journal."""
        return index < len(self._begins) and self._begins[index] >= 0

    def record(self, index: int) -> dict[str, Any] | None:
        """Return the record of a sample, read back from the file; None if it isn't there."""
        return read_line(self.lines.piece(self._begins[index], self._ends[index])) if self.has(index) else None

    def append(self, item: WorkItem, record: Mapping[str, Any], made: Mapping[str, Any]) -> None:
        """Append a sample with how it was `made`; afterwards it isn't lost if the process is killed.

        Raises:
            OutputError: the disk is full or gone; no incomplete line is left.
        """
        head = _encode({"topic_id": item.topic_id, "cycle": item.cycle, **made})[:-1].encode() + _SAMPLE
        body = _encode(record).encode("utf-8", "backslashreplace")
        try:
            begin = self.lines.append(head + body + b"}\n")
        except OSError as problem:
            raise OutputError(f"{self.path} can't be written: {reason(problem)}; {self._safe} safe in it.") from problem
        self._remember(item.index, begin + len(head), begin + len(head) + len(body))

    @property
    def _safe(self) -> str:
        return f"{counted(self.written, 'finished sample')} {are(self.written)}"

    def deliver(self, dataset: Path) -> None:
        """Write the dataset in the order of the plan.

        Raises:
            OutputError: it can't be written; the journal stays.
        """
        try:
            replace_file(dataset, self._records())
        except OutputError as problem:
            raise OutputError(f"{problem} {self._safe} safe in {self.path}.") from problem

    def _records(self) -> Iterator[bytes]:
        for begin, end in zip(self._begins, self._ends, strict=True):
            if begin >= 0:
                yield self.lines.piece(begin, end) + b"\n"


def free_path(path: Path) -> Path:
    """Return the path, or if it exists already, the first one with a number that doesn't exist."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return candidate
