"""The layout of the whole screen, as rich renders it: a header, progress beside the list, and the keys."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deepfabric_core.cli.screen.header_footer import ending, footer, header, only_line
from deepfabric_core.cli.screen.list_pane import ListPane
from deepfabric_core.cli.screen.progress_pane import ProgressPane
from deepfabric_core.cli.screen.screen_state import ScreenState
from deepfabric_core.cli.screen.style import ScreenStyle, style_of

_STACKED_BELOW = 80
_PROGRESS_SHARE = 0.36
_PROGRESS_WIDTH = (39, 60)
# With fewer lines there is no line of keys, or no second line of the header; with fewer for the panes, no borders.
_KEYS_FROM = 10
_TWO_LINES_FROM = 14
_LOWEST_BOXES = 8
_LOWEST_PANE = 3
_LOWEST_LIST = 7
_LEFT_BEHIND = 20
# Header, borders, and how the run ended.
_AROUND = 7
# How a run ended takes at most one line of so many.
_ENDING_SHARE = 5


class Screen:
    """A screen that fills the terminal and is never larger; the one left at the end of a run is lower."""

    def __init__(self, shown: ScreenState) -> None:
        self._shown = shown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        look, shown = style_of(console), self._shown
        width, height = options.max_width, options.height or console.height
        if shown.over:
            height = min(height - 1, self._left_behind(console, options, look))
        if height <= 1:
            yield only_line(look, shown, width)
            return
        head = header(look, shown, width, 1 if height < _TWO_LINES_FROM else 2)
        head += ending(look, shown.state, console, width, height // _ENDING_SHARE)
        foot = [] if shown.over or height < _KEYS_FROM else [footer(look, shown, width)]
        yield from head
        yield _body(console, options.update(width=width, height=height - len(head) - len(foot)), look, shown)
        yield from foot

    def _left_behind(self, console: Console, options: ConsoleOptions, look: ScreenStyle) -> int:
        """Return the lines for the end of a run: enough for progress and, if any were made, a few recent samples."""
        shown = self._shown
        if shown.browser.entries():
            return _LEFT_BEHIND
        progress = ProgressPane(look, shown.state, shown.now, shown.history)
        return progress.height(console, options.update(width=_PROGRESS_WIDTH[0], height=None)) + _AROUND


def _body(console: Console, options: ConsoleOptions, look: ScreenStyle, shown: ScreenState) -> RenderableType:
    width, height = options.max_width, options.height or 1
    progress, latest = ProgressPane(look, shown.state, shown.now, shown.history), ListPane(look, shown.browser)
    body = Table.grid()
    boxed = height >= _LOWEST_BOXES
    if boxed and width >= _STACKED_BELOW:
        left = min(max(round(width * _PROGRESS_SHARE), _PROGRESS_WIDTH[0]), _PROGRESS_WIDTH[1])
        body.add_column(width=left)
        body.add_column(width=width - left)
        beside = _pane(look, latest.title(width - left), latest, height)
        body.add_row(_pane(look, "Progress", progress, height), beside)
        return body
    frame = 2 if boxed else 0
    needed = progress.height(console, options.update(width=max(1, width - 2 * frame), height=None)) + frame
    upper = min(needed, max(height // 2, height - _LOWEST_LIST))
    body.add_column(width=width)
    if height - upper < _LOWEST_PANE:
        upper = height
    body.add_row(_pane(look, "Progress", progress, upper, boxed=boxed))
    if height > upper:
        body.add_row(_pane(look, latest.title(width), latest, height - upper, boxed=boxed))
    return body


def _pane(look: ScreenStyle, title: str, content: RenderableType, height: int, *, boxed: bool = True) -> RenderableType:
    if not boxed:
        return _Unboxed(content, height)
    return Panel(content, title=Text(title), title_align="left", height=height, border_style=look.quiet)


@dataclass(frozen=True, slots=True)
class _Unboxed:
    """The content without a border, with exactly that height."""

    content: RenderableType
    height: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        options = options.update(height=self.height)
        for line in console.render_lines(self.content, options, new_lines=True)[: self.height]:
            yield from line
