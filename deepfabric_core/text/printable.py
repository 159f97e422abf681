"""Texts of models and providers, made safe for a terminal."""

from __future__ import annotations

_UNSEEN = "\ufffd"
_BREAKS = "\t\n\v\f\r\x85\u2028\u2029"
_TABLE: dict[int, str] = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))},
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x2070)), _UNSEEN),  # bidi overrides and isolates
    **dict.fromkeys((*range(0xD800, 0xE000), *range(0xE0000, 0xE0080)), _UNSEEN),  # lone surrogates, invisible tags
    **dict.fromkeys(map(ord, _BREAKS), " "),
}


def printable(text: str, width: int | None = None) -> str:
    """The text on one line, control characters made visible, cut to `width` characters if given."""
    line = text.replace("\r\n", "\n").translate(_TABLE)
    if width is None or len(line) <= width:
        return line
    return line[: max(0, width - 1)].rstrip() + "…" if width > 0 else ""


def printable_path(path: tuple[str, ...], width: int | None = None) -> str:
    """A topic's path; when too long, its last topics, which tell it from others."""
    names = [printable(name) for name in path]
    line = " > ".join(names)
    while width is not None and len(line) > width and len(names) > 1:
        names = names[1:]
        line = " > ".join(["…", *names])
    return printable(line, width)
