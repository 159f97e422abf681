"""`ShownTopics`: the topics and their samples as the page has them, and what a run reports of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import traitlets

from deepfabric_core.topics.find import find
from deepfabric_core.topics.model import Topic, TopicPath, Topics, topic_id
from deepfabric_nb.graph.branch import Branch, branch
from deepfabric_nb.graph.history import GrowingHistory
from deepfabric_nb.graph.protocol import Columns, Measure
from deepfabric_nb.kernel.live_frame import LiveFrame


class ShownTopics(LiveFrame):
    """The topics of a widget, with counts of their samples. `flush` sends what is new to the page.

    `fixed_weights` returns the weights that a config gives topics, by their ids: they can't be changed by hand.
    """

    # Computed when it is read, so that a reloaded page gets the current state.
    snapshot: Any = traitlets.Any(None).tag(
        sync=True, to_json=lambda _, widget: widget.now(), from_json=lambda *_: None
    )
    selected: Any = traitlets.Tuple()

    def __init__(self, topics: Topics) -> None:
        self._lock = threading.RLock()
        self._history = GrowingHistory(topics)
        self._columns = Columns(topics)
        self._outdated = True
        self._from_page = False
        self._moved: list[tuple[str, str]] = []
        self.fixed_weights: Callable[[Topics], Mapping[str, float]] = lambda _: {}
        super().__init__()

    @property
    def topics(self) -> Topics:
        """The current topics."""
        with self._lock:
            return self._history.topics

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
            topics = self.topics
            weights = {**topics.weights, **self.fixed_weights(topics)}
            return branch(topics, self.find(topic).id, (counts[0], counts[1], counts[2]), weights)

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

    def sample(self, topic_id: str, question: str, answer: str, *, is_counted: bool = False) -> None:
        """Count a sample that was made, unless it is counted already, and keep the first few as examples."""
        with self._lock:
            known = self._columns.of(topic_id)
            known.done += not is_counted
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
            more = {"selected": list(self.selected), "moved": self._moved, "weights": self._weights_by_row()}
            return {**self._columns.snapshot(), **changes, **more}

    def _weights_by_row(self) -> list[tuple[int, float, bool]]:
        topics, rows = self._history.topics, self._columns.rows
        fixed = self.fixed_weights(topics)
        return [(rows[own], weight, own in fixed) for own, weight in {**topics.weights, **fixed}.items() if own in rows]

    @property
    def weights(self) -> dict[str, float]:
        """The weights of branches by their paths, as `topics.weights` of a config has them."""
        topics = self.topics
        known = {**topics.weights, **self.fixed_weights(topics)}
        return {" > ".join(path[1:] or path): known[topic.id] for topic, path in topics.walk() if topic.id in known}

    def _show_all(self, moved: Sequence[tuple[str, str]] = ()) -> None:
        """Send everything; `moved` has the old and the new ids of topics that are still the same to the page."""
        self._columns.fill(self._history.topics)
        self._moved = list(moved)
        self.send_state("snapshot")
        self._moved = []
        now = dict(moved)
        self._select_quietly([now.get(own, own) for own in self.selected])

    def _select_quietly(self, ids: list[Any]) -> None:
        """Select those of the topics that exist, without telling the page, which knows already."""
        self._from_page = True
        try:
            self.selected = tuple(own for own in ids if own in self._columns.rows)
        finally:
            self._from_page = False

    def mark_outdated(self) -> None:
        """Mark the topics or their wanted counts as outdated. May be called from any thread."""
        self._outdated = True

    def take_outdated(self) -> bool:
        """Return whether the graph was marked outdated since the last call."""
        outdated, self._outdated = self._outdated, False
        return outdated
