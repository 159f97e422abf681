"""Colours that are readable on light and on dark terminals, and glyphs that the terminal's encoding supports."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from deepfabric_core.printable import printable
from deepfabric_core.redaction import redact

# Of the 256 colours, these are readable on white and on black; the first 16 depend on the user's theme.
_MIDTONES = {"accent": "color(30)", "bad": "color(160)", "warn": "color(130)", "quiet": "color(243)"}
_SIXTEEN = {"accent": "bold", "bad": "red", "warn": "bold", "quiet": "none"}


@dataclass(frozen=True, slots=True)
class ScreenStyle:
    """The styles and glyphs of one terminal."""

    encoding: str
    accent: str
    bad: str
    warn: str
    quiet: str

    @property
    def ascii(self) -> bool:
        """Whether only ASCII can be drawn."""
        return not self.encoding.startswith("utf")

    @property
    def sparks(self) -> str:
        """The characters of sparklines, from low to high."""
        return "_.:-=+*#" if self.ascii else "▁▂▃▄▅▆▇█"

    @property
    def bar(self) -> tuple[str, str, str]:
        """The characters of a bar for done, failed and left, which differ in shape."""
        return ("#", "x", ".") if self.ascii else ("━", "╍", "─")

    @property
    def ellipsis(self) -> str:
        """The mark for a part that is left out."""
        return "..." if self.ascii else "…"

    def glyph(self, unicode: str, plain: str) -> str:
        """Return the first text, or the second on an ASCII terminal."""
        return plain if self.ascii else unicode

    def line(self, text: str) -> str:
        """Return any text on one line, without API keys, control characters, or characters that the encoding lacks."""
        shown = printable(redact(text))
        return shown.encode(self.encoding, "backslashreplace").decode(self.encoding) if self.ascii else shown

    def paragraphs(self, text: str) -> list[str]:
        """Return the lines of a text, each cleaned as by `line`."""
        return [self.line(line) for line in text.replace("\r\n", "\n").split("\n")]

    def path(self, names: tuple[str, ...], cells: int) -> str:
        """Return a topic's path; if it is longer than so many cells, its last topics, which tell it from others."""
        shown = [self.line(name) for name in names]
        line = " > ".join(shown)
        while cell_len(line) > cells and len(shown) > 1:
            shown = shown[1:]
            line = " > ".join([self.ellipsis, *shown])
        return self.start(line, cells)

    def start(self, line: str, cells: int) -> str:
        """Return as much of a line's beginning as fits."""
        if cell_len(line) <= cells:
            return line
        text = Text(line)
        text.truncate(max(0, cells - len(self.ellipsis)), overflow="crop")
        return f"{text.plain}{self.ellipsis}" if cells > len(self.ellipsis) else text.plain

    def end(self, line: str, cells: int) -> str:
        """Return as much of a line's end as fits, since a file's name comes last."""
        if cell_len(line) <= cells:
            return line
        room = max(0, cells - len(self.ellipsis))
        while line and cell_len(line) > room:
            line = line[1:]
        return self.ellipsis + line if room else ""


def style_of(console: Console) -> ScreenStyle:
    """Return the style for a terminal; without colours, bold and shapes replace them."""
    colours = _MIDTONES if console.color_system in ("256", "truecolor") and not console.no_color else _SIXTEEN
    return ScreenStyle(console.encoding, **colours)
