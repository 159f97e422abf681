"""Show a run: as a frame and its topics where widgets can be drawn, else as lines of text."""

from __future__ import annotations

import queue
import sys
from typing import Any

from deepfabric_core.events import Event
from deepfabric_nb.display.run_view import RunView, view_of
from deepfabric_nb.kernel.display_mode import DisplayMode, current_shell, default_display_mode
from deepfabric_nb.runs.run import Run


def show(run: Run, mode: DisplayMode | None = None) -> None:
    """Show a run from now until its end, or the summary of a run that is over."""
    mode = mode or default_display_mode()
    if mode == "widget" and run.error is None:
        _show_widgets(run)
    elif run.over:
        _display_summary(run)
    else:
        run.screens.append(TextScreen(run).draw)


def _show_widgets(run: Run) -> None:
    from deepfabric_nb.display.run_frame import RunFrame
    from deepfabric_nb.graph.topic_graph import TopicGraph

    frame = RunFrame(run)
    frame.display()
    if not run.over:
        graph = TopicGraph(run)
        frame.link(graph)
        graph.display()
        run.draw_between_cells()


def frame_of(run: Run) -> Any:
    """Return a widget of a run, which is drawn until the run is over."""
    from deepfabric_nb.display.run_frame import RunFrame

    frame = RunFrame(run)
    run.draw_between_cells()
    return frame


def show_handle(run: Run) -> None:
    """Show a run that is the value of a cell; in lines of text, what it is comes at once."""
    if not run.over and default_display_mode() == "text":
        print(repr(run))  # noqa: T201 - what a terminal shows of a value
    show(run)


class Summary:
    """The summary that stays in the notebook and needs neither a kernel nor a script."""

    def __init__(self, view: RunView) -> None:
        self._view = view

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from deepfabric_nb.display.summary_html import summary_html, summary_text

        return {"text/html": summary_html(self._view), "text/plain": summary_text(self._view)}


class TextScreen:
    """Lines on standard output. The engine's thread queues events, and the thread that draws prints them."""

    def __init__(self, run: Run) -> None:
        from deepfabric_core.text.simple_view import SimpleView

        self._run = run
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._view = SimpleView(sys.stdout)
        run.watch(self._events.put)

    def draw(self) -> None:
        """Print what is new."""
        over = self._run.over
        while not self._events.empty():
            self._view(self._events.get())
        if over:
            self._run.screens.remove(self.draw)
            _display_summary(self._run)


def _display_summary(run: Run) -> None:
    from IPython.display import display

    if run.error is not None:
        return
    if current_shell() is None:
        from deepfabric_core.printable import printable_text
        from deepfabric_core.text.run_summary import summary

        print(printable_text(summary(run.state)))  # noqa: T201 - plain Python has no other display
    else:
        display(Summary(view_of(run)))
