"""One immutable model for trees and graphs of topics."""

from __future__ import annotations

import hashlib
import json
import unicodedata
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from deepfabric_core.config.schema import Mode

TopicPath = tuple[str, ...]

_NAMESPACE = uuid.UUID("6f0d9a52-3f0e-5d0c-9d4e-0a4f8a6f4b0e")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic. Its first parent is the primary one: the path from the root goes through it."""

    id: str
    name: str
    parents: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


@dataclass(frozen=True)
class Topics:
    """Every topic by id, reachable from the root and without a cycle. A tree is a graph of single parents."""

    mode: Mode
    root: str
    by_id: Mapping[str, Topic]

    def __len__(self) -> int:
        return len(self.by_id)

    def walk(self) -> Iterator[tuple[Topic, TopicPath]]:
        """Each topic once with its path, parents before children, siblings in their own order."""
        stack: list[tuple[str, TopicPath]] = [(self.root, ())]
        while stack:
            topic_id, above = stack.pop()
            topic = self.by_id[topic_id]
            path = (*above, topic.name)
            yield topic, path
            stack.extend((child, path) for child in reversed(self.own_children(topic)))

    def own_children(self, topic: Topic) -> list[str]:
        """The children whose primary parent this topic is."""
        return [child for child in topic.children if self.by_id[child].parents[0] == topic.id]

    @cached_property
    def leaves(self) -> tuple[tuple[Topic, TopicPath], ...]:
        """The topics without children, each once however many routes lead to it, with their primary paths."""
        return tuple((topic, path) for topic, path in self.walk() if not topic.children)

    @property
    def depth(self) -> int:
        """Levels below the root."""
        return max(len(path) for _, path in self.leaves) - 1


def topic_id(mode: Mode, path: TopicPath) -> str:
    """The id of a path, the same in every run.

    In a tree: the first 16 hex digits of the SHA-256 of the path as a JSON list. In a graph: a UUID, version 5.
    """
    text = json.dumps(list(path))
    if mode == "tree":
        return hashlib.sha256(text.encode()).hexdigest()[:16]
    return str(uuid.uuid5(_NAMESPACE, text))


def fold(name: str) -> str:
    """What two spellings of one topic have in common: case, space and punctuation don't count.

    Symbols do, so that C, C++ and C# stay three topics.
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in text if c == "#" or unicodedata.category(c)[0] not in "PZC")
