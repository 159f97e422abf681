"""What may be drawn on a terminal: colours that can be read on light and on dark, glyphs that its encoding has."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from deepfabric_core.printable import printable
from deepfabric_core.redaction import redact

# Of the 256 colours, these stand out from white as much as from black; the first 16 are whatever the user's theme says.
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
        """Whether there is nothing but ASCII to draw with."""
        return not self.encoding.startswith("utf")

    @property
    def sparks(self) -> str:
        """From low to high."""
        return "_.:-=+*#" if self.ascii else "▁▂▃▄▅▆▇█"

    @property
    def bar(self) -> tuple[str, str, str]:
        """What is made, what failed, and what is left, each told by its shape."""
        return ("#", "x", ".") if self.ascii else ("━", "╍", "─")

    @property
    def ellipsis(self) -> str:
        """What stands for a part that is left out."""
        return "..." if self.ascii else "…"

    def glyph(self, unicode: str, plain: str) -> str:
        """One or the other, as the terminal can."""
        return plain if self.ascii else unicode

    def line(self, text: str) -> str:
        """A text of anyone's on one line, without keys, control characters, or what the encoding lacks."""
        shown = printable(redact(text))
        return shown.encode(self.encoding, "backslashreplace").decode(self.encoding) if self.ascii else shown

    def paragraphs(self, text: str) -> list[str]:
        """The same, line by line."""
        return [self.line(line) for line in text.replace("\r\n", "\n").split("\n")]

    def path(self, names: tuple[str, ...], cells: int) -> str:
        """A topic's path; when too long for so many cells, its last topics, which tell it from others."""
        shown = [self.line(name) for name in names]
        line = " > ".join(shown)
        while cell_len(line) > cells and len(shown) > 1:
            shown = shown[1:]
            line = " > ".join([self.ellipsis, *shown])
        return self.start(line, cells)

    def start(self, line: str, cells: int) -> str:
        """As much of a line's beginning as fits."""
        if cell_len(line) <= cells:
            return line
        text = Text(line)
        text.truncate(max(0, cells - len(self.ellipsis)), overflow="crop")
        return f"{text.plain}{self.ellipsis}" if cells > len(self.ellipsis) else text.plain

    def end(self, line: str, cells: int) -> str:
        """As much of a line's end as fits, since a file's name comes last."""
        if cell_len(line) <= cells:
            return line
        room = max(0, cells - len(self.ellipsis))
        while line and cell_len(line) > room:
            line = line[1:]
        return self.ellipsis + line if room else ""


def style_of(console: Console) -> ScreenStyle:
    """What this terminal can show; without colour it is told by bold and by shapes."""
    colours = _MIDTONES if console.color_system in ("256", "truecolor") and not console.no_color else _SIXTEEN
    return ScreenStyle(console.encoding, **colours)
