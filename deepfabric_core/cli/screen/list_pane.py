"""The pane that lists samples, failures or topics, or shows one of them in full."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from deepfabric_core.cli.screen.item_browser import Entry, ItemBrowser
from deepfabric_core.cli.screen.style import ScreenStyle
from deepfabric_core.wording import counted

Lines = list[Text]

# With fewer columns, an entry's note isn't shown beside its path.
_NOTED_FROM = 50
# Lines per text of an entry; failures have a single text, so it may be longer.
_LINES = {"Q: ": 2, "A: ": 4, "": 4}
_HELP = (
    ("q", "stop: calls in flight finish, as after Ctrl-C"),
    ("p", "pause, and go on"),
    ("up, down, j, k", "look through what is shown"),
    ("PgUp, PgDn", "by pages"),
    ("Home, End", "follow the latest; the oldest one kept"),
    ("Enter, right", "the whole text"),
    ("left, Esc", "back"),
    ("Tab, f", "failures, and back to samples"),
    ("?", "this list"),
    ("Ctrl-L", "draw everything again"),
    ("Ctrl-C", "stop; a second time leaves at once"),
    ("Ctrl-Z", "suspend; `fg` brings it back"),
)


class ListPane:
    """Follows the latest items, the newest first, unless the user browses."""

    def __init__(self, look: ScreenStyle, browser: ItemBrowser) -> None:
        self._look = look
        self._browser = browser

    def title(self, width: int) -> str:
        """Return the title: what is shown, and the position in it."""
        browser = self._browser
        if browser.help:
            return "Keys"
        kind, held = browser.shown, browser.held
        if held is None:
            title = f"Latest {kind}" if browser.counts[kind] else "Latest"
        else:
            new = browser.counts[kind] - (held[0].number if held else 0)
            title = f"{kind.capitalize()}: {browser.index + 1:,} of {len(held):,}"
            title += f", {new:,} newer" if new else ""
        failures = browser.counts["failures"]
        if kind != "failures" and failures:
            title += f" ({counted(failures, 'failure')})"
        return self._look.start(title, max(1, width - 6))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, room = options.max_width, options.height or console.height
        browser = self._browser
        entries = browser.entries()
        if browser.help:
            lines = self._help(console, width)
        elif not entries:
            lines = [Text(self._nothing(), style=self._look.quiet)]
        elif browser.opened and browser.held:
            lines = self._whole(console, width, room, entries[min(browser.index, len(entries) - 1)])
        else:
            lines = self._list(console, width, room, entries)
        yield from lines[:room]

    def _nothing(self) -> str:
        if self._browser.shown == "failures":
            return "Nothing has failed"
        return "Nothing yet"

    # ---- the list

    def _list(self, console: Console, width: int, room: int, entries: tuple[Entry, ...]) -> Lines:
        """Return the lines of the list, scrolled so that the chosen entry is visible."""
        browser = self._browser
        chosen = min(browser.index, len(entries) - 1) if browser.held is not None else None
        top = 0 if chosen is None else self._top(console, width, room, entries[: chosen + 1])
        lines: Lines = []
        number = top
        while number < len(entries) and len(lines) < room:
            if lines:
                lines.append(Text())
            lines.extend(self._entry(console, width, entries[number], chosen=number == chosen))
            number += 1
        browser.top, browser.page = top, max(1, number - (len(lines) > room) - top)
        return lines if len(lines) <= room else [*lines[: room - 1], _cut(lines[room - 1], width, self._look)]

    def _top(self, console: Console, width: int, room: int, entries: tuple[Entry, ...]) -> int:
        """Return the first entry to show so that the last of `entries` is visible: the same as before if possible."""
        top, left = len(entries), room + 1
        while top > self._browser.top:
            left -= 1 + len(self._entry(console, width, entries[top - 1], chosen=False))
            if left < 0:
                break
            top -= 1
        return min(top, len(entries) - 1)

    def _entry(self, console: Console, width: int, entry: Entry, *, chosen: bool) -> Lines:
        look, failed = self._look, self._browser.shown == "failures"
        number, note = f"{entry.number:,} ", f"  {entry.note}" if entry.note else ""
        if width < _NOTED_FROM:
            note = ""
        path = look.path(entry.event.path, max(1, width - len(number) - len(note)))
        head = Text(no_wrap=True, overflow="crop")
        head.append(number, style=f"{look.quiet} reverse" if chosen else look.quiet)
        head.append(path, style=f"bold {look.accent}" + (" reverse" if chosen else ""))
        head.append(note, style=look.bad if failed else look.quiet)
        lines = [head]
        for label, text in entry.texts:
            lines.extend(self._text(console, width, label, text))
        return lines

    def _text(self, console: Console, width: int, label: str, text: str) -> Iterator[Text]:
        """Yield the first lines of a text beside its label, with an ellipsis if there are more."""
        look, limit = self._look, _LINES[label]
        room = max(1, width - len(label))
        lines = Text(look.line(text[: (limit + 1) * room])).wrap(console, room, overflow="fold")
        for number, line in enumerate(lines[:limit]):
            shown = _cut(line, room, look) if number == limit - 1 and len(lines) > limit else line
            indented = label if number == 0 else " " * len(label)
            yield Text.assemble(indented, shown, style="bold" if label == "Q: " else "")

    # ---- one entry in full

    def _whole(self, console: Console, width: int, room: int, entry: Entry) -> Lines:
        browser, look = self._browser, self._look
        lines = self._whole_path(console, width, entry)
        if entry.note:
            lines.append(Text(entry.note, style=look.bad if browser.shown == "failures" else look.quiet))
        for label, text in entry.texts:
            lines.append(Text())
            for paragraph in look.paragraphs(f"{label}{text}"):
                style = "bold" if label == "Q: " else ""
                lines.extend(Text(paragraph, style=style).wrap(console, width, overflow="fold") or [Text()])
        browser.page = max(1, room - 1)
        browser.scroll = min(browser.scroll, max(0, len(lines) - room))
        more = len(lines) - browser.scroll - room
        shown = lines[browser.scroll : browser.scroll + room]
        if more > 0 and shown:
            shown[-1] = Text(look.start(f"{look.glyph('↓', 'v')} {counted(more + 1, 'more line')}", width))
            shown[-1].stylize(look.quiet)
        return shown

    def _whole_path(self, console: Console, width: int, entry: Entry) -> Lines:
        """Return the topics of a path, each indented below its parent."""
        lines: Lines = []
        for depth, name in enumerate(entry.event.path):
            indent = " " * min(depth, width // 2)
            text = Text(self._look.line(name), style=f"bold {self._look.accent}")
            for line in text.wrap(console, max(1, width - len(indent)), overflow="fold"):
                lines.append(Text.assemble(indent, line))
        return lines

    def _help(self, console: Console, width: int) -> Lines:
        lines: Lines = []
        column = max(len(keys) for keys, _ in _HELP) + 2
        for keys, what in _HELP:
            line = Text.assemble((f"{keys:<{column}}", f"bold {self._look.accent}"), what)
            lines.extend(line.wrap(console, width, overflow="fold"))
        return lines


def _cut(line: Text, width: int, look: ScreenStyle) -> Text:
    """Return the line with an ellipsis at its end, to show that there is more."""
    line.rstrip()
    if not line or line.plain.endswith(look.ellipsis):
        return line
    line.truncate(max(0, width - len(look.ellipsis)), overflow="crop")
    line.append(look.ellipsis)
    return line
