"""The topic graph that people have in their hands: a widget, with an owner that knows what becomes of an edit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deepfabric_core.errors import ConfigError, DeepFabricError
from deepfabric_core.run.stages.regrow import Regrowth
from deepfabric_core.text.printable import printable
from deepfabric_core.topics.coverage import coverage, near_duplicates, shape
from deepfabric_core.topics.model import Topics
from deepfabric_nb.display.screens import usual_way
from deepfabric_nb.errors import CellError
from deepfabric_nb.graph.sources import owner_of
from deepfabric_nb.graph.static import Outline
from deepfabric_nb.graph.widget import TopicGraph as Widget
from deepfabric_nb.kernel.interrupts import BETWEEN, wait_for
from deepfabric_nb.runs.run import Run

_LISTED = 5


class TopicGraph(Widget):
    """Topics to look at and to steer: `TopicGraph(run)`, `TopicGraph("topics.jsonl")` or `TopicGraph(topics)`.

    Edits of a run's topics are saved with them, and the run makes its samples accordingly, also while it is at work;
    those of a file are saved to it. `selected` holds the ids of the selected topics, and can be observed.

    >>> from deepfabric_core.topics.formats import parse_topics
    >>> topics, _ = parse_topics('{"path": ["Tea", "Green"]}', source="tea.jsonl")
    >>> graph = TopicGraph(topics)
    >>> graph.add(topics.root, ["Black", "White"])
    >>> graph.topics
    <Topics: tree of 4, 3 of them leaves>
    >>> graph.undo()
    >>> graph.topics
    <Topics: tree of 2, 1 of them a leaf>
    """

    def __init__(self, what: Topics | str | Path | Run) -> None:
        self._owner = owner_of(what)
        self._later: deque[Callable[[], None]] = deque()
        self._stale = True
        self._loop = _running_loop()
        super().__init__(self._owner.topics(), on_edit=self._was_edited, on_grow=self._asked_for_more)
        self._owner.follow(self)
        self.draw()

    @property
    def planned(self) -> int | None:
        """How many samples a run makes of these topics; None where they belong to no run."""
        return self._owner.planned(self.topics)

    def report(self) -> str:
        """How even the topics are, and which have too few or too many samples, a line each."""
        known = self._columns.known
        counts = [{own: getattr(one, name) for own, one in known.items()} for name in ("wanted", "done", "failed")]
        topics, covered = self.topics, coverage(self.topics, *counts)
        lines = [*shape(topics).sentences]
        if self.planned is not None:
            lines += _named(topics, "Too few samples", covered.under)
            lines += _named(topics, "Too many samples", covered.over)
            lines += _named(topics, "No sample planned", covered.unplanned)
        lines += [f"Nearly the same: {_names(topics, group)}." for group in near_duplicates(topics)[:_LISTED]]
        return printable_lines(lines)

    # ---- growing again

    def grow_deeper(self, topic_id: str) -> None:
        """Have a model find subtopics of each leaf at or below a topic.

        Raises:
            CellError: it found none, or the topics belong to no run.
        """
        self._grown_again(topic_id, again=False)

    def ask_again(self, topic_id: str) -> None:
        """Have a model find other subtopics of a topic than it has; what was below it goes with them.

        Raises:
            CellError: it found none, or the topics belong to no run.
        """
        self._grown_again(topic_id, again=True)

    def _grown_again(self, topic_id: str, *, again: bool) -> None:
        try:
            run = self._owner.regrowing(self, topic_id, again=again).begin()
        except DeepFabricError as problem:
            raise CellError(str(problem)) from None
        wait_for(run)
        run.raise_error()
        self.draw()

    def _asked_for_more(self, topic_id: str, how: str) -> None:
        """The page asks: the answer is drawn when it is there."""
        run = self._owner.regrowing(self, topic_id, again=how == "regenerate").begin()
        self._keep_drawing(lambda: not run.over or bool(self._later))

    def apply_later(self, regrowth: Regrowth, what: str) -> None:
        """Put new topics in their places, the next time the graph is drawn. May be called from any thread."""
        self._later.append(lambda: self.edit(regrowth.edit, what))

    def tell_later(self, problem: str) -> None:
        """Say on the page why nothing came of what it asked for."""
        self._later.append(lambda: self.send({"type": "refused", "message": problem}))

    # ---- drawing

    def draw(self) -> None:
        """Bring the page up to date; in the thread of the cells."""
        while self._later:
            self._later.popleft()()
        if self._stale:
            self._stale = False
            self._owner.refresh(self)
        self.flush()

    def outdated(self) -> None:
        """What is wanted, or the topics themselves, have changed. May be called from any thread."""
        self._stale = True

    def mark_if_new(self, marks: Mapping[str, str]) -> None:
        """Mark topics, unless they are marked so."""
        if marks != self._columns.marks:
            self.mark(marks)

    def _keep_drawing(self, going_on: Callable[[], bool]) -> None:
        async def drawing() -> None:
            while going_on():
                self.draw()
                await asyncio.sleep(BETWEEN)
            self.draw()

        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(drawing(), self._loop)

    def undo(self) -> None:
        """Take the last change back.

        Raises:
            CellError: there is none.
        """
        with _one_sentence():
            super().undo()

    def redo(self) -> None:
        """Make the change again that was taken back last.

        Raises:
            CellError: there is none.
        """
        with _one_sentence():
            super().redo()

    def rename(self, topic_id: str, name: str) -> None:
        """Give a topic another name. In a tree it and all below it get other ids with that, and other samples.

        Raises:
            CellError: there is no such topic, or the name can't be given.
        """
        with _one_sentence():
            super().rename(topic_id, name)

    def edit(self, change: Callable[[Topics], Topics], what: str) -> None:
        """Change the topics; `what` says what was done, for the one who may take it back.

        Raises:
            CellError: they can't be changed so; nothing was.
        """
        with _one_sentence():
            super().edit(change, what)

    def _was_edited(self, topics: Topics, _: str) -> None:
        self._owner.edited(self, topics)
        self._owner.refresh(self)

    # ---- how it is kept in the notebook

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget where it can be drawn, and a picture and an outline everywhere."""
        if usual_way() == "text":
            return Outline(self.topics)._repr_mimebundle_()
        bundle, *rest = super()._repr_mimebundle_(**options) or ({},)
        return ({**bundle, **Outline(self.topics)._repr_mimebundle_()}, *rest)


@contextmanager
def _one_sentence() -> Iterator[None]:
    try:
        yield
    except ConfigError as problem:
        raise CellError(str(problem)) from None


def printable_lines(lines: Iterable[str]) -> str:
    """Lines that may hold a model's words."""
    return "\n".join(map(printable, lines))


def _named(topics: Topics, what: str, ids: Sequence[str]) -> list[str]:
    more = f" and {len(ids) - _LISTED:,} more" if len(ids) > _LISTED else ""
    return [f"{what}: {_names(topics, ids[:_LISTED])}{more}."] if ids else []


def _names(topics: Topics, ids: Iterable[str]) -> str:
    return ", ".join(f"“{topics.by_id[own].name}”" for own in ids)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
