"""The log of rejected samples: each that a gate didn't let into the dataset, whole, with the reason and its cost.

A line is one rejected sample; `attempts` and `usage` are what it took, with more about that as in the journal, and
`attempt` is which of the topic's tries it was::

    {"topic_id": ..., "topic_path": [...], "cycle": 0, "attempt": 1, "gate": ..., "check": ..., "reason": ...,
     "advice": ..., "evidence": ..., "model": ..., "attempts": 1, "usage": {...}, "at": ..., "sample": {...}}

A sample that was accepted, rejected in review and is made again has the gate "review". It took nothing more: what it
took is in its line of the journal.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from deepfabric_core.amounts import Spent, Usage
from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.quality.finding import Finding
from deepfabric_core.samples.plan import WorkItem
from deepfabric_core.samples.reading import metadata_of
from deepfabric_core.samples.records import Provenance, Record
from deepfabric_core.samples.reviews import Review, sample_id
from deepfabric_core.store.append_log import AppendLog, read_line
from deepfabric_core.store.failure_log import SampleKey
from deepfabric_core.store.files import delete_file, reason

REVIEW: Final = "review"
_SAMPLE = b', "sample": '
_OF_REVIEW = f'"gate": "{REVIEW}"'.encode()
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False).encode


@dataclass(slots=True)
class _Refusals:
    """Why samples of a work item were refused: by gates, `before` of them before the latest review, and by people.

    The advice of people is by the ids of the samples.
    """

    by_gates: list[str] = field(default_factory=list)
    by_people: dict[str, str] = field(default_factory=dict)
    before: int = 0

    def __len__(self) -> int:
        return len(self.by_gates) + len(self.by_people)


def rejected_path(dataset: Path) -> Path:
    """Return the path of a dataset's rejected samples."""
    return dataset.with_name(f"{dataset.stem}.rejected.jsonl")


def rejected_line(
    topic: Mapping[str, Any], attempt: int, finding: Finding, took: Mapping[str, Any], sample: Mapping[str, Any]
) -> Record:
    """Return a line of a rejected sample; `topic` has its work item's keys, `took` how it was made and when."""
    return {
        **{key: topic.get(key) for key in ("topic_id", "topic_path", "cycle")},
        "attempt": attempt,
        "gate": finding.gate,
        "check": finding.name,
        "reason": finding.reason,
        "advice": finding.advice,
        "evidence": finding.evidence,
        **took,
        "sample": sample,
    }


def _topic_of(item: WorkItem) -> dict[str, Any]:
    return {"topic_id": item.topic_id, "topic_path": list(item.path), "cycle": item.cycle}


class RejectedLog:
    """Rejected samples in a file. In memory are their number by check, and the advice about unfinished work items.

    `reviewed` has the work items and ids of those that people rejected.

    Raises:
        ConfigError: a line is damaged; the message has its number.
    """

    def __init__(self, path: Path) -> None:
        self.lines = AppendLog(path)
        self.counts: Counter[str] = Counter()
        self.reviewed: set[tuple[SampleKey, str]] = set()
        self._refusals: dict[SampleKey, _Refusals] = {}
        for line in self.lines.read():
            try:
                content = line.content
                key = str(content["topic_id"]), int(content["cycle"])
                check, advice = str(content["check"]), str(content["advice"])
                if content.get("gate") == REVIEW:
                    self._count_reviewed(key, sample_id(content["sample"]), advice)
                else:
                    self._count(key, check, advice)
            except (AttributeError, KeyError, TypeError, ValueError) as problem:
                raise self.lines.damage(line.number) from problem

    def _count(self, key: SampleKey, check: str, advice: str) -> None:
        self.counts[check] += 1
        self._refusals.setdefault(key, _Refusals()).by_gates.append(advice)

    def _count_reviewed(self, key: SampleKey, sample: str, advice: str) -> None:
        self.counts[REVIEW] += 1
        self.reviewed.add((key, sample))
        refusals = self._refusals.setdefault(key, _Refusals())
        refusals.by_people[sample] = advice
        refusals.before = len(refusals.by_gates)

    def advice(self, key: SampleKey) -> tuple[str, ...]:
        """Return the advice of each rejection of a work item that isn't settled, that of people last."""
        refusals = self._refusals.get(key)
        return (*refusals.by_gates, *refusals.by_people.values()) if refusals else ()

    def tries(self, key: SampleKey) -> int:
        """Return how many samples of a work item gates have refused since it was begun, or begun again by a review."""
        refusals = self._refusals.get(key)
        return len(refusals.by_gates) - refusals.before if refusals else 0

    def times_reviewed(self, key: SampleKey) -> int:
        """Return how many samples of a work item that isn't settled people have rejected."""
        refusals = self._refusals.get(key)
        return len(refusals.by_people) if refusals else 0

    def settled(self, key: SampleKey) -> None:
        """Forget the rejections of a work item, which has been made; their lines stay."""
        self._refusals.pop(key, None)

    def failed(self, key: SampleKey) -> None:
        """Forget what gates have refused of a work item, which has failed, since it was begun or begun again."""
        refusals = self._refusals.get(key)
        if refusals is None or not refusals.by_people:
            self.settled(key)
        else:
            del refusals.by_gates[refusals.before :]

    def add(self, item: WorkItem, record: Mapping[str, Any], making: Provenance, finding: Finding) -> None:
        """Add a rejected sample, with how it was made and what a gate found.

        Raises:
            OutputError: the disk is full or gone.
        """
        key = (item.topic_id, item.cycle)
        attempt = len(self._refusals.get(key, ())) + 1
        self._append(rejected_line(_topic_of(item), attempt, finding, making.as_line(), record))
        self._count(key, finding.name, finding.advice)

    def add_reviewed(self, item: WorkItem, record: Record, review: Review) -> None:
        """Add an accepted sample that people rejected; if it is there already, only its advice changes.

        Raises:
            OutputError: the disk is full or gone.
        """
        key, sample = (item.topic_id, item.cycle), sample_id(record)
        refusals = self._refusals.get(key)
        if (key, sample) in self.reviewed:
            if refusals:
                refusals.by_people[sample] = review.advice
            return
        finding = Finding(REVIEW, REVIEW, review.reason or "it was rejected in review", review.advice)
        took = {
            "model": metadata_of(record).get("model"),
            **Spent(0, Usage(cost=0.0)).as_object(),
            "at": review.decisions[-1].at if review.decisions else None,
        }
        self._append(rejected_line(_topic_of(item), len(refusals or ()) + 1, finding, took, record))
        self._count_reviewed(key, sample, review.advice)

    def _append(self, line: Mapping[str, Any]) -> None:
        try:
            self.lines.append(_encode(line).encode("utf-8", "backslashreplace") + b"\n")
        except OSError as trouble:
            raise OutputError(f"{self.lines.path} can't be written: {reason(trouble)}.") from trouble

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


def count_reviewed(path: Path) -> int:
    """Return how many samples in a log of rejected samples, which may be growing or missing, people rejected.

    As many lines of the journal don't stand any more.

    Raises:
        ConfigError: the file can't be read.
    """
    return sum(1 for _ in _lines_of_reviews(path))


def reviewed_samples(path: Path) -> set[str]:
    """Return the ids of the samples in a log of rejected samples that people rejected.

    Raises:
        ConfigError: the file can't be read.
    """
    lines = filter(None, map(read_line, _lines_of_reviews(path)))
    return {sample_id(line["sample"]) for line in lines if isinstance(line.get("sample"), Mapping)}


def _lines_of_reviews(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n") and _OF_REVIEW in line.partition(_SAMPLE)[0])
    except FileNotFoundError:
        return
    except OSError as problem:
        raise ConfigError(f"{path} can't be read: {reason(problem)}.") from problem
