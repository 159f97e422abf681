"""Edit topics: prune, rename, add, replace, move, merge and weigh them, with undo.

Each edit returns new topics, in which every topic is reachable from the root and there is no cycle, or raises a
`ConfigError`. In a tree, ids are made from paths, so a topic that is renamed or moved gets a new id, as does everything
below it; in a graph, a topic keeps its id.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from deepfabric_core.config.schema import LARGEST_WEIGHT
from deepfabric_core.errors import ConfigError
from deepfabric_core.topics.edit_draft import Draft, key_of, tidied
from deepfabric_core.topics.model import Topic, Topics

_KEPT_EDITS = 100
_SHOWN_CHARACTERS = 60


def prune(topics: Topics, ids: Iterable[str]) -> Topics:
    """Remove these topics and those that are reachable only through them."""
    gone = {_topic(topics, own).id for own in ids}
    if topics.root in gone:
        raise ConfigError("The root can't be pruned: nothing would be left; name topics below it.")
    return tidied(topics, {own: topic for own, topic in topics.by_id.items() if own not in gone})


def keep_only(topics: Topics, topic_id: str) -> Topics:
    """Keep only a topic, its path from the root and everything below it."""
    draft = Draft(topics)
    kept = {*draft.way_to(_topic(topics, topic_id).id), *draft.below(topic_id)}
    return tidied(topics, {own: topic for own, topic in topics.by_id.items() if own in kept})


def keep_levels(topics: Topics, depth: int) -> Topics:
    """Keep only the topics that are at most `depth` levels below the root, by their primary paths."""
    return tidied(topics, {topic.id: topic for topic, path in topics.walk() if len(path) <= depth + 1})


def rename(topics: Topics, topic_id: str, name: str) -> Topics:
    """Give a topic another name."""
    topic, name = _topic(topics, topic_id), _clean(name)
    for parent in topic.parents:
        _check_new(topics, parent, (name,), besides=topic_id)
    draft = Draft(topics)
    draft.by_id[topic_id] = replace(topic, name=name)
    return draft.done(moved=True)


def add(topics: Topics, parent_id: str, names: str | Iterable[str]) -> Topics:
    """Add new topics below a topic."""
    _topic(topics, parent_id)
    names = _clean_all(names)
    _check_new(topics, parent_id, names)
    draft = Draft(topics)
    for name in names:
        draft.plant(parent_id, name)
    return draft.done()


def replace_children(topics: Topics, topic_id: str, names: str | Iterable[str]) -> Topics:
    """Replace a topic's children by these; a child that already has one of the names stays, with everything below."""
    names = _clean_all(names)
    wanted = set(map(key_of, names))
    draft = Draft(topics)
    present = draft.children_by_key(_topic(topics, topic_id).id)
    stay = {key: child for key, child in present.items() if key in wanted}
    for child in topics.by_id[topic_id].children:
        if stay.get(key_of(topics.by_id[child].name)) != child:
            draft.unlink(topic_id, child)
    order = tuple(stay.get(key_of(name)) or draft.plant(topic_id, name) for name in names)
    draft.by_id[topic_id] = replace(draft.by_id[topic_id], children=order)
    return draft.done()


def merge(topics: Topics, ids: Iterable[str]) -> Topics:
    """Merge several topics into the first of them.

    It takes over the children of the others, of which those with the same name are merged as well. In a graph it also
    takes over their parents, except those that are below it.
    """
    into, *others = [_topic(topics, own).id for own in dict.fromkeys(ids)] or [""]
    if not others:
        raise ConfigError("Merging takes two topics or more: name another one.")
    if topics.root in others:
        raise ConfigError("The root can't be merged into another topic: name the root first.")
    draft = Draft(topics)
    if above := next((other for other in others if into in draft.below(other)), None):
        upper, lower = _shown(topics.by_id[above].name), _shown(topics.by_id[into].name)
        raise ConfigError(f"{lower} lies below {upper}, so it can't take its place: name {upper} first.")
    draft.merge(into, others)
    return draft.done(moved=True)


def move(topics: Topics, ids: Iterable[str], parent_id: str) -> Topics:
    """Move topics, with everything below them, below another topic, after its children.

    In a graph they leave their primary parent and keep the others. What lies below another of the topics goes with it.
    """
    moved = [_topic(topics, own) for own in dict.fromkeys(ids)]
    into, draft = _topic(topics, parent_id), Draft(topics)
    if topics.root in {topic.id for topic in moved}:
        raise ConfigError("The root can't be moved: name topics below it.")
    along = {own for topic in moved for own in draft.below(topic.id) - {topic.id}}
    for topic in moved:
        if topic.id not in along and topic.parents[0] != parent_id:
            _check_move(draft, topic, into)
            draft.move(topic.id, parent_id)
    return draft.done(moved=True)


def _check_move(draft: Draft, topic: Topic, into: Topic) -> None:
    """Refuse to move a topic below itself, or beside another one with its name."""
    if into.id in draft.below(topic.id):
        raise ConfigError(f"{_shown(into.name)} lies below {_shown(topic.name)}, so it can't take it in.")
    taken = draft.children_by_key(into.id).get(key_of(topic.name), topic.id)
    if taken != topic.id:
        raise ConfigError(f"There is a topic {_shown(topic.name)} below {_shown(into.name)} already; merge the two.")


def weigh(topics: Topics, ids: Iterable[str], weight: float | None) -> Topics:
    """Set how many samples topics and what is below them get: 2 for twice as many, None for as many as above them."""
    if weight is not None and not 0 <= weight <= LARGEST_WEIGHT:
        raise ConfigError(f"A weight is a number from 0 to {LARGEST_WEIGHT:,}, not {weight}.")
    weighed = {own: replace(_topic(topics, own), weight=weight) for own in ids}
    return replace(topics, by_id={**topics.by_id, **weighed})


def with_weights(topics: Topics, weights: Mapping[str, float]) -> Topics:
    """Return the topics with these weights, by their ids, and no others; topics that aren't there are left out."""
    by_id = {own: replace(topic, weight=weights.get(own)) for own, topic in topics.by_id.items()}
    return replace(topics, by_id=by_id)


def grown(topics: Topics, topic_id: str, below: Topics) -> Topics:
    """Add the topics that were grown below a topic: the root of `below` is that topic.

    If a child has the name of an existing one, its subtopics are added to that one.
    """
    draft = Draft(topics)
    stands_for = {below.root: _topic(topics, topic_id).id}
    present: dict[str, dict[str, str]] = {}
    for topic, path in below.walk():
        if len(path) > 1:
            parent = stands_for[topic.parents[0]]
            beside = present.setdefault(parent, draft.children_by_key(parent))
            own = beside.get(key_of(topic.name)) or draft.plant(parent, topic.name)
            stands_for[topic.id] = beside[key_of(topic.name)] = own
    if topics.mode == "graph":
        for topic, _ in below.walk():
            for further in topic.parents[1:]:
                draft.link(stands_for[further], stands_for[topic.id])
    return draft.done()


class EditHistory:
    """The current topics and the edits that led to them, the last 100 of which can be undone."""

    def __init__(self, topics: Topics) -> None:
        self.topics = topics
        self._undone: list[tuple[str, Topics]] = []
        self._done: deque[tuple[str, Topics]] = deque(maxlen=_KEPT_EDITS)

    def do(self, edit: Callable[[Topics], Topics], what: str) -> Topics:
        """Edit the topics; `what` describes the edit in a few words. An edit that fails changes nothing."""
        edited = edit(self.topics)
        if edited == self.topics:
            return self.topics
        self._done.append((what, self.topics))
        self._undone.clear()
        self.topics = edited
        return edited

    def undo(self) -> Topics:
        """Undo the last edit."""
        if not self._done:
            raise ConfigError("There is no edit to undo.")
        what, before = self._done.pop()
        self._undone.append((what, self.topics))
        self.topics = before
        return before

    def redo(self) -> Topics:
        """Redo the edit that was undone last."""
        if not self._undone:
            raise ConfigError("There is no undone edit to do again.")
        what, after = self._undone.pop()
        self._done.append((what, self.topics))
        self.topics = after
        return after

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is an edit to redo."""
        return bool(self._undone)

    @property
    def undoes(self) -> str:
        """The description of the edit that the next undo undoes, or an empty text."""
        return self._done[-1][0] if self._done else ""

    @property
    def redoes(self) -> str:
        """The description of the edit that the next redo redoes, or an empty text."""
        return self._undone[-1][0] if self._undone else ""


def _topic(topics: Topics, topic_id: str) -> Topic:
    if topic_id not in topics.by_id:
        raise ConfigError(f"There is no topic with the id {_shown(topic_id)}; it may have been pruned or renamed.")
    return topics.by_id[topic_id]


def _clean_all(names: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names in one line each, as `_clean` makes them; raise ConfigError if two are the same."""
    cleaned = tuple(map(_clean, (names,) if isinstance(names, str) else names))
    if len(set(map(key_of, cleaned))) < len(cleaned):
        raise ConfigError("Two of the new topics have the same name; name each once.")
    return cleaned


def _clean(name: str) -> str:
    cleaned = " ".join(name.encode("utf-8", "replace").decode().split())
    if not cleaned:
        raise ConfigError("A topic needs a name; this one is empty.")
    return cleaned


def _check_new(topics: Topics, parent: str, names: Iterable[str], *, besides: str = "") -> None:
    """Refuse a name that another child of `parent` than `besides` already has."""
    siblings = (topics.by_id[child].name for child in topics.by_id[parent].children if child != besides)
    present = {key_of(name): name for name in siblings}
    for name in names:
        if taken := present.get(key_of(name)):
            raise ConfigError(f"There is a topic {_shown(taken)} in that place already; choose another name.")


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")
