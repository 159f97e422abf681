"""The messages between Python and the page of a topic graph: a snapshot of everything, then deltas.

Topics are stored in columns, one row each, parents before their children. A new topic is a new row at the end; only a
snapshot renumbers rows. Texts are shortened here and control codes are removed. They are not escaped: whatever draws
them has to do that.

The page sends `resync` with the number of the last delta that it has (-1 for none) until it gets a snapshot, or, if
there is nothing new, `synced` with the same number. It sends `select` with `ids`, and `edit` with `op` (prune,
keep_only, rename, add, move, merge, weigh, undo, redo, grow or regenerate), `ids`; rename and add have a `name`, move
has the id of the new parent, `to`, and weigh a `weight` (null: that of the topic above). Python answers with `refused`
or `heard`, and a `message`. It asks for what the page shows by `picture` with a `kind` (png or svg) and a `number`; the
page answers with `picture`, the same `number`, and the file as its buffer. By `samples_of`, with the id of a `topic`
and a number `from`, the page asks for samples at or below the topic, and is sent `samples`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from deepfabric_core.printable import printable
from deepfabric_core.redaction import redact
from deepfabric_core.topics.model import Topics
from deepfabric_nb.samples.protocol import Card

_NAME = 2000
_QUESTION = 160
_ANSWER = 320
_MESSAGE = 240
_EXAMPLES = 3

# A sum of some figure of samples, and the number of samples of which it is known.
Measure = tuple[float, int]
Examples = list[tuple[int, list[tuple[str, str]]]]


class Snapshot(TypedDict):
    """Everything. Numbers are bytes of 32 bits each (in JSON: lists); rows count from 0, the root's row."""

    seq: int
    """The number of the last delta that is part of it."""
    ids: list[str]
    names: list[str]
    parent: bytes
    """The row of each topic's primary parent, -1 for the root."""
    others: list[tuple[int, int]]
    """Pairs of rows: a topic and one of its further parents."""
    wanted: bytes
    done: bytes
    failed: bytes
    """Numbers of samples of each topic itself, without the topics below it."""
    samples: Examples
    """Rows with some questions and answers."""
    failures: Examples
    """Rows with some failures, their kind and message."""
    marks: list[tuple[int, str]]
    """Rows with a sentence about the topic."""
    scores: list[tuple[int, float, int]]
    """Rows with the sum of a judge's scores of their own samples, and the number of these."""
    weights: list[tuple[int, float, bool]]
    """Rows with a weight of their own, and whether the config gives it, so that it can't be changed by hand."""
    costs: list[tuple[int, float, int]]
    """Rows with what their own samples cost in US dollars, and the number of samples whose cost is known."""
    selected: list[str]
    moved: list[tuple[str, str]]
    """Topics whose id the last edit changed: the old id and the new one."""
    undo: str
    redo: str
    """Descriptions of the edits that can be undone and redone, or empty texts."""


class Delta(TypedDict):
    """What is new. Its buffers: parents of new topics; then rows with new counts, and their wanted, done, failed."""

    type: Literal["delta"]
    seq: int
    """One more than in the previous delta; if one is missing, the page asks for a resync."""
    before: int
    """How many rows there were before."""
    ids: list[str]
    names: list[str]
    samples: Examples
    failures: Examples
    """All examples of the rows whose counts changed."""


TopicSamples = TypedDict(
    "TopicSamples",
    {"type": Literal["samples"], "topic": str, "from": int, "cards": list[Card], "total": int},
)
"""The cards of some of the `total` samples at or below a topic, from a number on."""


@dataclass(slots=True)
class TopicCounts:
    """The counts and examples of a topic's own samples."""

    wanted: int = 0
    done: int = 0
    failed: int = 0
    samples: list[tuple[str, str]] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)

    def add_sample(self, question: str, answer: str) -> None:
        """Keep a sample as an example, unless it is one or there are enough already."""
        example = _short(question, _QUESTION), _short(answer, _ANSWER)
        if len(self.samples) < _EXAMPLES and example not in self.samples:
            self.samples.append(example)

    def add_failure(self, kind: str, message: str) -> None:
        """Keep a failure as an example, unless there are enough already."""
        if len(self.failures) < _EXAMPLES:
            self.failures.append((_short(kind, _NAME), _short(message, _MESSAGE)))


class Columns:
    """The topics in rows, and what the page hasn't been sent yet. Counts are stored by topic id."""

    def __init__(self, topics: Topics) -> None:
        self.seq = 0
        self.known: dict[str, TopicCounts] = {}
        self.marks: Mapping[str, str] = {}
        self.scores: Mapping[str, Measure] = {}
        self.costs: Mapping[str, Measure] = {}
        self.fill(topics)

    def fill(self, topics: Topics) -> None:
        """Start again with these topics; after that, the page needs a snapshot."""
        self.seq += 1
        self.ids: list[str] = []
        self.names: list[str] = []
        self.rows: dict[str, int] = {}
        self.parent = array("i")
        self.others: list[tuple[int, int]] = []
        self._changed: set[int] = set()
        for topic, _ in topics.walk():
            self.add(topic.id, topic.name, topic.parents[0] if topic.parents else None)
        for topic in topics.by_id.values():
            self.others.extend((self.rows[topic.id], self.rows[parent]) for parent in topic.parents[1:])
        self._told = len(self.ids)

    def add(self, topic_id: str, name: str, parent: str | None) -> None:
        """Add a new topic; its parent must exist."""
        self.rows[topic_id] = len(self.ids)
        self.ids.append(topic_id)
        self.names.append(printable(name, _NAME))
        self.parent.append(-1 if parent is None else self.rows[parent])

    def of(self, topic_id: str) -> TopicCounts:
        """Return a topic's counts, to be changed: they are part of the next delta."""
        if topic_id in self.rows:
            self._changed.add(self.rows[topic_id])
        return self.known.setdefault(topic_id, TopicCounts())

    def snapshot(self) -> Snapshot:
        """Return a snapshot of everything."""
        known = [self.known.get(topic_id, _NOTHING) for topic_id in self.ids]
        return {
            "seq": self.seq,
            "ids": list(self.ids),
            "names": list(self.names),
            "parent": self.parent.tobytes(),
            "others": list(self.others),
            "wanted": _bytes(one.wanted for one in known),
            "done": _bytes(one.done for one in known),
            "failed": _bytes(one.failed for one in known),
            "samples": [(row, list(one.samples)) for row, one in enumerate(known) if one.samples],
            "failures": [(row, list(one.failures)) for row, one in enumerate(known) if one.failures],
            "marks": [(self.rows[own], printable(mark, _NAME)) for own, mark in self.marks.items() if own in self.rows],
            "scores": self._measured(self.scores),
            "costs": self._measured(self.costs),
            "weights": [],
            "selected": [],
            "moved": [],
            "undo": "",
            "redo": "",
        }

    def _measured(self, measures: Mapping[str, Measure]) -> list[tuple[int, float, int]]:
        return [(self.rows[own], *measure) for own, measure in measures.items() if own in self.rows]

    def delta(self) -> tuple[Delta, list[bytes]] | None:
        """Return what the page hasn't been sent yet, as content and buffers, or None if there is nothing."""
        if not self._changed and self._told == len(self.ids):
            return None
        self.seq += 1
        rows = sorted(self._changed)
        known = [self.known[self.ids[row]] for row in rows]
        told = self._told
        self._told, self._changed = len(self.ids), set()
        content: Delta = {
            "type": "delta",
            "seq": self.seq,
            "before": told,
            "ids": self.ids[told:],
            "names": self.names[told:],
            "samples": [(row, list(one.samples)) for row, one in zip(rows, known, strict=True) if one.samples],
            "failures": [(row, list(one.failures)) for row, one in zip(rows, known, strict=True) if one.failures],
        }
        numbers = (rows, *([getattr(one, name) for one in known] for name in ("wanted", "done", "failed")))
        return content, [self.parent[told:].tobytes(), *map(_bytes, numbers)]


_NOTHING = TopicCounts()


def _short(text: str, width: int) -> str:
    return printable(redact(text), width)


def _bytes(numbers: Iterable[int]) -> bytes:
    return array("i", numbers).tobytes()
