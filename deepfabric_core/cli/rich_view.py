"""A run on a terminal: progress on the left, the latest topics and samples on the right."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deepfabric_core.events import Event, LimiterChanged
from deepfabric_core.llm.keys import redact
from deepfabric_core.run.state import RunState, StageProgress, reduce
from deepfabric_core.text.printable import printable, printable_path
from deepfabric_core.text.summary import by_kind, cost, duration, per_time, percent, tokens, total_by_kind

_STACKED_BELOW = 80
_TALLEST = 24
_REFRESHES = 8
_QUESTION_LINES = 2
_ANSWER_LINES = 4


class RichView:
    """Draws the run's state, at most eight times a second; events only change the state."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.time) -> None:
        self._state = RunState()
        self._clock = clock
        self._live = Live(console=console, get_renderable=self.render, refresh_per_second=_REFRESHES, transient=False)

    @property
    def state(self) -> RunState:
        """Where the run stands."""
        return self._state

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        """Take in an event; the next refresh shows it."""
        self._state = reduce(self._state, event)

    def render(self) -> RenderableType:
        """The two panes for the state of this moment."""
        return _Panes(self._state, self._clock())


class _Panes:
    """Both panes, side by side or stacked, never taller than the terminal."""

    def __init__(self, state: RunState, now: float) -> None:
        self._state = state
        self._now = now

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, room = options.max_width, max(6, console.height - 1)
        latest = _Latest(self._state)
        if width >= _STACKED_BELOW:
            height = min(room, _TALLEST)
            both = Table.grid(expand=True)
            both.add_column(ratio=1)
            both.add_column(ratio=1)
            both.add_row(_pane("Progress", self._progress(), height), _pane("Latest", latest, height))
            yield both
            return
        inner = options.update(width=max(1, width - 4), height=None)
        needed = len(console.render_lines(self._progress(), inner)) + 2
        upper = min(needed, max(3, room - 3))
        yield _pane("Progress", self._progress(), upper)
        yield _pane("Latest", latest, min(room - upper, _TALLEST))

    def _progress(self) -> RenderableType:
        state = self._state
        parts: list[RenderableType] = []
        if state.stopping and not state.ending:
            parts.append(Text(f"Stopping: at next checkpoint ({_message(state.stopping)})", style="bold yellow"))
        if state.ending:
            reason = f": {_message(state.reason)}" if state.reason else ""
            parts.append(Text(f"Run {state.ending}{reason}", style="bold"))
        parts.extend(_stage("Topics", state.topics_progress, self._now, "missing"))
        parts.extend(_stage("Samples", state.samples_progress, self._now, "failed"))
        facts = Table.grid(padding=(0, 2, 0, 0))
        facts.add_column(style="cyan", no_wrap=True)
        facts.add_column(overflow="fold")
        for label, value in _facts(state):
            facts.add_row(Text(label), Text(value))
        return Group(*parts, facts)


def _pane(title: str, content: RenderableType, height: int) -> Panel:
    return Panel(content, title=Text(title), title_align="left", height=max(3, height), border_style="dim")


def _stage(name: str, progress: StageProgress, now: float, failed: str) -> Iterator[RenderableType]:
    if progress.started_at is None:
        return
    head = Text(f"{name} {progress.done:,}/{progress.total:,} ({percent(progress)})", style="bold")
    if progress.failed:
        head.append(f", {progress.failed:,} {failed}", style="red")
    yield head
    bar = ProgressBar(total=max(1, progress.total), completed=progress.done if progress.total else 1)
    yield Padding(bar, 0)  # a bar by itself doesn't end its line
    yield Text(_pace(progress, now), style="dim")


def _pace(progress: StageProgress, now: float) -> str:
    parts = []
    rate, left = progress.rate(now), progress.seconds_left(now)
    if rate:
        parts.append(per_time(rate))
    if progress.finished_at is not None:
        parts.append(f"took {duration(progress.elapsed(now))}")
    elif left is not None:
        parts.append(f"about {duration(left)} left")
    return ", ".join(parts) or "waiting for the first reply"


def _facts(state: RunState) -> Iterator[tuple[str, str]]:
    """What there is to tell, the most pressing first: a small terminal cuts off the end."""
    if state.limiter and not state.ending:
        yield "Calls", _limiter(state.limiter)
    if state.failures:
        yield "Failures", by_kind(state.failures)
    if state.last_failure and not state.ending:
        yield "Last one", f"{state.last_failure.kind.value}: {printable(_message(state.last_failure.message), 160)}"
    if state.retries:
        yield "Retries", total_by_kind(state.retries)
    if state.gave_up:
        yield "Given up", total_by_kind(state.gave_up)
    if state.rejected:
        yield "Asked again", total_by_kind(state.rejected)
    if state.topics:
        yield "Topics", f"{state.topics:,}, {state.leaves:,} leaves"
    if state.answered:
        yield "Tokens", tokens(state)
        yield "Cost", cost(state)
    if state.notices:
        yield "Note", printable(_message(state.notices[-1]), 160)


def _limiter(limiter: LimiterChanged) -> str:
    waiting = f", {limiter.waiting:,} waiting" if limiter.waiting else ""
    why = f" ({_message(limiter.why)})" if limiter.why else ""
    return f"{limiter.in_flight:,} of at most {limiter.allowed:,} under way{waiting}{why}"


def _message(text: str) -> str:
    return printable(redact(text))


class _Latest:
    """The latest topic and samples, the newest first, as many as fit."""

    def __init__(self, state: RunState) -> None:
        self._state = state

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.height or _TALLEST
        for text, limit in self._texts():
            if room <= 0:
                return
            lines = text.wrap(console, max(1, options.max_width), overflow="fold")
            shown = lines[: min(limit, room)]
            if len(lines) > len(shown) and shown:
                shown[-1].truncate(max(1, options.max_width - 1), overflow="crop")
                shown[-1].append("…")
            room -= len(shown)
            yield from shown

    def _texts(self) -> Iterator[tuple[Text, int]]:
        state = self._state
        if not state.latest_path:
            yield Text("Nothing yet", style="dim"), 1
            return
        yield Text(printable_path(state.latest_path, 200), style="bold cyan"), 2
        for sample in reversed(state.recent):
            yield Text(), 1
            yield Text(f"Q: {printable(sample.question, 2000)}", style="bold"), _QUESTION_LINES
            yield Text(f"A: {printable(sample.answer, 2000)}"), _ANSWER_LINES
