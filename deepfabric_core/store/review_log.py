"""The file of reviews, `<dataset>.reviews.jsonl`: each decision is appended at once, and none is ever changed.

A line is a `Decision`; fields that are empty are left out::

    {"id": ..., "sample": ..., "action": "reject", "who": ..., "at": ..., "topic_id": ..., "cycle": 0, "reason": ...}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import get_args

from deepfabric_core.errors import OutputError
from deepfabric_core.samples.reviews import Action, Decision, Reviews
from deepfabric_core.store.append_log import AppendLog, LogEntry, whole_lines
from deepfabric_core.store.files import reason

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
_FIELDS = frozenset(Decision.__dataclass_fields__)
_ACTIONS = frozenset(get_args(Action))


def reviews_path(dataset: Path) -> Path:
    """Return the path of a dataset's reviews."""
    return dataset.with_name(f"{dataset.stem}.reviews.jsonl")


def read_reviews(path: Path) -> Reviews:
    """Return the reviews in a file, which may be missing; lines that can't be used are left out.

    Raises:
        ConfigError: the file can't be read.
    """
    reviews = Reviews()
    for line in whole_lines(path):
        if (decision := _decision(line)) is not None:
            reviews.add(decision)
    return reviews


def reviews_of(dataset: Path) -> Reviews:
    """Return the reviews of a dataset, which may have none.

    Raises:
        ConfigError: their file can't be read.
    """
    return read_reviews(reviews_path(dataset))


class ReviewLog:
    """The reviews of a dataset and the file that keeps them; the file is made with the first decision.

    Raises:
        ConfigError: a line is damaged; the message has its number.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reviews = Reviews()
        self._lines: AppendLog | None = None
        if path.exists():
            self._lines = AppendLog(path)
            for line in self._lines.read():
                self.reviews.add(self._read(self._lines, line))

    def _read(self, lines: AppendLog, line: LogEntry) -> Decision:
        decision = _decision(line.content)
        if decision is None:
            raise lines.damage(line.number)
        return decision

    def add(self, decision: Decision) -> None:
        """Append a decision; when this returns it is on the disk.

        Raises:
            OutputError: the disk is full or gone.
        """
        self.add_all((decision,))

    def add_all(self, decisions: Iterable[Decision]) -> None:
        """Append decisions, and wait for the disk once for all of them; those written before an error stay.

        Raises:
            OutputError: the disk is full or gone.
        """
        lines = self._lines = self._lines or AppendLog(self.path)
        for decision in decisions:
            kept = {name: value for name, value in asdict(decision).items() if value not in (None, "")}
            try:
                lines.append(_encode(kept).encode("utf-8", "backslashreplace") + b"\n")
            except OSError as trouble:
                raise OutputError(f"{self.path} can't be written: {reason(trouble)}.") from trouble
            self.reviews.add(decision)
        lines.sync()

    @property
    def in_place(self) -> bool:
        """Whether the path still points to the file that decisions are appended to; true as long as there is none."""
        return self._lines is None or self._lines.in_place

    @property
    def size(self) -> int:
        """How many bytes of the file are known."""
        return self._lines.size if self._lines else 0

    def close(self) -> None:
        """Close the file."""
        if self._lines is not None:
            self._lines.close()


def _decision(line: dict[str, object]) -> Decision | None:
    known = {name: value for name, value in line.items() if name in _FIELDS}
    if line.get("action") not in _ACTIONS or not isinstance(line.get("sample"), str):
        return None
    try:
        return Decision(**known)  # type: ignore[arg-type]
    except TypeError:
        return None
