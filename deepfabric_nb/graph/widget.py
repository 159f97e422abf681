"""`TopicGraphWidget`: Python holds and edits the topics; the page draws them and asks for edits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deepfabric_core.errors import ConfigError, DeepFabricError
from deepfabric_core.text.outline import outline
from deepfabric_core.topics.model import Topics
from deepfabric_nb.graph.editable_topics import SHOWN_CHARACTERS, EditableTopics, OnEdit
from deepfabric_nb.graph.protocol import TopicSamples
from deepfabric_nb.graph.save_picture import PagePictures, save_picture
from deepfabric_nb.graph.static_view import picture_page
from deepfabric_nb.kernel.live_frame import STATIC
from deepfabric_nb.runs.linked_views import Links

OnGrow = Callable[[str, str], object]
SamplesOf = Callable[[str, int], TopicSamples]

# What a message has beside the ids of an edit, if that isn't a name.
_MORE = {"move": "to", "weigh": "weight"}


class TopicGraphWidget(EditableTopics):
    """A widget to view and edit topics.

    `on_edit` is called after each edit with the topics and a few words on what was done; `on_grow` is called with the
    id of a topic below which the model is to find topics, and "grow" (more) or "regenerate" (others). Both may be
    called in another thread, with the graph locked. Views of samples of the `dataset` show those of the topic that is
    selected on the page. `samples_of` returns some samples at or below a topic, from a number on; without it there are
    none. What a run reports is sent to the page by `flush`.
    """

    _esm = STATIC / "graph.js"
    _css = STATIC / "graph.css"

    def __init__(
        self,
        topics: Topics,
        *,
        on_edit: OnEdit | None = None,
        on_grow: OnGrow | None = None,
        dataset: Path | None = None,
    ) -> None:
        self._pictures = PagePictures(self.send)
        self.on_grow = on_grow
        self.samples_of: SamplesOf | None = None
        self.links = Links(dataset)
        super().__init__(topics, on_edit)
        self.links.own.topics.add(self)
        self.on_msg(self._received)
        self.observe(self._tell_selected, "selected")

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
                    self._bring_up_to_date(seq)
                case {"type": "select", "ids": list(ids)}:
                    self._select_quietly(ids)
                    self._show_samples()
                case {"type": "edit", "op": str(op), "ids": [*ids]} if all(isinstance(own, str) for own in ids):
                    self._change(op, ids, message.get(_MORE.get(op, "name"), ""))

    def _bring_up_to_date(self, seq: int) -> None:
        """Answer a page that has everything up to a delta; it asks until it has an answer."""
        if seq != self._columns.seq:
            self.send_state("snapshot")
        else:
            self.send({"type": "synced", "seq": seq})

    def _send_samples(self, topic_id: str, first: int) -> None:
        """Send what the page asks for. It is read without the lock, as it may take a moment."""
        if self.samples_of is None or topic_id not in self.topics.by_id:
            return
        try:
            self.send(self.samples_of(topic_id, first))
        except DeepFabricError as problem:
            self.send({"type": "refused", "message": str(problem)})

    def _change(self, op: str, ids: list[str], more: Any) -> None:
        """Do what the page asks for, and reply, since the page waits for a reply."""
        asked = [*ids, more] if op == "move" else [] if op in {"undo", "redo"} else ids
        try:
            if gone := next((own for own in asked if own not in self._columns.rows), ""):
                raise ConfigError(
                    f"There is no topic with the id {gone[:SHOWN_CHARACTERS]!r}; it may have been pruned or renamed."
                )
            said = self._carry_out(op, ids, more)
        except DeepFabricError as problem:
            self.send({"type": "refused", "message": str(problem)})
        else:
            self.send({"type": "heard", **({"message": said} if said else {})})

    def _carry_out(self, op: str, ids: list[str], more: Any) -> str:
        """Carry out an edit, and return what there is to say about it."""
        match op, ids:
            case ("weigh", [_, *_]) if more is None or type(more) in (int, float):
                return self.weigh(ids, more)
            case ("grow" | "regenerate", [own]) if self.on_grow is not None:
                self.on_grow(own, op)
            case _ if (does := self._simple_edits(ids, str(more)).get(op)) is not None:
                does()
            case _:
                raise ConfigError("That can't be done here.")
        return ""

    def _simple_edits(self, ids: list[str], more: str) -> Mapping[str, Callable[[], None]]:
        """Return what edits of these topics do, by their names: those of any number of topics, and those of one."""
        edits: dict[str, Callable[[], None]] = {"undo": self.undo, "redo": self.redo}
        if ids:
            edits |= {
                "prune": lambda: self.prune(ids),
                "merge": lambda: self.merge(ids),
                "move": lambda: self.move(ids, more),
            }
        if len(ids) == 1:
            edits |= {
                "keep_only": lambda: self.keep_only(ids[0]),
                "rename": lambda: self.rename(ids[0], more),
                "add": lambda: self.add(ids[0], more),
            }
        return edits

    # ---- selection

    def show(self, topic_id: str) -> None:
        """Select a topic on the page, and bring it into view, unless it or one above it is selected already."""
        with self._lock:
            if topic_id in self._columns.rows and not set(self.selected) & set(_way_to(self.topics, topic_id)):
                self.selected = (topic_id,)

    def _show_samples(self) -> None:
        """Show the samples of the topic that was selected on the page; those of all topics for none or several."""
        way = _way_to(self.topics, self.selected[0]) if len(self.selected) == 1 else ()
        path = tuple(self.topics.by_id[own].name for own in way)
        for view in self.links.samples:
            view.show_within(path if len(path) > 1 else ())

    def _tell_selected(self, _: Any) -> None:
        if not self._from_page:
            self.send({"type": "select", "ids": list(self.selected)})


def _way_to(topics: Topics, topic_id: str) -> list[str]:
    """Return the ids on the primary path from the root to a topic."""
    way = [topic_id]
    while parents := topics.by_id[way[-1]].parents:
        way.append(parents[0])
    return way[::-1]
