"""`TopicGraphWidget`: Python holds and edits the topics; the page draws them and asks for edits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import traitlets

from deepfabric_core.errors import ConfigError, DeepFabricError
from deepfabric_core.text.outline import outline
from deepfabric_core.topics import edit
from deepfabric_core.topics.find import find
from deepfabric_core.topics.model import Topic, TopicPath, Topics, topic_id
from deepfabric_nb.graph.branch import Branch, branch
from deepfabric_nb.graph.history import GrowingHistory
from deepfabric_nb.graph.protocol import Columns, Measure, TopicSamples
from deepfabric_nb.graph.save_picture import PagePictures, save_picture
from deepfabric_nb.graph.static_view import picture_page
from deepfabric_nb.kernel.live_frame import STATIC, LiveFrame

# As many characters of a name are shown in the description of an edit.
_SHOWN = 40

OnEdit = Callable[[Topics, str], object]
OnGrow = Callable[[str, str], object]
SamplesOf = Callable[[str, int], TopicSamples]


class TopicGraphWidget(LiveFrame):
    """A widget to view and edit topics.

    `on_edit` is called after each edit with the topics and a few words on what was done; `on_grow` is called with the
    id of a topic below which the model is to find topics, and "grow" (more) or "regenerate" (others). Both may be
    called in another thread, with the graph locked. `when_selected` is called with the path of the topic that is
    selected on the page, or with an empty one. `samples_of` returns some samples at or below a topic, from a number on;
    without it there are none. What a run reports is sent to the page by `flush`.
    """

    _esm = STATIC / "graph.js"
    _css = STATIC / "graph.css"
    # Computed when it is read, so that a reloaded page gets the current state.
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
        self._pictures = PagePictures(self.send)
        self.on_edit = on_edit
        self.on_grow = on_grow
        self.when_selected: Callable[[TopicPath], object] | None = None
        self.samples_of: SamplesOf | None = None
        super().__init__()
        self.on_msg(self._received)
        self.observe(self._tell_selected, "selected")

    @property
    def topics(self) -> Topics:
        """The current topics."""
        with self._lock:
            return self._history.topics

    def static_page(self) -> str:
        """Return a picture of the topics, as HTML."""
        return picture_page(self.topics)

    def static_text(self) -> str:
        """Return the topics as an outline."""
        return outline(self.topics)

    def save(self, path: str | Path) -> None:
        """Save a picture of what the page shows, as `.png` or `.svg`, or all topics as an interactive `.html` page.

        Where no page shows the graph, `.svg` is a picture of the topics with those left out that have no room.

        Raises:
            ConfigError: the ending is another one, the file can't be written, or a PNG is wanted and no page shows the
                graph, since only a page can draw one.
        """
        save_picture(self.topics, Path(path), self._pictures)

    def find(self, topic: str | Sequence[str]) -> Topic:
        """Return a topic by its id, its name, or the last names of its path: "Wheels > Truing", or a list of names.

        Raises:
            ConfigError: there is no such topic, or several.
        """
        return find(self.topics, topic)

    def __getitem__(self, topic: str | Sequence[str]) -> Branch:
        """Return a topic, found as by `find`, with its samples and what is below it: `graph["Wheels"].children`."""
        with self._lock:
            known = self._columns.known.items()
            counts = [{own: getattr(one, name) for own, one in known} for name in ("wanted", "done", "failed")]
            return branch(self.topics, self.find(topic).id, (counts[0], counts[1], counts[2]))

    def _ids(self, topics: str | Iterable[str]) -> list[str]:
        return [self.find(topic).id for topic in _listed(topics)]

    # ---- what a run reports

    def grow(self, path: TopicPath, children: Iterable[str]) -> None:
        """Add new children to a topic; does nothing if the topic doesn't exist any more."""
        with self._lock:
            mode = self._history.mode
            parent, new = topic_id(mode, path), {topic_id(mode, (*path, name)): name for name in children}
            if parent in self._columns.rows:
                self._history.grow(parent, new)
                for own, name in new.items():
                    if own not in self._columns.rows:
                        self._columns.add(own, name, parent)

    def replace(self, topics: Topics) -> None:
        """Replace all topics, and forget earlier edits."""
        with self._lock:
            if topics != self._history.topics:
                self._history = GrowingHistory(topics)
                self._show_all()

    def count(
        self, topic_id: str, *, wanted: int | None = None, done: int | None = None, failed: int | None = None
    ) -> None:
        """Set how many of a topic's own samples are wanted, done and failed; omitted numbers don't change."""
        with self._lock:
            known = self._columns.of(topic_id)
            known.wanted = known.wanted if wanted is None else wanted
            known.done = known.done if done is None else done
            known.failed = known.failed if failed is None else failed

    def sample(self, topic_id: str, question: str, answer: str) -> None:
        """Count a sample that was made, and keep the first few as examples."""
        with self._lock:
            known = self._columns.of(topic_id)
            known.done += 1
            known.add_sample(question, answer)

    def failure(self, topic_id: str, kind: str, message: str) -> None:
        """Count a sample that failed, and keep the first few reasons as examples."""
        with self._lock:
            known = self._columns.of(topic_id)
            known.failed += 1
            known.add_failure(kind, message)

    def mark(self, marks: Mapping[str, str]) -> None:
        """Mark topics, given by their ids, with a sentence each; earlier marks are removed."""
        with self._lock:
            if marks != self._columns.marks:
                self._columns.marks = dict(marks)
                self._show_all()

    def measure(self, scores: Mapping[str, Measure], costs: Mapping[str, Measure]) -> None:
        """Set what is known of topics' own samples, by the topics' ids: a judge's scores, and costs in US dollars."""
        with self._lock:
            if (scores, costs) != (self._columns.scores, self._columns.costs):
                self._columns.scores, self._columns.costs = dict(scores), dict(costs)
                self._show_all()

    def flush(self) -> None:
        """Send what is new to the page. Call it at most five times a second."""
        with self._lock:
            if (new := self._columns.delta()) is not None:
                self.send(*new)

    def now(self) -> Mapping[str, Any]:
        """Return everything, in the form that the page gets."""
        with self._lock:
            changes = {"undo": self._history.undoes, "redo": self._history.redoes}
            return {**self._columns.snapshot(), **changes, "selected": list(self.selected), "moved": self._moved}

    # ---- edits

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
                self._edited(what, moved=[(topic_id, _in_its_place(topic_id, before, self.topics))])

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
                self._edited(
                    what, moved=[(own, after[name]) for own, name in zip(ids, names, strict=True) if name in after]
                )

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
            self._history.undo()
            self._edited(f"Undone: {what}")

    def redo(self) -> None:
        """Redo the edit that was undone last.

        Raises:
            ConfigError: there is nothing to redo.
        """
        with self._lock:
            what = self._history.redoes
            self._history.redo()
            self._edited(f"Done again: {what}")

    def _edited(self, what: str, *, moved: Sequence[tuple[str, str]] = ()) -> None:
        self._show_all(moved)
        if self.on_edit is not None:
            self.on_edit(self.topics, what)

    def _show_all(self, moved: Sequence[tuple[str, str]] = ()) -> None:
        """Send everything; `moved` has the old and the new ids of topics that are still the same to the page."""
        self._columns.fill(self._history.topics)
        self._moved = list(moved)
        self.send_state("snapshot")
        self._moved = []
        now = dict(moved)
        self._select_quietly([now.get(own, own) for own in self.selected])

    def _named(self, ids: list[str]) -> str:
        if len(ids) != 1:
            return f"{len(ids):,} topics"
        topic = self.topics.by_id.get(ids[0])
        return f"“{topic.name[:_SHOWN]}{'…' if len(topic.name) > _SHOWN else ''}”" if topic else "a topic"

    # ---- edits from other threads, which wait for the next drawing

    def edit_later(self, change: Callable[[Topics], Topics], what: str) -> None:
        """Edit the topics the next time the graph is drawn. May be called from any thread."""
        self._later.append(lambda: self.edit(change, what))

    def refuse_later(self, problem: str) -> None:
        """Tell the page why its request failed, the next time the graph is drawn. May be called from any thread."""
        self._later.append(lambda: self.send({"type": "refused", "message": problem}))

    def mark_outdated(self) -> None:
        """Mark the topics or their wanted counts as outdated. May be called from any thread."""
        self._outdated = True

    @property
    def has_changes_waiting(self) -> bool:
        """Whether edits or messages wait for the next drawing."""
        return bool(self._later)

    def apply_waiting_changes(self) -> None:
        """Apply what waits. Must be called in the thread of the cells."""
        while self._later:
            self._later.popleft()()

    def take_outdated(self) -> bool:
        """Return whether the graph was marked outdated since the last call."""
        outdated, self._outdated = self._outdated, False
        return outdated

    # ---- messages from the page

    def _received(self, _: Any, message: Any, buffers: Any) -> None:
        match message:
            case {"type": "samples_of", "topic": str(own), "from": int(first)} if first >= 0:
                self._send_samples(own, first)
                return
        with self._lock:
            match message:
                case {"type": "picture", "number": int(number)}:
                    self._pictures.answer(number, message, buffers)
                case {"type": "resync", "seq": int(seq)}:
                    if seq != self._columns.seq:
                        self.send_state("snapshot")
                case {"type": "select", "ids": list(ids)}:
                    self._select_quietly(ids)
                    self._show_samples()
                case {"type": "edit", "op": str(op), "ids": [*ids]} if all(isinstance(own, str) for own in ids):
                    self._change(op, ids, str(message.get("to" if op == "move" else "name", "")))

    def _send_samples(self, topic_id: str, first: int) -> None:
        """Send what the page asks for. It is read without the lock, as it may take a moment."""
        if self.samples_of is None or topic_id not in self.topics.by_id:
            return
        try:
            self.send(self.samples_of(topic_id, first))
        except DeepFabricError as problem:
            self.send({"type": "refused", "message": str(problem)})

    def _change(self, op: str, ids: list[str], more: str) -> None:
        """Do what the page asks for, and reply, since the page waits for a reply."""
        asked = [*ids, more] if op == "move" else [] if op in {"undo", "redo"} else ids
        try:
            if gone := next((own for own in asked if own not in self._columns.rows), ""):
                raise ConfigError(
                    f"There is no topic with the id {gone[:_SHOWN]!r}; it may have been pruned or renamed."
                )
            self._carry_out(op, ids, more)
        except DeepFabricError as problem:
            self.send({"type": "refused", "message": str(problem)})
        else:
            self.send({"type": "heard"})

    def _carry_out(self, op: str, ids: list[str], more: str) -> None:
        match op, ids:
            case ("prune", [_, *_]):
                self.prune(ids)
            case ("merge", [_, *_]):
                self.merge(ids)
            case ("keep_only", [own]):
                self.keep_only(own)
            case ("rename", [own]):
                self.rename(own, more)
            case ("add", [own]):
                self.add(own, more)
            case ("move", [_, *_]):
                self.move(ids, more)
            case ("undo", _):
                self.undo()
            case ("redo", _):
                self.redo()
            case ("grow" | "regenerate", [own]) if self.on_grow is not None:
                self.on_grow(own, op)
            case _:
                raise ConfigError("That can't be done here.")

    # ---- selection

    def _select_quietly(self, ids: list[Any]) -> None:
        """Select those of the topics that exist, without telling the page, which knows already."""
        self._from_page = True
        try:
            self.selected = tuple(own for own in ids if own in self._columns.rows)
        finally:
            self._from_page = False

    def show(self, topic_id: str) -> None:
        """Select a topic on the page, and bring it into view, unless it or one above it is selected already."""
        with self._lock:
            if topic_id in self._columns.rows and not set(self.selected) & set(_way_to(self.topics, topic_id)):
                self.selected = (topic_id,)

    def _show_samples(self) -> None:
        """Tell the path of the topic that was selected on the page; none means that of all, as do several."""
        if self.when_selected is not None:
            way = _way_to(self.topics, self.selected[0]) if len(self.selected) == 1 else ()
            path = tuple(self.topics.by_id[own].name for own in way)
            self.when_selected(path if len(path) > 1 else ())

    def _tell_selected(self, _: Any) -> None:
        if not self._from_page:
            self.send({"type": "select", "ids": list(self.selected)})


def _listed(ids: str | Iterable[str]) -> list[str]:
    return [ids] if isinstance(ids, str) else list(ids)


def _way_to(topics: Topics, topic_id: str) -> list[str]:
    """Return the ids on the primary path from the root to a topic."""
    way = [topic_id]
    while parents := topics.by_id[way[-1]].parents:
        way.append(parents[0])
    return way[::-1]


def _in_its_place(topic_id: str, before: Topics, after: Topics) -> str:
    """Return the id of the topic that is now at the position where `topic_id` was."""
    parents = before.by_id[topic_id].parents
    if not parents:
        return after.root
    place = before.by_id[parents[0]].children.index(topic_id)
    return after.by_id[parents[0]].children[place]
