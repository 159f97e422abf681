"""`RunFrame`: what a cell shows of a run, from its beginning to the reopened file.

While the run works there is a line with its progress above the samples that arrive; when it is over, the same frame is
the view of its samples. `view` is all that is shown besides the samples, so a reloaded page has it too; the samples are
asked for by the page, see `deepfabric_nb.samples.protocol`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import traitlets

from deepfabric_core.errors import DeepFabricError
from deepfabric_core.events import Event, TopicExpanded
from deepfabric_core.printable import printable, printable_path
from deepfabric_core.redaction import redact
from deepfabric_nb.display.run_view import GrownView, RunView, view_of
from deepfabric_nb.display.summary_html import frame_html, summary_text
from deepfabric_nb.kernel.display_mode import current_shell
from deepfabric_nb.kernel.live_frame import STATIC, LiveFrame
from deepfabric_nb.runs.run import Run
from deepfabric_nb.runs.session import session_of
from deepfabric_nb.samples.channel import SampleChannel
from deepfabric_nb.samples.make_again import remaking_of
from deepfabric_nb.samples.sources import RunSource, SampleSource
from deepfabric_nb.samples.static_page import samples_html

if TYPE_CHECKING:
    from deepfabric_nb.graph.topic_graph import TopicGraph

_GROWN = 12
_NAMES = 8
_PATH = 90
_NAME = 60


class RunFrame(LiveFrame):
    """The frame of a run. Its page asks to stop it, to try failed samples again, and for samples to review.

    `selected` and `decisions` are those of `deepfabric_nb.Samples`.
    """

    _esm = STATIC / "run_frame.js"
    _css = STATIC / "run_frame.css"
    view: Any = traitlets.Dict().tag(sync=True)
    selected: Any = traitlets.Unicode().tag(sync=True)
    decisions: Any = traitlets.Dict().tag(sync=True)

    def __init__(self, run: Run) -> None:
        self._run = run
        self._grown: tuple[TopicExpanded, ...] = ()  # replaced, as it grows in the engine's thread while it is drawn
        self._graph: TopicGraph | None = None
        self._remade: list[tuple[Run, int]] = []
        source = RunSource(run)
        again = remaking_of(source)
        self._again = again and self._following(again)
        super().__init__(view=dict(view_of(run)))
        self._samples = None if run.job.topic_only else self._channel(source)
        self.view = dict(self._shown())
        self.on_msg(self._received)
        self._follow(run)

    def _channel(self, source: RunSource) -> SampleChannel:
        redactor = session_of(current_shell()).redactor()
        channel = SampleChannel(self, source, redact=redactor, make_again=self._again)
        channel.when_decided = self.update_static_page_soon
        return channel

    def link(self, graph: TopicGraph) -> None:
        """Let a graph of the same run follow later runs, too, that make samples again."""
        self._graph = graph

    def static_page(self) -> str:
        """Return the headline, the summary to be opened, and the first samples in full, as HTML."""
        shown = self._samples
        samples = samples_html(shown, headline=False) if shown is not None and len(shown.index) else ""
        return frame_html(self._shown(), samples)

    def static_text(self) -> str:
        """Return the summary as a few lines."""
        return summary_text(self._shown())

    # ---- drawing

    @property
    def following(self) -> Run:
        """The run that is shown: the first one, or a later one that goes on with its samples."""
        return self._run

    def _follow(self, run: Run) -> None:
        """Be drawn with a run until it is over."""
        self._run = run
        if not run.over:
            run.watch(self._note)
            run.screens.append(self.draw)

    def _following(self, again: Callable[[], SampleSource]) -> Callable[[], SampleSource]:
        """Return what begins to make samples again, with a run that is shown from then on."""

        def begin() -> SampleSource:
            rejected = self._samples.progress()["to_make_again"] if self._samples is not None else 0
            source = again()
            if isinstance(source, RunSource):
                self._remade.append((source.run, rejected))
                self._follow(source.run)
                if self._graph is not None:
                    self._graph.follow_again(source.run)
                source.run.draw_between_cells()
            return source

        return begin

    def _note(self, event: Event) -> None:
        if isinstance(event, TopicExpanded):
            self._grown = (*self._grown, event)[-_GROWN:]

    def draw(self) -> None:
        """Update the page. At the end also what is saved in the notebook."""
        run = self._run
        over = run.over
        if self._samples is not None:
            self._samples.refresh()
            if over and self._samples.is_growing:
                self._samples.refresh()
        self.view = dict(self._shown())
        if over:
            run.screens[:] = [screen for screen in run.screens if screen != self.draw]
            self.update_static_page()

    def _shown(self) -> RunView:
        """Return the view; the samples and their scores are those of the list."""
        view: RunView = view_of(self._run)
        view["samples"] = []
        view["growth"] = [_grown(event) for event in reversed(self._grown)]
        view["can_try_again"] = bool(view["can_try_again"] and self._again)
        if again := sum(min(rejected, _made_in(run)) for run, rejected in self._remade):
            view["head"]["chips"].append({"text": f"{again:,} made again", "kind": "good", "opens": ""})
        if self._samples is not None:
            view["rows"] = len(self._samples.index)
            if view["phase"] == "over" and (score := _mean_score(self._samples)):
                view["head"]["totals"] = " · ".join(filter(None, (view["head"]["totals"], score)))
        return view

    # ---- messages from the page

    def _received(self, _: Any, message: Any, __: Any) -> None:
        match message:
            case {"type": "stop", "run": str(run)}:
                if run == self._run.id:
                    self._run.stop()
                self.send({"type": "stopping", "run": run})
            case {"type": "resync"}:
                self.send_state("view")
                self.send({"type": "synced"})
            case {"type": "try_again"}:
                self._or_refuse(self._try_again)
            case {"type": "report"}:
                self._or_refuse(self._send_report)

    def _or_refuse(self, do: Callable[[], None]) -> None:
        """Do something, or tell the page why it can't be done."""
        try:
            do()
        except DeepFabricError as problem:
            self.send({"type": "refused", "message": printable(redact(str(problem)))})

    def _try_again(self) -> None:
        """Resume the run, which tries failed samples again."""
        if self._again is not None and self._samples is not None and self._run.over:
            self._samples.follow(self._again())

    def _send_report(self) -> None:
        self.send({"type": "report", "html": self._run.report().html})


def _made_in(run: Run) -> int:
    """Return how many samples a run has made itself."""
    progress = run.state.samples_progress
    return progress.done - progress.done_before


def _grown(event: TopicExpanded) -> GrownView:
    names = [printable(redact(name), _NAME) for name in event.children[:_NAMES]]
    more = len(event.children) - len(names)
    return {"path": printable_path(event.path, _PATH), "names": [*names, f"and {more:,} more"] if more else names}


def _mean_score(samples: SampleChannel) -> str:
    """Return the mean of the judge's scores; empty if there are none."""
    scores = [row.score for row in samples.index.rows if row.score is not None and row.status == "done"]
    return f"score {sum(scores) / len(scores):.2g}" if scores else ""
