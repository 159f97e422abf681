"""A topic graph as the browser gets it: everything at once, then only what is new.

Topics stand in columns, a row each, parents before their children; a new topic is a new row at the end, and rows are
only ever counted anew by a snapshot. Texts come out of here without control codes and short. They are not escaped:
whoever draws them does that.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NotRequired, TypedDict

from deepfabric_core.printable import printable
from deepfabric_core.redaction import redact
from deepfabric_core.topics.model import Topics

_NAME = 2000
_QUESTION = 160
_ANSWER = 320
_MESSAGE = 240
_EXAMPLES = 3

Examples = list[tuple[int, list[tuple[str, str]]]]


class Snapshot(TypedDict):
    """Everything. Numbers are bytes of 32 bits each (in JSON: lists); rows are counted from 0, the root's."""

    seq: int
    """The number of the last delta that is part of it."""
    ids: list[str]
    names: list[str]
    parent: bytes
    """The row of each topic's primary parent, -1 for the root."""
    others: list[tuple[int, int]]
    """Rows of topics with those of their further parents."""
    wanted: bytes
    done: bytes
    failed: bytes
    """Samples of each topic itself, without those below it."""
    samples: Examples
    """Rows with some questions and answers."""
    failures: Examples
    """Rows with some failures, their kind and message."""
    marks: list[tuple[int, str]]
    """Rows with what is worth knowing about the topic."""
    selected: list[str]
    moved: list[tuple[str, str]]
    """Topics that have got another id by the change that led here: the old one and the new one."""
    undo: str
    redo: str
    """What can be taken back or done again, or empty texts."""


class Delta(TypedDict):
    """What is new. Its buffers: new topics' parents; then rows that are counted anew, their wanted, done and failed."""

    type: Literal["delta"]
    seq: int
    """One more than that of the delta before; where one is missing, the page asks for a resync."""
    before: int
    """How many rows there were before."""
    ids: list[str]
    names: list[str]
    samples: Examples
    failures: Examples
    """All examples of the rows that are counted anew."""


class PageMessage(TypedDict):
    """What the page sends.

    resync: it has seen the delta `seq`, or -1. select: `ids` are selected. edit: `op` is prune, keep_only, rename,
    add, merge, undo, redo, grow or regenerate, of `ids`, with a `name` for rename and add.
    """

    type: Literal["resync", "select", "edit"]
    seq: NotRequired[int]
    ids: NotRequired[list[str]]
    op: NotRequired[str]
    name: NotRequired[str]


@dataclass(slots=True)
class TopicCounts:
    """What is known of a topic's own samples."""

    wanted: int = 0
    done: int = 0
    failed: int = 0
    samples: list[tuple[str, str]] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)

    def add_sample(self, question: str, answer: str) -> None:
        """Keep a sample as an example, if there aren't enough yet."""
        if len(self.samples) < _EXAMPLES:
            self.samples.append((_short(question, _QUESTION), _short(answer, _ANSWER)))

    def add_failure(self, kind: str, message: str) -> None:
        """Keep a failure as an example, if there aren't enough yet."""
        if len(self.failures) < _EXAMPLES:
            self.failures.append((_short(kind, _NAME), _short(message, _MESSAGE)))


class Columns:
    """The topics in rows, and what the page hasn't been told yet. What is known of a topic is kept by its id."""

    def __init__(self, topics: Topics) -> None:
        self.seq = 0
        self.known: dict[str, TopicCounts] = {}
        self.marks: Mapping[str, str] = {}
        self.fill(topics)

    def fill(self, topics: Topics) -> None:
        """Begin anew with these topics; the page needs a snapshot then."""
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
        """A new topic; its parent is there already."""
        self.rows[topic_id] = len(self.ids)
        self.ids.append(topic_id)
        self.names.append(printable(name, _NAME))
        self.parent.append(-1 if parent is None else self.rows[parent])

    def of(self, topic_id: str) -> TopicCounts:
        """What is known of a topic, to be changed: the page will be told."""
        if topic_id in self.rows:
            self._changed.add(self.rows[topic_id])
        return self.known.setdefault(topic_id, TopicCounts())

    def snapshot(self) -> Snapshot:
        """Everything there is."""
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
            "selected": [],
            "moved": [],
            "undo": "",
            "redo": "",
        }

    def delta(self) -> tuple[Delta, list[bytes]] | None:
        """What the page hasn't been told yet, or None."""
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
