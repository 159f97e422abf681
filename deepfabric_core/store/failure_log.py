"""The failure log: the samples that failed, each with its reason, and the calls that came to nothing.

A line is a sample that failed, or with `stage` a call that came to nothing before a later one could be used, or for
topics, where `repaired` is false, before they were given up::

    {"topic_id": ..., "topic_path": [...], "cycle": 0, "kind": ..., "error": ..., "calls": [<call>, ...]}
    {"repaired": true, "stage": "samples", "topic_path": [...], "cycle": 0, <call>}

where a call has `kind`, `error`, `request` (its messages) and `reply` (the text, "" if there was none).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from deepfabric_core.chat.rejected_calls import RejectedCall, transcript
from deepfabric_core.errors import FailureKind, ModelError, OutputError
from deepfabric_core.events import Stage
from deepfabric_core.samples.plan import WorkItem
from deepfabric_core.store.append_log import AppendLog
from deepfabric_core.store.files import delete_file, reason, replace_file

SampleKey = tuple[str, int]
Line = TypeVar("Line", bound=Mapping[str, Any])

# Bounds of what is kept: calls of a sample, repaired calls of a run.
_CALLS_OF_A_SAMPLE = 5
_MOST_REPAIRED = 1000


class Failures:
    """The failed work items by key. With a file, each is written to it at once; the last line of a key counts."""

    def __init__(self, path: Path | None = None) -> None:
        self.lines = AppendLog(path) if path else None
        self._by_key: dict[SampleKey, dict[str, Any]] = {}
        self._repaired: list[dict[str, Any]] = []
        for line in self.lines.read() if self.lines else ():
            if "stage" in line.content:
                self._repaired.append(dict(line.content))
                continue
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
    def has_repaired(self) -> bool:
        """Whether there are calls that came to nothing before a later one could be used."""
        return bool(self._repaired)

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

    def add(self, item: WorkItem, problem: ModelError, calls: Sequence[RejectedCall] = ()) -> None:
        """Add a failed work item and its calls.

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
        if calls:
            line["calls"] = [call.as_object() for call in calls[-_CALLS_OF_A_SAMPLE:]]
        self._by_key[item.topic_id, item.cycle] = line
        self._write(line)

    def add_repaired(self, stage: Stage, calls: Iterable[RejectedCall], *, given_up: bool = False) -> None:
        """Add calls that came to nothing before a later one could be used, or before it was `given_up`.

        There is a limit to how many are kept.

        Raises:
            OutputError: the disk is full or gone.
        """
        for call in calls:
            if len(self._repaired) >= _MOST_REPAIRED:
                return
            line = {"repaired": not given_up, "stage": stage, "topic_path": list(call.path), "cycle": call.variation}
            line |= call.as_object()
            self._repaired.append(line)
            self._write(line)

    def _write(self, line: dict[str, Any]) -> None:
        if self.lines is not None:
            try:
                self.lines.append(_encoded(line))
            except OSError as trouble:
                raise OutputError(f"{self.lines.path} can't be written: {reason(trouble)}.") from trouble

    def save(self, path: Path) -> bool:
        """Write all to a file, the failures first, or delete an older file if there is nothing; return which."""
        lines = [*self._by_key.values(), *self._repaired]
        if lines:
            replace_file(path, map(_encoded, lines))
        else:
            delete_file(path)
        return bool(lines)


def of_samples(lines: Iterable[Line]) -> Iterator[Line]:
    """Return the lines about samples that failed, without those about repaired calls."""
    return (line for line in lines if "stage" not in line)


def shown_last_call(line: Mapping[str, Any]) -> tuple[str, str]:
    """Return the request and the reply of the last call of a failed sample, as texts; empty if they weren't kept."""
    calls = line.get("calls") or ()
    if not calls or not isinstance(calls[-1], Mapping):
        return "", ""
    messages = (one for one in calls[-1].get("request") or () if isinstance(one, Mapping))
    request = transcript((str(one.get("role")), str(one.get("content"))) for one in messages)
    return request, str(calls[-1].get("reply", ""))


def _encoded(line: dict[str, Any]) -> bytes:
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
