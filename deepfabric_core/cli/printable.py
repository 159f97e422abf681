"""Texts of models and providers, made safe for a terminal."""

from __future__ import annotations

import re

_UNSEEN = "\ufffd"
_BREAKS = "\t\n\v\f\r\x85\u2028\u2029"
_TABLE: dict[int, str] = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))},
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x2070)), _UNSEEN),  # bidi overrides and isolates
    **dict.fromkeys((*range(0xD800, 0xE000), *range(0xE0000, 0xE0080)), _UNSEEN),  # lone surrogates, invisible tags
    **dict.fromkeys(map(ord, _BREAKS), " "),
}
_SECRETS = (
    re.compile(r"(?i)(\bbearer\s+)[^\s\"',;]{6,}"),
    re.compile(
        r"(?i)(\b[\w-]{0,40}(?:api[-_ ]?key|token|secret)(?:\s+provided)?[\"']?\s*[:=]\s*[\"']?)[^\s\"',;&]{6,}"
    ),
    re.compile(r"()\b(?:sk|pk|gsk|hf|xai|r8)[-_][\w*.-]{6,}"),
    re.compile(r"()\bAIza[\w-]{10,}"),
)


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


def without_secrets(text: str) -> str:
    """A provider's message without what looks like a key: some providers quote the key they refuse."""
    for pattern in _SECRETS:
        text = pattern.sub(r"\1[hidden]", text)
    return text
