"""The draft that edits change: a mutable copy of topics, and the steps that make it consistent again."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace

from deepfabric_core.topics.model import Topic, TopicPath, Topics, fold
from deepfabric_core.topics.model import topic_id as id_of_path


class Draft:
    """A mutable copy of topics. Every link is stored at both of its ends."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self.by_id = dict(topics.by_id)

    def done(self, *, moved: bool = False) -> Topics:
        """Return the edited topics; `moved` says that a topic's path may have changed."""
        topics = tidied(self._topics, self.by_id)
        return _with_ids_of_paths(topics) if moved and topics.mode == "tree" else topics

    def way_to(self, own: str) -> list[str]:
        """Return the ids on the primary path from the root to a topic."""
        way = [own]
        while parents := self.by_id[way[-1]].parents:
            way.append(parents[0])
        return way[::-1]

    def below(self, own: str) -> set[str]:
        """Return the ids of a topic and of everything below it."""
        return _reached(own, self.by_id)

    def children_by_key(self, parent: str) -> dict[str, str]:
        """Return the children by the key of their names; of two with the same key, the first."""
        return {key_of(self.by_id[child].name): child for child in reversed(self.by_id[parent].children)}

    def plant(self, parent: str, name: str) -> str:
        """Add a new topic and return its id: that of its path, unless a topic that was renamed still has that id."""
        path: TopicPath = (*(self.by_id[own].name for own in self.way_to(parent)), name)
        own, number = id_of_path(self._topics.mode, path), 2
        while own in self.by_id:
            own, number = id_of_path(self._topics.mode, (*path, str(number))), number + 1
        self.by_id[own] = Topic(own, name)
        self._connect(parent, own)
        return own

    def link(self, parent: str, child: str) -> None:
        """Add a parent, unless it is one already or is below the child."""
        if parent not in self.by_id[child].parents and parent not in self.below(child):
            self._connect(parent, child)

    def _connect(self, parent: str, child: str) -> None:
        above, below = self.by_id[parent], self.by_id[child]
        self.by_id[parent] = replace(above, children=(*above.children, child))
        self.by_id[child] = replace(below, parents=(*below.parents, parent))

    def unlink(self, parent: str, child: str) -> None:
        """Remove the link between a parent and a child; a child without other parents is removed by `done`."""
        self._set_children(parent, (own for own in self.by_id[parent].children if own != child))
        self._set_parents(child, (own for own in self.by_id[child].parents if own != parent))

    def move(self, child: str, parent: str) -> None:
        """Put a parent in the place of a topic's primary one."""
        first, *others = self.by_id[child].parents
        self._set_children(first, (own for own in self.by_id[first].children if own != child))
        self._set_children(parent, (*self.by_id[parent].children, child))
        self._set_parents(child, (parent, *others))

    def merge(self, into: str, others: Iterable[str]) -> None:
        """Merge topics, then those of their children that have the same name, and so on downwards."""
        waiting: list[tuple[str, Iterable[str]]] = [(into, others)]
        while waiting:
            first, rest = waiting.pop()
            present = [own for own in _present(rest, self.by_id) if first not in self.below(own)]
            if present and first in self.by_id:
                self._contract(first, present)
                waiting.extend(self._namesakes(first))

    def _namesakes(self, parent: str) -> list[tuple[str, list[str]]]:
        alike: dict[str, list[str]] = {}
        for child in _present(self.by_id[parent].children, self.by_id):
            alike.setdefault(key_of(self.by_id[child].name), []).append(child)
        return [(first, rest) for first, *rest in alike.values() if rest]

    def _contract(self, into: str, others: list[str]) -> None:
        gone = {other: self.by_id.pop(other) for other in others}
        inherited = _present((child for other in gone.values() for child in other.children), self.by_id)
        for child in inherited:
            self._set_parents(child, _swapped(self.by_id[child].parents, gone, into))
        self._set_children(into, (*self.by_id[into].children, *inherited))
        if self._topics.mode == "graph":
            self._adopt(into, gone)

    def _adopt(self, into: str, gone: Mapping[str, Topic]) -> None:
        """Give a topic the parents of others, in the places of those."""
        barred = {*self.below(into), *self.by_id[into].parents}
        for parent in _present((parent for other in gone.values() for parent in other.parents), self.by_id):
            if parent not in barred:
                self._set_children(parent, _swapped(self.by_id[parent].children, gone, into))
                self._set_parents(into, (*self.by_id[into].parents, parent))

    def _set_parents(self, own: str, parents: Iterable[str]) -> None:
        self.by_id[own] = replace(self.by_id[own], parents=tuple(dict.fromkeys(parents)))

    def _set_children(self, own: str, children: Iterable[str]) -> None:
        self.by_id[own] = replace(self.by_id[own], children=tuple(dict.fromkeys(children)))


def _present(ids: Iterable[str], by_id: Container[str]) -> list[str]:
    """Return the ids that still exist, each once."""
    return [own for own in dict.fromkeys(ids) if own in by_id]


def _swapped(ids: Iterable[str], old: Container[str], new: str) -> Iterable[str]:
    """Yield the ids with one id in place of others."""
    return (new if own in old else own for own in ids)


def _reached(start: str, by_id: Mapping[str, Topic]) -> set[str]:
    reached, stack = {start}, [start]
    while stack:
        for child in by_id[stack.pop()].children:
            if child in by_id and child not in reached:
                reached.add(child)
                stack.append(child)
    return reached


def tidied(before: Topics, drafted: Mapping[str, Topic]) -> Topics:
    """Return the topics that are reachable from the root, parents before children, without links to removed topics."""
    reached = _reached(before.root, drafted)
    linked = Topics(before.mode, before.root, {own: _within(reached, drafted[own]) for own in reached})
    return Topics(before.mode, before.root, {topic.id: topic for topic, _ in linked.walk()})


def _within(ids: set[str], topic: Topic) -> Topic:
    if ids.issuperset(topic.parents) and ids.issuperset(topic.children):
        return topic
    parents = tuple(own for own in topic.parents if own in ids)
    return replace(topic, parents=parents, children=tuple(own for own in topic.children if own in ids))


def _with_ids_of_paths(tree: Topics) -> Topics:
    new = {topic.id: id_of_path("tree", path) for topic, path in tree.walk()}
    renewed = (_renewed(topic, new) for topic in tree.by_id.values())
    return Topics("tree", new[tree.root], {topic.id: topic for topic in renewed})


def _renewed(topic: Topic, new: dict[str, str]) -> Topic:
    parents, children = tuple(map(new.__getitem__, topic.parents)), tuple(map(new.__getitem__, topic.children))
    renewed = replace(topic, id=new[topic.id], parents=parents, children=children)
    return topic if renewed == topic else renewed


def key_of(name: str) -> str:
    """Return the key by which names are compared: the folded name, or the name itself if only punctuation is in it."""
    return fold(name) or name
