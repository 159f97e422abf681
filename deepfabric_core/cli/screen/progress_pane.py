"""The pane that tells how far the run has come, in as many lines as there are."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.segment import Segment, SegmentLines
from rich.table import Table
from rich.text import Text

from deepfabric_core.cli.screen.rate_history import RateHistory, sparkline
from deepfabric_core.cli.screen.style import ScreenStyle
from deepfabric_core.events import LimiterChanged
from deepfabric_core.run.state import RunState, StageProgress
from deepfabric_core.text.run_summary import (
    by_kind,
    cost,
    duration,
    paused,
    per_time,
    percent,
    stopping,
    tokens,
    total_by_kind,
)
from deepfabric_core.wording import counted

Block = Group | Table | Text

_MESSAGE = 400
_LABEL = 11
_NUMBER = 9
# Sparklines get more rows where there is room.
_HIGHEST = 5
_LEAST_SPARE = 2


class ProgressPane:
    """The most pressing comes first: a low terminal cuts off the end, a high one sets the parts apart."""

    def __init__(self, look: ScreenStyle, state: RunState, now: float, history: RateHistory) -> None:
        self._look = look
        self._state = state
        self._now = now
        self._history = history
        self._rows = 1

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        blocks = self._rendered(console, options)
        room = options.height or sum(map(len, blocks))
        spare = room - sum(map(len, blocks)) - len(blocks) + 1
        apart = spare >= 0
        if sum(map(len, blocks)) > room:
            blocks = self._rendered(console, options, tight=True)
        elif spare > _LEAST_SPARE:
            self._rows = min(_HIGHEST, (spare + 1) // 2)
            blocks = self._rendered(console, options)
        lines: list[list[Segment]] = []
        for number, block in enumerate(blocks):
            if number and apart:
                lines.append([])
            lines.extend(block)
        yield SegmentLines(lines[:room], new_lines=True)

    def height(self, console: Console, options: ConsoleOptions) -> int:
        """Lines that it takes."""
        return sum(map(len, self._rendered(console, options)))

    def _rendered(self, console: Console, options: ConsoleOptions, *, tight: bool = False) -> list[list[list[Segment]]]:
        blocks = self._blocks(options.max_width, tight=tight)
        return [console.render_lines(block, options.update(height=None), pad=False) for block in blocks]

    def _blocks(self, width: int, *, tight: bool) -> Iterator[Block]:
        look, state = self._look, self._state
        if state.ending:
            reason = f": {look.line(state.reason)}" if state.reason else ""
            yield Text(f"Run {state.ending}{reason}", style="bold")
        elif state.stopping:
            yield Text(look.line(stopping(state)), style=f"bold {look.warn}")
        elif state.paused_at is not None:
            yield Text(look.line(paused(state)), style=f"bold {look.warn}")
        topics = self._stage("Topics", state.topics_progress, "missing", width)
        samples = self._stage("Samples", state.samples_progress, "failed", width)
        if tight:  # of topics that are there, their number below is enough
            yield from samples or topics
        else:
            yield from (*topics, *samples)
        if state.stage and not state.ending:
            yield self._sparklines(width)
        yield self._table(_trouble(look, state))
        yield self._table(_spent(state))
        if state.notices:
            yield self._table([("Note", look.line(notice)[:_MESSAGE]) for notice in reversed(state.notices)])

    def _stage(self, name: str, progress: StageProgress, failed: str, width: int) -> list[Block]:
        if progress.started_at is None:
            return []
        head = Text(f"{name} {progress.done:,}/{progress.total:,} ({percent(progress)})", style="bold")
        if progress.failed:
            head.append(f", {progress.failed:,} {failed}", style=self._look.bad)
        pace = Text(_pace(progress, self._now, over=self._state.ending is not None), style=self._look.quiet)
        return [Group(head, self._bar(progress, width), pace)]

    def _bar(self, progress: StageProgress, width: int) -> Text:
        """Lengths in proportion; what there is at all has a cell at least, and is full only at the end."""
        look, total = self._look, max(1, progress.total)
        done = -(-progress.done * width // total) if progress.total else width
        done = min(done, width - 1 if progress.done < progress.total else width)
        failed = min(width - done, -(-progress.failed * width // total))
        made, lost, left = look.bar
        styles = (f"bold {look.accent}", look.bad, look.quiet)
        parts = (made * done, lost * failed, left * (width - done - failed))
        return Text.assemble(*zip(parts, styles, strict=True), no_wrap=True, overflow="crop")

    def _sparklines(self, width: int) -> Block:
        """The scale of each is its own; the number beside it is the latest."""
        look, history = self._look, self._history
        rates, calls = history.rates, list(history.in_flight)
        room = max(0, width - _LABEL - 1 - _NUMBER)
        rows: list[Text] = []
        for label, values, latest in (
            ("Rate", rates, per_time(rates[-1]) if rates else "-"),
            ("In flight", calls, f"{self._state.calls_in_flight or 0:,}"),
        ):
            if rows and self._rows > 1:
                rows.append(Text())
            for number, line in enumerate(sparkline(values, room, look.sparks, self._rows), 1):
                last = number == self._rows
                name, value = (label, latest) if last else ("", "")
                row = Text.assemble((f"{name:<{_LABEL}} {line}", look.accent), f" {value}")
                row.no_wrap, row.overflow = True, "crop"
                rows.append(row)
        return Group(*rows)

    def _table(self, rows: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> Block:
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(style=self._look.accent, no_wrap=True, min_width=_LABEL)
        table.add_column(overflow="fold")
        for label, value in rows:
            table.add_row(Text(label), Text(value))
        return table


def _pace(progress: StageProgress, now: float, *, over: bool) -> str:
    parts = []
    rate, left = progress.rate(now), progress.seconds_left(now)
    if rate:
        parts.append(per_time(rate))
    if progress.finished_at is not None:
        parts.append(f"took {duration(progress.elapsed(now))}")
        if progress.left:
            parts.append(f"{progress.left:,} left to make")
    elif left is not None:
        parts.append(f"about {duration(left)} left")
    return ", ".join(parts) or ("" if over else "waiting for the first reply")


def _trouble(look: ScreenStyle, state: RunState) -> Iterator[tuple[str, str]]:
    if state.limiter and not state.ending:
        yield "Calls", _limiter(look, state.limiter)
    if state.failures:
        yield "Failures", by_kind(state.failures)
    if state.last_failure and not state.ending:
        last = state.last_failure
        yield "Last one", f"{last.kind.value}: {look.line(last.message)[:_MESSAGE]}"
    if state.retries:
        yield "Retries", total_by_kind(state.retries)
    if state.gave_up:
        yield "Given up", total_by_kind(state.gave_up)
    if state.rejected:
        yield "Asked again", total_by_kind(state.rejected)


def _spent(state: RunState) -> Iterator[tuple[str, str]]:
    if state.topics:
        yield "Topics", f"{state.topics:,}, {counted(state.leaves, 'leaf')}"
    if state.resumed and state.resumed.samples:
        yield "Resumed", f"{counted(state.resumed.samples, 'sample')} made before"
    if state.answered:
        yield "Tokens", tokens(state)
        yield "Cost", cost(state)


def _limiter(look: ScreenStyle, limiter: LimiterChanged) -> str:
    waiting = f", {limiter.waiting:,} waiting" if limiter.waiting else ""
    why = f" ({look.line(limiter.why)})" if limiter.why else ""
    return f"{limiter.in_flight:,} of at most {limiter.allowed:,} under way{waiting}{why}"
