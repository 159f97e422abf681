"""The log of rejected samples: each that a gate didn't let into the dataset, whole, with the reason and its cost.

A line is one rejected sample; `attempts` and `usage` are what it took, with more about that as in the journal, and
`attempt` is which of the topic's tries it was::

    {"topic_id": ..., "topic_path": [...], "cycle": 0, "attempt": 1, "gate": ..., "check": ..., "reason": ...,
     "advice": ..., "evidence": ..., "model": ..., "attempts": 1, "usage": {...}, "at": ..., "sample": {...}}
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepfabric_core.errors import OutputError
from deepfabric_core.quality.finding import Finding
from deepfabric_core.samples.plan import WorkItem
from deepfabric_core.samples.records import Provenance
from deepfabric_core.store.append_log import AppendLog
from deepfabric_core.store.failure_log import SampleKey
from deepfabric_core.store.files import delete_file, reason

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False).encode


class RejectedLog:
    """Rejected samples in a file. In memory are their number by check, and the advice about unfinished work items.

    Raises:
        ConfigError: a line is damaged; the message has its number.
    """

    def __init__(self, path: Path) -> None:
        self.lines = AppendLog(path)
        self.counts: Counter[str] = Counter()
        self._advice: dict[SampleKey, list[str]] = {}
        for line in self.lines.read():
            try:
                content = line.content
                key = str(content["topic_id"]), int(content["cycle"])
                self._count(key, str(content["check"]), str(content["advice"]))
            except (KeyError, TypeError, ValueError) as problem:
                raise self.lines.damage(line.number) from problem

    def _count(self, key: SampleKey, check: str, advice: str) -> None:
        self.counts[check] += 1
        self._advice.setdefault(key, []).append(advice)

    def advice(self, key: SampleKey) -> tuple[str, ...]:
        """Return the advice of each rejection of a work item that isn't settled, the first one first."""
        return tuple(self._advice.get(key, ()))

    def settled(self, key: SampleKey) -> None:
        """Forget the rejections of a work item, which has been made or has failed; their lines stay."""
        self._advice.pop(key, None)

    def add(self, item: WorkItem, record: Mapping[str, Any], making: Provenance, finding: Finding) -> None:
        """Add a rejected sample, with how it was made and what a gate found.

        Raises:
            OutputError: the disk is full or gone.
        """
        key = (item.topic_id, item.cycle)
        line = {
            "topic_id": item.topic_id,
            "topic_path": list(item.path),
            "cycle": item.cycle,
            "attempt": len(self._advice.get(key, ())) + 1,
            "gate": finding.gate,
            "check": finding.name,
            "reason": finding.reason,
            "advice": finding.advice,
            "evidence": finding.evidence,
            **making.as_line(),
            "sample": record,
        }
        try:
            self.lines.append(_encode(line).encode("utf-8", "backslashreplace") + b"\n")
        except OSError as trouble:
            raise OutputError(f"{self.lines.path} can't be written: {reason(trouble)}.") from trouble
        self._count(key, finding.name, finding.advice)

    def save(self, path: Path) -> bool:
        """Copy all lines to a file, or delete an older file if there are none; return whether there are any.

        Raises:
            OutputError: it can't be written.
        """
        if not self.lines.size:
            delete_file(path)
            return False
        self.lines.copy(path)
        return True
