"""`Topics`, the immutable data class for trees and graphs of topics, and the ids of topics."""

from __future__ import annotations

import hashlib
import json
import unicodedata
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from deepfabric_core.config.schema import Mode
from deepfabric_core.wording import of_them_leaves

if TYPE_CHECKING:
    from pandas import DataFrame

TopicPath = tuple[str, ...]

_NAMESPACE = uuid.UUID("6f0d9a52-3f0e-5d0c-9d4e-0a4f8a6f4b0e")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic. Its first parent is the primary one: the path from the root goes through it.

    `weight` is what was set by hand for how many samples it and what is below it get, as `topics.weights` in a config.
    """

    id: str
    name: str
    parents: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    weight: float | None = None


@dataclass(frozen=True, repr=False)
class Topics:
    """All topics by id, reachable from the root and without a cycle. In a tree, every topic has a single parent.

    >>> from deepfabric_core.topics.formats import parse_topics
    >>> topics, _ = parse_topics('{"path": ["Tea", "Green"]}', source="tea.jsonl")
    >>> [path for topic, path in topics.walk()]
    [('Tea',), ('Tea', 'Green')]
    >>> [topic.name for topic, path in topics.leaves]
    ['Green']
    """

    mode: Mode
    root: str
    by_id: Mapping[str, Topic]

    def __len__(self) -> int:
        return len(self.by_id)

    def __repr__(self) -> str:
        return f"<Topics: {self.mode} of {len(self):,}, {of_them_leaves(len(self.leaves))}>"

    def walk(self) -> Iterator[tuple[Topic, TopicPath]]:
        """Yield each topic once with its primary path, parents before children, siblings in their order."""
        stack: list[tuple[str, TopicPath]] = [(self.root, ())]
        while stack:
            topic_id, above = stack.pop()
            topic = self.by_id[topic_id]
            path = (*above, topic.name)
            yield topic, path
            stack.extend((child, path) for child in reversed(self.own_children(topic)))

    def own_children(self, topic: Topic) -> list[str]:
        """Return the ids of the children whose primary parent is this topic."""
        return [child for child in topic.children if self.by_id[child].parents[0] == topic.id]

    @cached_property
    def leaves(self) -> tuple[tuple[Topic, TopicPath], ...]:
        """The topics without children, each once, with their primary paths."""
        return tuple((topic, path) for topic, path in self.walk() if not topic.children)

    @property
    def weights(self) -> dict[str, float]:
        """The weights that were set by hand, by the topics' ids."""
        return {topic.id: topic.weight for topic in self.by_id.values() if topic.weight is not None}

    @property
    def depth(self) -> int:
        """The number of levels below the root."""
        return max(len(path) for _, path in self.leaves) - 1

    def sums(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Return for each topic the sum of the counts of it and of everything below it.

        Each topic is counted once, however many paths lead to it. The ids are in the order of `walk`.
        """
        up_to = [0, *accumulate(counts.get(topic.id, 0) for topic, _ in self.walk())]
        return {own: sum(up_to[end] - up_to[start] for start, end in spans) for own, spans in self._spans.items()}

    @cached_property
    def _spans(self) -> dict[str, list[tuple[int, int]]]:
        """Return which ranges of `walk` are below a topic, itself included: a single one in a tree."""
        places = {topic.id: place for place, (topic, _) in enumerate(self.walk())}
        spans: dict[str, list[tuple[int, int]]] = {}
        for own in reversed(self._parents_first()):
            below = [span for child in self.by_id[own].children for span in spans[child]]
            spans[own] = _joined([(places[own], places[own] + 1), *below])
        return {own: spans[own] for own in places}

    def _parents_first(self) -> list[str]:
        """Return the ids in topological order, parents first."""
        waiting = {topic.id: len(topic.parents) for topic in self.by_id.values()}
        order = [self.root]
        for own in order:
            for child in self.by_id[own].children:
                waiting[child] -= 1
                if not waiting[child]:
                    order.append(child)
        return order

    def to_frame(self) -> DataFrame:
        """Return a data frame with a row per topic, in the order of `walk`; `leaves_below` of a leaf is 0."""
        from pandas import DataFrame

        leaves = self.sums({topic.id: 1 for topic, _ in self.leaves})
        walked = list(self.walk())
        columns = {
            "id": [topic.id for topic, _ in walked],
            "topic": [topic.name for topic, _ in walked],
            "path": [path for _, path in walked],
            "depth": [len(path) - 1 for _, path in walked],
            "parent": [topic.parents[0] if topic.parents else None for topic, _ in walked],
            "parents": [topic.parents for topic, _ in walked],
            "children": [len(topic.children) for topic, _ in walked],
            "leaf": [not topic.children for topic, _ in walked],
            "leaves_below": [leaves[topic.id] if topic.children else 0 for topic, _ in walked],
        }
        return DataFrame(columns)


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join ranges that touch or overlap."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def topic_id(mode: Mode, path: TopicPath) -> str:
    """Return the id of a path, the same in every run.

    In a tree: the first 16 hex digits of the SHA-256 of the path as a JSON list. In a graph: a UUID, version 5.

    >>> topic_id("tree", ("Tea", "Green"))
    '430c05a963f80cfd'
    >>> topic_id("graph", ("Tea", "Green"))
    '66cb76ed-132f-507f-a013-5025ad19b584'
    """
    text = json.dumps(list(path))
    if mode == "tree":
        return hashlib.sha256(text.encode()).hexdigest()[:16]
    return str(uuid.uuid5(_NAMESPACE, text))


def fold(name: str) -> str:
    """Return a key that all spellings of a topic have in common: case, spaces and punctuation are ignored.

    Symbols are kept, so that C, C++ and C# are three topics.

    >>> fold("Green tea!") == fold("green-tea")
    True
    >>> fold("C++") == fold("C")
    False
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in text if c == "#" or unicodedata.category(c)[0] not in "PZC")
