"""The lines above and below the panes: config, dataset, time and models; and the keys."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from deepfabric_core.cli.screen.screen_state import ScreenState
from deepfabric_core.cli.screen.style import ScreenStyle
from deepfabric_core.run.state import RunState
from deepfabric_core.text.number_format import per_time, percent
from deepfabric_core.wording import duration

# A shorter part of a dataset's path is useless.
_SHORTEST_NAME = 12


def only_line(look: ScreenStyle, shown: ScreenState, width: int) -> Text:
    """Return the progress and status for a screen of one line."""
    state = shown.state
    progress = state.samples_progress if state.samples_progress.started_at is not None else state.topics_progress
    name = "Samples" if progress is state.samples_progress else "Topics"
    told = f"{name} {progress.done:,}/{progress.total:,} ({percent(progress)})" if progress.total else "Starting"
    if progress.failed:
        told += f", {progress.failed:,} {'failed' if name == 'Samples' else 'missing'}"
    if rate := shown.history.rate if state.stage else progress.rate(shown.now):
        told += f", {per_time(rate)}"
    return _beside(Text(look.start(told, width)), _status(look, shown), width)


def header(look: ScreenStyle, shown: ScreenState, width: int, lines: int) -> list[Text]:
    """Return the header: config, dataset and time, and the models if there is a second line."""
    status = _status(look, shown)
    room = max(0, width - status.cell_len - 1)
    arrow = look.glyph(" → ", " -> ")
    named, whole = look.line(shown.heading.config) or "deepfabric", look.line(shown.heading.dataset)
    config = look.end(named, max(room // 2, room - cell_len(whole) - len(arrow)))
    dataset = look.end(whole, max(0, room - cell_len(config) - len(arrow)))
    files = Text(look.end(named, room), style="bold")
    if whole and (dataset == whole or cell_len(dataset) >= _SHORTEST_NAME):
        files = Text.assemble((config, "bold"), (arrow, look.quiet), dataset)
    head = [_beside(files, status, width)]
    if lines > 1:
        pause = shown.state.paused_for(shown.now)
        paused = Text(f"{duration(pause)} of pause" if pause else "", style=look.quiet)
        models = look.start(look.line(_models(shown.state)), max(0, width - paused.cell_len - 1))
        head.append(_beside(Text(models, style=look.quiet), paused, width))
    return head


def ending(look: ScreenStyle, state: RunState, console: Console, width: int, lines: int) -> list[Text]:
    """Return how the run ended and why, in at most so many lines; none while it goes on."""
    if not state.ending or lines < 1:
        return []
    said = "Budget reached" if state.ending == "budget" else f"Run {state.ending}"
    whole = Text(f"{said}: {look.line(state.reason)}" if state.reason else said, style="bold")
    wrapped = list(whole.wrap(console, width))
    shown = wrapped[:lines]
    if len(wrapped) > lines:
        shown[-1] = Text(look.start(f"{shown[-1].plain}{look.ellipsis}", width), style="bold")
    return shown


def footer(look: ScreenStyle, shown: ScreenState, width: int) -> Text:
    """Return the keys that have an effect now, the most useful first, since a narrow terminal cuts off the end."""
    return Text(look.start("   ".join(_keys(look, shown)), width), style=look.quiet, no_wrap=True)


def _status(look: ScreenStyle, shown: ScreenState) -> Text:
    """Return the run's status in a word, unless it is running normally, and its elapsed time."""
    state, word, style = shown.state, "", f"bold {look.warn} reverse"
    if state.ending:
        word = "budget reached" if state.ending == "budget" else state.ending
        style = "bold" if state.ending == "complete" else style
    elif state.stopping:
        word = "stopping"
    elif state.paused_at is not None:
        word = "paused"
    status = Text(f" {word.upper()} " if word else "", style=style)
    elapsed = "" if state.started_at is None else f" {duration(state.elapsed(shown.now))}"
    return Text.assemble(status, (elapsed, "bold"))


def _models(state: RunState) -> str:
    if state.samples_model in ("", state.topics_model):
        return state.topics_model
    return f"topics: {state.topics_model}, samples: {state.samples_model}"


def _beside(left: Text, right: Text, width: int) -> Text:
    """Return a line with the right text in full, and as much of the left one as fits."""
    left.truncate(max(0, width - right.cell_len), overflow="crop", pad=True)
    line = Text.assemble(left, right, no_wrap=True, overflow="crop")
    line.truncate(width, overflow="crop")
    return line


def _keys(look: ScreenStyle, shown: ScreenState) -> list[str]:
    browser, state = shown.browser, shown.state
    if not shown.keys:
        return ["Ctrl-C again leaves at once" if state.stopping else "Ctrl-C stops"]
    arrows = look.glyph("↑↓", "up/down")
    other = "samples" if browser.shown == "failures" else "failures"
    covered = browser.help or browser.opened
    if browser.help:
        moves = ["? or q back"]
    elif browser.opened:
        moves = [f"{arrows} scroll", "q back"]
    elif browser.held is not None:
        moves = [f"{arrows} look through", "Enter whole text", "Home follow the latest", f"f {other}"]
    else:
        moves = [f"{arrows} look through", "Enter whole text", f"f {other}", "? keys"]
    if state.stopping:
        return ["Ctrl-C leaves at once", *moves]
    return [*([] if covered else ["q stop"]), "p go on" if state.paused_at is not None else "p pause", *moves]
