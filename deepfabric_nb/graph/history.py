"""`GrowingHistory`: undo and redo for topics that grow meanwhile; undoing an edit doesn't undo growth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from deepfabric_core.config.schema import Mode
from deepfabric_core.topics.edit import EditHistory
from deepfabric_core.topics.model import Topic, Topics

# A topic's id with its new children, their ids and names.
Growth = tuple[str, Mapping[str, str]]
# The old and the new id of each topic that is the same one after an edit.
Moves = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class _Step:
    """An edit that was made or undone: how much had grown before, and which topics have another id by it."""

    grown: int
    moves: Moves = ()


class GrowingHistory:
    """The current topics, and the edits that made them. `grow` is cheap: growth is applied when the topics are read."""

    def __init__(self, topics: Topics) -> None:
        self._history = EditHistory(topics)
        self._growth: list[Growth] = []
        self._put_in = 0
        self._done: list[_Step] = []
        self._undone: list[_Step] = []

    @property
    def topics(self) -> Topics:
        """The topics, with everything that has grown."""
        if self._put_in < len(self._growth):
            self._put_growth_in(self._put_in)
        return self._history.topics

    @property
    def mode(self) -> Mode:
        """The mode of the topics: tree or graph."""
        return self._history.topics.mode

    def grow(self, parent: str, children: Mapping[str, str]) -> None:
        """Add new topics below one; `children` maps their ids to their names."""
        self._growth.append((parent, children))

    def do(self, edit: Callable[[Topics], Topics], what: str) -> bool:
        """Edit the topics, and return whether that changed anything."""
        before = self.topics
        if self._history.do(edit, what) is before:
            return False
        self._done.append(_Step(len(self._growth)))
        self._undone.clear()
        return True

    def note_moves(self, moves: Moves) -> None:
        """Remember which topics have another id by the last edit."""
        self._done[-1] = replace(self._done[-1], moves=tuple(moves))

    def undo(self) -> Moves:
        """Undo the last edit; return which topics have another id by that."""
        grown = len(self._growth)
        _ = self.topics
        self._history.undo()
        step = self._done.pop()
        self._undone.append(_Step(grown, step.moves))
        self._put_growth_in(step.grown)
        return [(after, before) for before, after in step.moves]

    def redo(self) -> Moves:
        """Redo the edit that was undone last; return which topics have another id by that."""
        grown = len(self._growth)
        _ = self.topics
        self._history.redo()
        step = self._undone.pop()
        self._done.append(_Step(grown, step.moves))
        self._put_growth_in(step.grown)
        return step.moves

    @property
    def undoes(self) -> str:
        """The description of the edit that `undo` would undo, or an empty text."""
        return self._history.undoes

    @property
    def redoes(self) -> str:
        """The description of the edit that `redo` would redo, or an empty text."""
        return self._history.redoes

    def _put_growth_in(self, since: int) -> None:
        self._history.topics = with_growth(self._history.topics, self._growth[since:])
        self._put_in = len(self._growth)


def with_growth(topics: Topics, growth: Iterable[Growth]) -> Topics:
    """Return the topics with these children, if their parents exist and they don't exist yet."""
    by_id = dict(topics.by_id)
    for parent, children in growth:
        new = {own: name for own, name in children.items() if own not in by_id}
        if parent in by_id and new:
            above = by_id[parent]
            by_id[parent] = replace(above, children=(*above.children, *new))
            by_id.update((own, Topic(own, name, (parent,))) for own, name in new.items())
    return replace(topics, by_id=by_id)
