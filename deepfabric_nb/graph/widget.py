"""The topic graph: seen as it grows, and steered. Python holds the topics; the page draws them and asks for changes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from deepfabric_core.errors import ConfigError, DeepFabricError
from deepfabric_core.topics import edit
from deepfabric_core.topics.model import TopicPath, Topics, topic_id
from deepfabric_nb.graph.history import GrowingHistory
from deepfabric_nb.graph.protocol import Columns
from deepfabric_nb.kernel.comm_messages import hear_while_busy

_STATIC = Path(__file__).parent.parent / "static"

# As many characters of a name are told with a change.
_SHOWN = 40

OnEdit = Callable[[Topics, str], object]
OnGrow = Callable[[str, str], object]


class TopicGraphWidget(anywidget.AnyWidget):
    """Topics to look at and to change.

    `on_edit` gets the topics after each change, with a few words on what was done; `on_grow` gets the id of a topic
    below which the model is to find topics, and "grow" (more) or "regenerate" (others). Both may be called on
    another thread, with the graph locked. What a run tells is sent to the page by `flush`.
    """

    _esm = _STATIC / "graph.js"
    _css = _STATIC / "graph.css"
    # Made when it is asked for, so that a page that is loaded again gets what there is by then.
    snapshot: Any = traitlets.Any(None).tag(
        sync=True, to_json=lambda _, widget: widget.now(), from_json=lambda *_: None
    )
    selected: Any = traitlets.Tuple()

    def __init__(self, topics: Topics, *, on_edit: OnEdit | None = None, on_grow: OnGrow | None = None) -> None:
        self._lock = threading.RLock()
        self._history = GrowingHistory(topics)
        self._columns = Columns(topics)
        self._later: deque[Callable[[], None]] = deque()
        self._outdated = True
        self._from_page = False
        self._moved: list[tuple[str, str]] = []
        self.on_edit = on_edit
        self.on_grow = on_grow
        super().__init__()
        self.on_msg(self._received)
        self.observe(self._tell_selected, "selected")
        hear_while_busy(self.comm)

    @property
    def topics(self) -> Topics:
        """The topics as they are now."""
        with self._lock:
            return self._history.topics

    # ---- what a run tells

    def grow(self, path: TopicPath, children: Iterable[str]) -> None:
        """A topic has new children; nothing happens if it is no longer there."""
        with self._lock:
            mode = self._history.mode
            parent, new = topic_id(mode, path), {topic_id(mode, (*path, name)): name for name in children}
            if parent in self._columns.rows:
                self._history.grow(parent, new)
                for own, name in new.items():
                    if own not in self._columns.rows:
                        self._columns.add(own, name, parent)

    def replace(self, topics: Topics) -> None:
        """Other topics altogether, with no edits to take back."""
        with self._lock:
            if topics != self._history.topics:
                self._history = GrowingHistory(topics)
                self._show_all()

    def count(
        self, topic_id: str, *, wanted: int | None = None, done: int | None = None, failed: int | None = None
    ) -> None:
        """How many samples of a topic itself are wanted, done, failed; what isn't given stays."""
        with self._lock:
            known = self._columns.of(topic_id)
            known.wanted = known.wanted if wanted is None else wanted
            known.done = known.done if done is None else done
            known.failed = known.failed if failed is None else failed

    def sample(self, topic_id: str, question: str, answer: str) -> None:
        """A sample was made: it is counted, and the first few are kept to be looked at."""
        with self._lock:
            known = self._columns.of(topic_id)
            known.done += 1
            known.add_sample(question, answer)

    def failure(self, topic_id: str, kind: str, message: str) -> None:
        """A sample could not be made: it is counted, and the first few reasons are kept."""
        with self._lock:
            known = self._columns.of(topic_id)
            known.failed += 1
            known.add_failure(kind, message)

    def mark(self, marks: Mapping[str, str]) -> None:
        """Mark topics with a sentence each, by their ids; earlier marks are forgotten."""
        with self._lock:
            if marks != self._columns.marks:
                self._columns.marks = dict(marks)
                self._show_all()

    def flush(self) -> None:
        """Send what is new to the page; at most five times a second, please."""
        with self._lock:
            if (new := self._columns.delta()) is not None:
                self.send(*new)

    def now(self) -> Mapping[str, Any]:
        """Everything, as the page gets it."""
        with self._lock:
            changes = {"undo": self._history.undoes, "redo": self._history.redoes}
            return {**self._columns.snapshot(), **changes, "selected": list(self.selected), "moved": self._moved}

    # ---- edits

    def prune(self, ids: str | Iterable[str]) -> None:
        """Take topics out, with what is reachable only through them."""
        ids = _listed(ids)
        self.edit(partial(edit.prune, ids=ids), f"Pruned {self._named(ids)}")

    def keep_only(self, topic_id: str) -> None:
        """Take out everything but a topic, its path and what is below it."""
        self.edit(partial(edit.keep_only, topic_id=topic_id), f"Kept only {self._named([topic_id])}")

    def rename(self, topic_id: str, name: str) -> None:
        """Give a topic another name. In a tree it and all below it get other ids with that, and other samples.

        Raises:
            ConfigError: there is no such topic, or the name can't be given.
        """
        with self._lock:
            before, what = self.topics, f"Renamed {self._named([topic_id])}"
            if self._history.do(partial(edit.rename, topic_id=topic_id, name=name), what):
                self._edited(what, moved=(topic_id, _in_its_place(topic_id, before, self.topics)))

    def add(self, parent_id: str, names: str | Iterable[str]) -> None:
        """Add topics below one."""
        names = _listed(names)
        what = "a topic" if len(names) == 1 else f"{len(names):,} topics"
        self.edit(partial(edit.add, parent_id=parent_id, names=names), f"Added {what} below {self._named([parent_id])}")

    def merge(self, ids: Iterable[str]) -> None:
        """Make several topics one, the first of them."""
        ids = _listed(ids)
        self.edit(partial(edit.merge, ids=ids), f"Merged {len(ids):,} topics into {self._named(ids[:1])}")

    def edit(self, change: Callable[[Topics], Topics], what: str) -> None:
        """Change the topics; `what` says what was done, for the one who may take it back.

        Raises:
            ConfigError: they can't be changed so; nothing was.
        """
        with self._lock:
            if self._history.do(change, what):
                self._edited(what)

    def undo(self) -> None:
        """Take the last change back.

        Raises:
            ConfigError: there is none.
        """
        with self._lock:
            what = self._history.undoes
            self._history.undo()
            self._edited(f"Undone: {what}")

    def redo(self) -> None:
        """Make the change again that was taken back last.

        Raises:
            ConfigError: there is none.
        """
        with self._lock:
            what = self._history.redoes
            self._history.redo()
            self._edited(f"Done again: {what}")

    def _edited(self, what: str, *, moved: tuple[str, str] | None = None) -> None:
        self._show_all(moved)
        if self.on_edit is not None:
            self.on_edit(self.topics, what)

    def _show_all(self, moved: tuple[str, str] | None = None) -> None:
        """Send everything; a topic that has `moved` from one id to another is still the same to the page."""
        self._columns.fill(self._history.topics)
        self._moved = [moved] if moved else []
        self.send_state("snapshot")
        self._moved = []
        now = dict([moved] if moved else [])
        self._select_quietly([now.get(own, own) for own in self.selected])

    def _named(self, ids: list[str]) -> str:
        if len(ids) != 1:
            return f"{len(ids):,} topics"
        topic = self.topics.by_id.get(ids[0])
        return f"“{topic.name[:_SHOWN]}{'…' if len(topic.name) > _SHOWN else ''}”" if topic else "a topic"

    # ---- changes from other threads, which wait for the next drawing

    def edit_later(self, change: Callable[[Topics], Topics], what: str) -> None:
        """Change the topics the next time the graph is drawn. May be called from any thread."""
        self._later.append(lambda: self.edit(change, what))

    def refuse_later(self, problem: str) -> None:
        """Tell the page why nothing came of what it asked for. May be called from any thread."""
        self._later.append(lambda: self.send({"type": "refused", "message": problem}))

    def mark_outdated(self) -> None:
        """Say that what is wanted, or the topics themselves, have changed. May be called from any thread."""
        self._outdated = True

    @property
    def has_changes_waiting(self) -> bool:
        """Whether changes wait for the next drawing."""
        return bool(self._later)

    def apply_waiting_changes(self) -> None:
        """Make the changes that wait; in the thread of the cells."""
        while self._later:
            self._later.popleft()()

    def take_outdated(self) -> bool:
        """Return whether the graph was marked outdated since this was asked last."""
        outdated, self._outdated = self._outdated, False
        return outdated

    # ---- what the page says

    def _received(self, _: Any, message: Any, __: Any) -> None:
        with self._lock:
            match message:
                case {"type": "resync", "seq": int(seq)}:
                    if seq != self._columns.seq:
                        self.send_state("snapshot")
                case {"type": "select", "ids": list(ids)}:
                    self._select_quietly(ids)
                case {"type": "edit", "op": str(op), "ids": [*ids]} if all(isinstance(own, str) for own in ids):
                    self._change(op, ids, str(message.get("name", "")))

    def _change(self, op: str, ids: list[str], name: str) -> None:
        """Do what the page asks for, and answer: the page waits for a word."""
        try:
            self._carry_out(op, ids, name)
        except DeepFabricError as problem:
            self.send({"type": "refused", "message": str(problem)})
        else:
            self.send({"type": "heard"})

    def _carry_out(self, op: str, ids: list[str], name: str) -> None:
        match op, ids:
            case ("prune", [_, *_]):
                self.prune(ids)
            case ("merge", [_, *_]):
                self.merge(ids)
            case ("keep_only", [own]):
                self.keep_only(own)
            case ("rename", [own]):
                self.rename(own, name)
            case ("add", [own]):
                self.add(own, name)
            case ("undo", _):
                self.undo()
            case ("redo", _):
                self.redo()
            case ("grow" | "regenerate", [own]) if self.on_grow is not None:
                self.on_grow(own, op)
            case _:
                raise ConfigError("That can't be done here.")

    # ---- what is selected

    def _select_quietly(self, ids: list[Any]) -> None:
        """Those of the topics that are there; the page knows already."""
        self._from_page = True
        try:
            self.selected = tuple(own for own in ids if own in self._columns.rows)
        finally:
            self._from_page = False

    def _tell_selected(self, _: Any) -> None:
        if not self._from_page:
            self.send({"type": "select", "ids": list(self.selected)})


def _listed(ids: str | Iterable[str]) -> list[str]:
    return [ids] if isinstance(ids, str) else list(ids)


def _in_its_place(topic_id: str, before: Topics, after: Topics) -> str:
    """The id of the topic that stands where this one stood."""
    parents = before.by_id[topic_id].parents
    if not parents:
        return after.root
    place = before.by_id[parents[0]].children.index(topic_id)
    return after.by_id[parents[0]].children[place]
