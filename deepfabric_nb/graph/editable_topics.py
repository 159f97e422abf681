"""`EditableTopics`: what changes the topics of a graph by hand, with undo."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from deepfabric_core.errors import ConfigError
from deepfabric_core.samples.weights import leaf_weights
from deepfabric_core.topics import edit
from deepfabric_core.topics.model import Topics
from deepfabric_nb.graph.history import Moves
from deepfabric_nb.graph.shown_topics import ShownTopics

# As many characters of a name are shown in the description of an edit.
SHOWN_CHARACTERS = 40

OnEdit = Callable[[Topics, str], object]


class EditableTopics(ShownTopics):
    """Topics that can be edited; `on_edit` is called after each edit with the topics and a few words on what was done.

    Topics are meant by id, by name, or by the last names of their path ("Wheels > Truing").
    """

    def __init__(self, topics: Topics, on_edit: OnEdit | None = None) -> None:
        self._later: deque[Callable[[], None]] = deque()
        self.on_edit = on_edit
        super().__init__(topics)

    def _ids(self, topics: str | Iterable[str]) -> list[str]:
        return [self.find(topic).id for topic in _listed(topics)]

    def prune(self, topics: str | Iterable[str]) -> None:
        """Remove topics, and what is reachable only through them: by id, name, or path ("Wheels > Truing")."""
        ids = self._ids(topics)
        self.edit(partial(edit.prune, ids=ids), f"Pruned {self._named(ids)}")

    def keep_only(self, topic: str) -> None:
        """Remove everything but a topic, its path and what is below it."""
        topic_id = self.find(topic).id
        self.edit(partial(edit.keep_only, topic_id=topic_id), f"Kept only {self._named([topic_id])}")

    def rename(self, topic: str, name: str) -> None:
        """Rename a topic. In a tree this changes its id and those of all topics below it, and so their samples.

        Raises:
            ConfigError: there is no such topic, or the name can't be given.
        """
        with self._lock:
            topic_id = self.find(topic).id
            before, what = self.topics, f"Renamed {self._named([topic_id])}"
            if self._history.do(partial(edit.rename, topic_id=topic_id, name=name), what):
                self._edited_with_moves(what, [(topic_id, _in_its_place(topic_id, before, self.topics))])

    def add(self, parent: str, names: str | Iterable[str]) -> None:
        """Add topics below a topic."""
        parent_id, names = self.find(parent).id, _listed(names)
        what = "a topic" if len(names) == 1 else f"{len(names):,} topics"
        self.edit(partial(edit.add, parent_id=parent_id, names=names), f"Added {what} below {self._named([parent_id])}")

    def move(self, topics: str | Iterable[str], parent: str) -> None:
        """Move topics, with everything below them, below another topic. In a tree this changes their ids.

        Raises:
            ConfigError: there is no such topic, or it can't be moved there.
        """
        with self._lock:
            ids, before, into = self._ids(topics), self.topics, self.find(parent)
            what = f"Moved {self._named(ids)} below {self._named([into.id])}"
            if self._history.do(partial(edit.move, ids=ids, parent_id=into.id), what):
                after = {self.topics.by_id[own].name: own for own in self.topics.by_id[into.id].children}
                names = [before.by_id[own].name for own in ids]
                moves = [(own, after[name]) for own, name in zip(ids, names, strict=True) if name in after]
                self._edited_with_moves(what, moves)

    def weigh(self, topics: str | Iterable[str], weight: float | None) -> str:
        """Let topics and what is below them get more samples than others: 2 for twice as many each, 0 for none.

        None takes the weight back: it is that of the topic above, and in the end 1. Samples that are made stay.

        Returns:
            What that changes, in a sentence; empty if no run is known.

        Raises:
            ConfigError: there is no such topic, the config gives its weight, or no topic would get any sample.
        """
        with self._lock:
            ids = self._ids(topics)
            if fixed := next((own for own in ids if own in self.fixed_weights(self.topics)), None):
                raise ConfigError(
                    f"topics.weights of the config gives {self._named([fixed])} its weight: change it there."
                )
            how = "as above" if weight is None else f"{weight:g}"
            self._check_weights(edit.weigh(self.topics, ids, weight))
            self.edit(partial(edit.weigh, ids=ids, weight=weight), f"Weight {how} for {self._named(ids)}")
            return self._what_weights_change()

    def _check_weights(self, topics: Topics) -> None:
        """Raise a ConfigError if nothing would be left to make."""
        leaf_weights(topics, {})

    def _what_weights_change(self) -> str:
        return ""

    def merge(self, topics: Iterable[str]) -> None:
        """Merge several topics into the first of them."""
        ids = self._ids(topics)
        self.edit(partial(edit.merge, ids=ids), f"Merged {len(ids):,} topics into {self._named(ids[:1])}")

    def edit(self, change: Callable[[Topics], Topics], what: str) -> None:
        """Edit the topics; `what` describes the edit, for undo.

        Raises:
            ConfigError: the edit isn't possible; nothing was changed.
        """
        with self._lock:
            if self._history.do(change, what):
                self._edited(what)

    def undo(self) -> None:
        """Undo the last edit.

        Raises:
            ConfigError: there is nothing to undo.
        """
        with self._lock:
            what = self._history.undoes
            self._edited(f"Undone: {what}", moved=self._history.undo())

    def redo(self) -> None:
        """Redo the edit that was undone last.

        Raises:
            ConfigError: there is nothing to redo.
        """
        with self._lock:
            what = self._history.redoes
            self._edited(f"Done again: {what}", moved=self._history.redo())

    def _edited_with_moves(self, what: str, moves: Moves) -> None:
        self._history.note_moves(moves)
        self._edited(what, moved=moves)

    def _edited(self, what: str, *, moved: Moves = ()) -> None:
        self._show_all(moved)
        if self.on_edit is not None:
            self.on_edit(self.topics, what)

    def _named(self, ids: list[str]) -> str:
        if len(ids) != 1:
            return f"{len(ids):,} topics"
        topic = self.topics.by_id.get(ids[0])
        return (
            f"“{topic.name[:SHOWN_CHARACTERS]}{'…' if len(topic.name) > SHOWN_CHARACTERS else ''}”"
            if topic
            else "a topic"
        )

    # ---- edits from other threads, which wait for the next drawing

    def edit_later(self, change: Callable[[Topics], Topics], what: str) -> None:
        """Edit the topics the next time the graph is drawn. May be called from any thread."""
        self._later.append(lambda: self.edit(change, what))

    def refuse_later(self, problem: str) -> None:
        """Tell the page why its request failed, the next time the graph is drawn. May be called from any thread."""
        self._later.append(lambda: self.send({"type": "refused", "message": problem}))

    @property
    def has_changes_waiting(self) -> bool:
        """Whether edits or messages wait for the next drawing."""
        return bool(self._later)

    def apply_waiting_changes(self) -> None:
        """Apply what waits. Must be called in the thread of the cells."""
        while self._later:
            self._later.popleft()()


def _listed(ids: str | Iterable[str]) -> list[str]:
    return [ids] if isinstance(ids, str) else list(ids)


def _in_its_place(topic_id: str, before: Topics, after: Topics) -> str:
    """Return the id of the topic that is now at the position where `topic_id` was."""
    parents = before.by_id[topic_id].parents
    if not parents:
        return after.root
    place = before.by_id[parents[0]].children.index(topic_id)
    return after.by_id[parents[0]].children[place]
