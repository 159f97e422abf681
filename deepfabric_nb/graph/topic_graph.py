"""`TopicGraph`: the topic graph for users, a widget connected to a run, a file or topics in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from deepfabric_core.printable import printable
from deepfabric_core.samples.weights import leaf_weights, named_weights
from deepfabric_core.topics.coverage import coverage, near_duplicates, shape
from deepfabric_core.topics.model import Topics
from deepfabric_nb.graph.sources import RunTopicSource, TopicSource, source_of
from deepfabric_nb.graph.widget import TopicGraphWidget
from deepfabric_nb.kernel.drawing import Drawing
from deepfabric_nb.runs.engine_task import EngineTask
from deepfabric_nb.runs.linked_views import Linked, group_of
from deepfabric_nb.runs.run import Run

_LISTED = 5


class TopicGraph(TopicGraphWidget):
    """A widget to view and edit topics: `TopicGraph(run)`, `TopicGraph("topics.jsonl")` or `TopicGraph(topics)`.

    Edits of a run's topics are saved, and the run makes its samples accordingly, even if it is running; edits of a
    file's topics are saved to the file. `selected` has the ids of the selected topics, and can be observed. A topic is
    meant by its id, its name, or the end of its path, such as "Wheels > Truing". A topic that is selected in it is what
    views of `samples` show, and the topic of a sample that is selected there is selected in it: those of the run's
    dataset; of a file's topics, those of the run that has made them.

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

    def __init__(self, what: Topics | str | Path | Run, *, samples: Linked | Run | str | Path | None = None) -> None:
        self._source: TopicSource = source_of(what, Path(samples) if isinstance(samples, str | Path) else None)
        self._growing: list[EngineTask] = []
        self._drawing = Drawing(self.draw, self._goes_on_growing)
        super().__init__(
            self._source.topics(),
            on_edit=self._was_edited,
            on_grow=self._asked_for_more,
            dataset=self._source.dataset,
        )
        if samples is not None:
            self.link(samples)
        self.fixed_weights = lambda topics: named_weights(topics, self._source.named_weights)
        self.samples_of = lambda own, first: self._source.samples_of(self.topics, own, first)
        self._source.follow(self)
        self.draw()
        if isinstance(what, Run) and not what.over:
            self._follow(what)

    @property
    def planned(self) -> int | None:
        """How many samples a run makes of these topics; None if they belong to no run."""
        return self._source.planned(self.topics)

    def link(self, samples: Linked | Run | str | Path) -> None:
        """Link it with a view of samples, or with all views of a run's samples or of a dataset, given by its path.

        They then show the samples of the topic that is selected here, and this the topic of a sample selected there.
        """
        if isinstance(samples, Run):
            group = group_of(samples.job.dataset)
        else:
            group = group_of(Path(samples)) if isinstance(samples, str | Path) else samples.links.own
        self.links.add(group)
        group.topics.add(self)

    def report(self) -> str:
        """Return a report, a line each, on how balanced the topics are, and which have too few or too many samples."""
        known = self._columns.known
        counts = [{own: getattr(one, name) for own, one in known.items()} for name in ("wanted", "done", "failed")]
        topics, covered = self.topics, coverage(self.topics, *counts)
        lines = [*shape(topics).sentences]
        if self.planned is not None and not self._source.makes_samples:
            lines += [f"A run that makes samples of them makes {self.planned:,}."]
        elif self.planned is not None:
            lines += _named(topics, "Too few samples", covered.under)
            lines += _named(topics, "Too many samples", covered.over)
            lines += _named(topics, "No sample planned", covered.unplanned)
        lines += [f"Nearly the same: {_names(topics, group)}." for group in near_duplicates(topics)[:_LISTED]]
        return printable_lines(lines)

    # ---- growing again

    def grow_deeper(self, topic: str) -> None:
        """Let a model find subtopics of each leaf at or below a topic.

        Raises:
            DeepFabricError: it found none, or the topics belong to no run.
        """
        self._grown_again(topic, again=False)

    def ask_again(self, topic: str) -> None:
        """Let a model find new subtopics of a topic, which replace those it has and everything below them.

        Raises:
            DeepFabricError: it found none, or the topics belong to no run.
        """
        self._grown_again(topic, again=True)

    def _grown_again(self, topic: str, *, again: bool) -> None:
        self._source.regrow(self, self.find(topic).id, again=again).start().wait()
        self.draw()

    def _asked_for_more(self, topic_id: str, how: str) -> None:
        """Start what the page asks for; the result is drawn when it is ready."""
        task = self._source.regrow(self, topic_id, again=how == "regenerate").start()
        self._growing.append(task)
        self._drawing.begin()

    def _goes_on_growing(self) -> bool:
        self._growing[:] = [task for task in self._growing if not task.over]
        return bool(self._growing) or self.has_changes_waiting

    # ---- drawing

    def draw(self) -> None:
        """Update the page. Must be called in the thread of the cells."""
        self.apply_waiting_changes()
        if self.take_outdated():
            self._source.refresh(self)
        self.flush()

    def follow_again(self, run: Run) -> None:
        """Show a later run of the same dataset, which is at work, instead of the one shown so far."""
        self._source = RunTopicSource(run)
        self._source.listen(self)
        self.mark_outdated()
        self._follow(run)

    def _follow(self, run: Run) -> None:
        """Be drawn with the run's screens until it is over; then what is saved in the notebook is updated."""

        def draw() -> None:
            over = run.over
            self.draw()
            if over:
                run.screens.remove(draw)
                self.update_static_page()

        run.screens.append(draw)
        run.draw_between_cells()

    def _was_edited(self, topics: Topics, _: str) -> None:
        self._source.edited(self, topics)
        self._source.refresh(self)
        self.flush()

    def _check_weights(self, topics: Topics) -> None:
        leaf_weights(topics, self._source.named_weights)

    def _what_weights_change(self) -> str:
        return self._source.what_weights_change(self.topics)


def printable_lines(lines: Iterable[str]) -> str:
    """Return lines, which may contain a model's text, as printable text."""
    return "\n".join(map(printable, lines))


def _named(topics: Topics, what: str, ids: Sequence[str]) -> list[str]:
    more = f" and {len(ids) - _LISTED:,} more" if len(ids) > _LISTED else ""
    return [f"{what}: {_names(topics, ids[:_LISTED])}{more}."] if ids else []


def _names(topics: Topics, ids: Iterable[str]) -> str:
    return ", ".join(f"“{topics.by_id[own].name}”" for own in ids)
