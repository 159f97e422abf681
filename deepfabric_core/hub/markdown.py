r"""Write texts of models and people into Markdown so that they stay texts: no markup, no HTML, no links.

>>> plain("<b>*no*</b>")
'\\<b\\>\\*no\\*\\</b\\>'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from deepfabric_core.printable import printable, printable_text

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#!|~^$&@]|:(?=\S))|(?<![^\s(])([-+=]|\d+(?=[.)]\s))")
_FENCE = re.compile(r"`{3,}")
_LONGEST = 160


def plain(text: str, longest: int | None = _LONGEST) -> str:
    """Return a text on one line in which nothing is markup, cut to so many characters."""
    return _MARKUP.sub(_escaped, printable(text, longest).strip())


def _escaped(found: re.Match[str]) -> str:
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"


def block(text: str, longest: int = 2000) -> str:
    """Return a text as a block that shows it as it is, cut to so many characters."""
    shown = printable_text(text).strip("\n")
    shown = shown if len(shown) <= longest else f"{shown[:longest].rstrip()} …"
    fence = "`" * max(3, *(len(found) + 1 for found in _FENCE.findall(shown)), 3)
    return f"{fence}text\n{shown}\n{fence}\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 0) -> str:
    """Return a table, with the last `numbers` columns to the right; the cells are Markdown already."""
    lines = ["---:" if place >= len(head) - numbers else "---" for place in range(len(head))]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, lines, *rows))


def section(title: str, *parts: str) -> str:
    """Return a section, or "" if nothing is in it."""
    filled = [part.rstrip("\n") for part in parts if part]
    return "\n\n".join([f"## {title}", *filled]) + "\n\n" if filled else ""
