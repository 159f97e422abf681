"""Make text from models, providers, files and users safe to print on a terminal."""

from __future__ import annotations

import json
import re
from typing import Any

_UNSEEN = "\ufffd"
_BREAKS = "\t\n\v\f\r\x85\u2028\u2029"
_TABLE: dict[int, str] = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))},
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x2070)), _UNSEEN),  # bidi overrides and isolates
    **dict.fromkeys((*range(0xD800, 0xE000), *range(0xE0000, 0xE0080)), _UNSEEN),  # lone surrogates, invisible tags
    **dict.fromkeys(map(ord, _BREAKS), " "),
}
_TABLE_OF_LINES = {code: seen for code, seen in _TABLE.items() if chr(code) not in "\n\t"}
_UNFIT = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u206f\ud800-\udfff\U000e0000-\U000e007f]")
_NOT_ASCII = re.compile("[^\x00-\x7e]")


def printable(text: str, width: int | None = None) -> str:
    """Return the text on one line with control characters made visible, cut to `width` characters if given."""
    line = text.replace("\r\n", "\n").translate(_TABLE)
    if width is None or len(line) <= width:
        return line
    return line[: max(0, width - 1)].rstrip() + "…" if width > 0 else ""


def printable_text(text: str) -> str:
    r"""Return the text with its line breaks and tabs, and all other control characters made visible.

    >>> printable_text("two\nlines\x1b[2J")
    'two\nlines\\x1b[2J'
    """
    return text.replace("\r\n", "\n").translate(_TABLE_OF_LINES)


def printable_json(document: Any, encoding: str = "utf-8") -> str:
    r"""Return a document as JSON; characters that a terminal or the encoding can't show are written as JSON escapes.

    >>> printable_json(["né\x9b"], "ascii")
    '[\n  "n\\u00e9\\u009b"\n]'
    """
    text = _UNFIT.sub(_escaped, json.dumps(document, ensure_ascii=False, indent=2))
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return _NOT_ASCII.sub(_escaped, text)
    return text


def _escaped(character: re.Match[str]) -> str:
    units = character[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def printable_path(path: tuple[str, ...], width: int | None = None) -> str:
    """Return a topic's path on one line; if it is longer than `width`, only its last topics."""
    names = [printable(name) for name in path]
    line = " > ".join(names)
    while width is not None and len(line) > width and len(names) > 1:
        names = names[1:]
        line = " > ".join(["…", *names])
    return printable(line, width)
