"""How a run is shown: live where somebody watches and widgets can be drawn, else as lines of text."""

from __future__ import annotations

import asyncio
import os
import queue
import sys
import time
from typing import TYPE_CHECKING, Any, Literal

from deepfabric_core.events import Event
from deepfabric_nb.display.run_view import Phase, RunView, run_view
from deepfabric_nb.graph.static import Folded

if TYPE_CHECKING:
    from deepfabric_nb.runs.run import Run

Way = Literal["widget", "text"]

_VARIABLE = "DEEPFABRIC_PROGRESS"


def show(run: Run, way: Way | None = None) -> None:
    """Show a run from now until its end; one that is over, by its summary."""
    way = way or usual_way()
    if run.over:
        _display_summary(run)
    elif way == "widget":
        screen = WidgetScreen(run)
        run.screens += [screen.draw, GraphScreen(run).draw]
        _keep_drawing(run)
    else:
        run.screens.append(TextScreen(run).draw)


def usual_way() -> Way:
    """Widgets, unless there is no kernel, or nobody to answer it: programs that execute notebooks say so."""
    if (chosen := os.environ.get(_VARIABLE)) in ("widget", "text"):
        return chosen  # type: ignore[return-value]
    shell = _shell()
    if not hasattr(shell, "kernel"):
        return "text"
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return "widget" if parent.get("content", {}).get("allow_stdin", True) else "text"


class Summary:
    """What stays in the notebook: it needs neither a kernel nor a script to be read."""

    def __init__(self, view: RunView) -> None:
        self._view = view

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from deepfabric_nb.display.summary_html import summary_html, summary_text

        return {"text/html": summary_html(self._view), "text/plain": summary_text(self._view)}


class WidgetScreen:
    """The live widget, in whose place the summary stays when the run is over."""

    def __init__(self, run: Run) -> None:
        from IPython.display import display

        from deepfabric_nb.display.progress_widget import Progress

        self._run = run
        self._widget = Progress(self._stop)
        self._widget.view = dict(view_of(run))
        self._handle = display(self._widget, display_id=True)

    def _stop(self, run_id: str) -> None:
        if run_id == self._run.id:
            self._run.stop()

    def draw(self) -> None:
        """Bring it up to date. The widget stays: a page that was loaded again has it, and not the summary."""
        self._widget.view = dict(view_of(self._run))
        if self._run.over:
            self._run.screens.remove(self.draw)
            if self._handle is not None:
                self._handle.update(Summary(view_of(self._run)))


class GraphScreen:
    """The topics as they grow and are covered, in whose place a picture stays when the run is over."""

    def __init__(self, run: Run) -> None:
        from IPython.display import display

        from deepfabric_nb.graph.topic_graph import TopicGraph

        self._run = run
        self._graph = TopicGraph(run)
        self._handle = display(self._graph, display_id=True)

    def draw(self) -> None:
        """Bring it up to date."""
        self._graph.draw()
        if self._run.over:
            self._run.screens.remove(self.draw)
            if self._handle is not None:
                self._handle.update(Folded(self._graph.topics))


class TextScreen:
    """Lines on standard output. Events are taken in by the engine's thread and written by the one that draws."""

    def __init__(self, run: Run) -> None:
        from deepfabric_core.text.simple_view import SimpleView

        self._run = run
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._view = SimpleView(sys.stdout)
        run.watch(self._events.put)

    def draw(self) -> None:
        """Write what is new."""
        over = self._run.over
        while not self._events.empty():
            self._view(self._events.get())
        if over:
            self._run.screens.remove(self.draw)
            _display_summary(self._run)


def view_of(run: Run) -> RunView:
    """What screens draw of a run."""
    phase: Phase = "over" if run.over else "stopping" if run.stopping else "running"
    return run_view(run.state, now=time.time(), run_id=run.id, name=run.name, phase=phase)


def _display_summary(run: Run) -> None:
    from IPython.display import display

    if run.error is not None:
        return
    if _shell() is None:
        from deepfabric_core.text.printable import printable_text
        from deepfabric_core.text.run_summary import summary

        print(printable_text(summary(run.state)))  # noqa: T201 - in plain Python there is nothing else to show it with
    else:
        display(Summary(view_of(run)))


def _keep_drawing(run: Run) -> None:
    """Draw also between cells, from the kernel's own event loop, which only turns then."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    run.ticking = loop.create_task(_drawing(run))


async def _drawing(run: Run) -> None:
    from deepfabric_nb.kernel.interrupts import BETWEEN, draw

    while run.screens:
        draw(run)
        await asyncio.sleep(BETWEEN)


def _shell() -> Any:
    from IPython.core.getipython import get_ipython

    return get_ipython()
