"""The failure log: the samples that failed, each with its reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deepfabric_core.errors import FailureKind, ModelError, OutputError
from deepfabric_core.samples.plan import WorkItem
from deepfabric_core.store.append_log import AppendLog
from deepfabric_core.store.files import delete_file, reason, replace_file

SampleKey = tuple[str, int]


class Failures:
    """The failed work items by key. With a file, each is written to it at once; the last line of a key counts."""

    def __init__(self, path: Path | None = None) -> None:
        self.lines = AppendLog(path) if path else None
        self._by_key: dict[SampleKey, dict[str, Any]] = {}
        for line in self.lines.read() if self.lines else ():
            try:
                self._by_key[line.content["topic_id"], line.content["cycle"]] = dict(line.content)
                FailureKind(line.content["kind"])
            except (KeyError, TypeError, ValueError) as problem:
                raise self.lines.damage(line.number) from problem  # type: ignore[union-attr]

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, key: SampleKey) -> bool:
        return key in self._by_key

    @property
    def by_kind(self) -> dict[FailureKind, int]:
        """The number of failures of each kind."""
        return dict(Counter(FailureKind(line["kind"]) for line in self._by_key.values()))

    @property
    def first(self) -> str:
        """The message of the first failure."""
        return str(next(iter(self._by_key.values()))["error"])

    def __iter__(self) -> Iterator[SampleKey]:
        return iter(self._by_key)

    def forget(self, topic_id: str, cycle: int) -> None:
        """Remove a failure, since its sample has been made."""
        self._by_key.pop((topic_id, cycle), None)

    def forget_all(self) -> None:
        """Remove all failures, to try the samples again."""
        self._by_key.clear()

    def add(self, item: WorkItem, problem: ModelError) -> None:
        """Add a failed work item.

        Raises:
            OutputError: the disk is full or gone.
        """
        line = {
            "topic_id": item.topic_id,
            "topic_path": list(item.path),
            "cycle": item.cycle,
            "kind": problem.kind.value,
            "error": str(problem),
        }
        self._by_key[item.topic_id, item.cycle] = line
        if self.lines is not None:
            try:
                self.lines.append(_encoded(line))
            except OSError as trouble:
                raise OutputError(f"{self.lines.path} can't be written: {reason(trouble)}.") from trouble

    def save(self, path: Path) -> bool:
        """Write the failures to a file, or delete an older file if there are none; return whether there are any."""
        if self._by_key:
            replace_file(path, map(_encoded, self._by_key.values()))
        else:
            delete_file(path)
        return bool(self._by_key)


def _encoded(line: dict[str, Any]) -> bytes:
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
