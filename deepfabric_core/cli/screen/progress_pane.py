"""The pane that shows the run's progress, in as many lines as there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.segment import Segment, SegmentLines
from rich.table import Table
from rich.text import Text

from deepfabric_core.cli.screen.budget_bar import budget_bar
from deepfabric_core.cli.screen.style import ScreenStyle
from deepfabric_core.run.state import RunState, StageProgress
from deepfabric_core.text.budget_status import budget_status, other_notices
from deepfabric_core.text.number_format import by_kind, per_time, percent
from deepfabric_core.text.rate_history import RateHistory, sparkline
from deepfabric_core.text.run_facts import (
    Fact,
    forecast_facts,
    origin_facts,
    pace_facts,
    paused,
    stopping,
    trouble_facts,
    usage_facts,
)
from deepfabric_core.wording import duration

Block = Group | Table | Text
Row = tuple[str, str]

_MESSAGE = 400
_LABEL = 11
_NUMBER = 9
# Sparklines get more rows if there is room.
_HIGHEST = 5
_LEAST_SPARE = 2


class ProgressPane:
    """Progress, the most urgent first: a low terminal cuts off the end, a high one has blank lines between parts."""

    def __init__(self, look: ScreenStyle, state: RunState, now: float, history: RateHistory) -> None:
        self._look = look
        self._state = state
        self._now = now
        self._history = history
        self._rows = 1
        self._status = budget_status(state, now)

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
        """Return the lines that the pane needs."""
        return sum(map(len, self._rendered(console, options)))

    def _rendered(self, console: Console, options: ConsoleOptions, *, tight: bool = False) -> list[list[list[Segment]]]:
        blocks = self._blocks(options.max_width, tight=tight)
        rendered = (console.render_lines(block, options.update(height=None), pad=False) for block in blocks)
        return [lines for lines in rendered if lines]

    def _blocks(self, width: int, *, tight: bool) -> Iterator[Block]:
        look, state = self._look, self._state
        if state.stopping and not state.ending:
            yield Text(look.line(stopping(state)), style=f"bold {look.warn}")
        elif state.paused_at is not None and not state.ending:
            yield Text(look.line(paused(state)), style=f"bold {look.warn}")
        topics = self._stage("Topics", state.topics_progress, "missing", width)
        samples = self._stage("Samples", state.samples_progress, "failed", width)
        if tight:  # for finished topics, their number below is enough
            yield from samples or topics
        else:
            yield from (*topics, *samples)
        if status := self._status:
            yield budget_bar(look, status, width, reached=state.ending == "budget")
        if state.stage and not state.ending:
            yield self._sparklines(width)
        yield self._table(_rows(look, chain(usage_facts(state), self._forecast())))
        yield self._table(_pressing(look, state))
        if notices := other_notices(state, self._status):
            yield self._table([("Note", look.line(notice)[:_MESSAGE]) for notice in reversed(notices)])
        yield self._table(_rows(look, origin_facts(state)))

    def _forecast(self) -> Iterator[Fact]:
        return forecast_facts(self._state, self._now, [self._status.tightest] if self._status else [])

    def _stage(self, name: str, progress: StageProgress, failed: str, width: int) -> list[Block]:
        if progress.started_at is None:
            return []
        head = Text(f"{name} {progress.done:,}/{progress.total:,} ({percent(progress)})", style="bold")
        if progress.failed:
            head.append(f", {progress.failed:,} {failed}", style=self._look.bad)
        pace = Text(_pace(progress, self._now, over=self._state.ending is not None), style=self._look.quiet)
        return [Group(head, self._bar(progress, width), pace)]

    def _bar(self, progress: StageProgress, width: int) -> Text:
        """Return a proportional bar. Anything above 0 gets a cell at least, and only a complete bar is full."""
        look, total = self._look, max(1, progress.total)
        done = -(-progress.done * width // total) if progress.total else width
        done = min(done, width - 1 if progress.done < progress.total else width)
        failed = min(width - done, -(-progress.failed * width // total))
        made, lost, left = look.bar
        styles = (f"bold {look.accent}", look.bad, look.quiet)
        parts = (made * done, lost * failed, left * (width - done - failed))
        return Text.assemble(*zip(parts, styles, strict=True), no_wrap=True, overflow="crop")

    def _sparklines(self, width: int) -> Block:
        """Return the sparklines of the last minute, each with its own scale and a number beside it."""
        look, history = self._look, self._history
        room, rate = max(0, width - _LABEL - 1 - _NUMBER), history.rate
        rows: list[Text] = []
        for label, values, number in (
            ("Rate", history.rates(room), "-" if rate is None else per_time(rate)),
            ("In flight", history.in_flight(room), f"{self._state.calls_in_flight or 0:,}"),
        ):
            if rows and self._rows > 1:
                rows.append(Text())
            for place, line in enumerate(sparkline(values, room, look.sparks, self._rows), 1):
                name, value = (label, number) if place == self._rows else ("", "")
                row = Text.assemble((f"{name:<{_LABEL}} {line}", look.accent), f" {value}")
                row.no_wrap, row.overflow = True, "crop"
                rows.append(row)
        return Group(*rows)

    def _table(self, rows: Iterable[Row]) -> Block:
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(style=self._look.accent, no_wrap=True, min_width=_LABEL)
        table.add_column(overflow="fold")
        for label, value in rows:
            table.add_row(Text(label), Text(value))
        return table


def _pace(progress: StageProgress, now: float, *, over: bool) -> str:
    """Return how long a stage will take, or took and at which rate; the rate at present is beside its sparkline."""
    parts = []
    rate, left = progress.rate(now), progress.seconds_left(now)
    if progress.finished_at is not None:
        if rate:
            parts.append(per_time(rate))
        parts.append(f"took {duration(progress.elapsed(now))}")
        if progress.left:
            parts.append(f"{progress.left:,} left to make")
    elif left is not None:
        parts.append(f"about {duration(left)} left")
    return ", ".join(parts) or ("" if over else "waiting for the first reply")


def _pressing(look: ScreenStyle, state: RunState) -> Iterator[Row]:
    if state.failures:
        yield "Failures", by_kind(state.failures)
    yield from _rows(look, pace_facts(state))
    if state.last_failure and not state.ending:
        last = state.last_failure
        yield "Last one", f"{last.kind.value}: {look.line(last.message)[:_MESSAGE]}"
    yield from _rows(look, trouble_facts(state))


def _rows(look: ScreenStyle, facts: Iterator[Fact]) -> Iterator[Row]:
    return ((fact.short, look.line(fact.value)) for fact in facts)
