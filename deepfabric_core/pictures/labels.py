"""Prepare topic names for pictures: clean them, estimate their width without fonts, and break them into lines."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_NOTHING_LEFT = "\ufffd"
_ELLIPSIS = "…"
_JOINER = "\u200d"
_FIRST_EMOJI = 0x1F000
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
# More combining marks on one character would overlap the lines above and below.
_MARKS = 3

# Controls, bidi overrides and isolates, lone surrogates, noncharacters and invisible tags: unfit for XML or for labels.
_UNFIT = (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x2070))
_UNFIT_TOO = (*range(0xD800, 0xE000), 0xFFFE, 0xFFFF, *range(0xE0000, 0xE0080))
_TABLE: dict[int, str | None] = {
    **dict.fromkeys((*_UNFIT, *_UNFIT_TOO)),
    **dict.fromkeys(map(ord, "\t\n\v\f\r\x85\u2028\u2029"), " "),
}

# Widths in em, of rather wide fonts.
_NARROW, _USUAL, _CAPITAL, _WIDE, _FULL, _EMOJI = 0.38, 0.61, 0.7, 0.95, 1.0, 1.35


def clean(name: str, longest: int) -> str:
    """Return the name on one line, cut to `longest` characters, without invisible ones and those forbidden in XML."""
    text = " ".join(name[: 4 * longest].translate(_TABLE).split()) or _NOTHING_LEFT
    return text if len(text) <= longest and len(name) <= 4 * longest else text[: longest - 1].rstrip() + _ELLIPSIS


def is_right_to_left(text: str) -> bool:
    """Return whether the first letter that has a direction is written from right to left."""
    directions = (unicodedata.bidirectional(character) for character in text)
    return next((one in {"R", "AL"} for one in directions if one in {"L", "R", "AL"}), False)


def width(text: str) -> float:
    """Return the estimated width in em, rather too wide than too narrow."""
    return sum(map(_cluster_width, _clusters(text)))


def two_lines(text: str, room: float) -> tuple[str, ...]:
    """Return the text in one or two lines of at most `room` em; if it doesn't fit, it ends with an ellipsis."""
    clusters = list(_clusters(text))
    first = _fitting(clusters, room)
    if first == len(clusters):
        return ("".join(clusters),)
    first = next((place for place in range(first, 0, -1) if clusters[place] == " "), first)
    rest = list(_clusters("".join(clusters[first:]).lstrip()))
    second = _fitting(rest, room)
    if second == len(rest):
        return "".join(clusters[:first]), "".join(rest)
    return "".join(clusters[:first]), _cut(rest[: _fitting(rest, room - width(_ELLIPSIS))])


def _cut(clusters: list[str]) -> str:
    """Join the clusters and add an ellipsis, after a whole word if one ends in the second half."""
    end = next((place for place in range(len(clusters) - 1, len(clusters) // 2, -1) if clusters[place] == " "), None)
    return "".join(clusters[:end]).rstrip(" ,;:-") + _ELLIPSIS


def _fitting(clusters: list[str], room: float) -> int:
    """Return how many clusters fit, but at least one."""
    used = 0.0
    for number, cluster in enumerate(clusters):
        used += _cluster_width(cluster)
        if used > room:
            return max(1, number)
    return len(clusters)


def _clusters(text: str) -> Iterator[str]:
    """Yield the parts that must not be split: a character with its marks, a joined emoji, a flag."""
    cluster, marks = "", 0
    for character in text:
        if cluster and not _belongs(character, cluster):
            yield cluster
            cluster, marks = "", 0
        marks += unicodedata.category(character) in {"Mn", "Me"}
        if marks <= _MARKS:
            cluster += character
    if cluster:
        yield cluster


def _belongs(character: str, cluster: str) -> bool:
    code = ord(character)
    if code in _FLAG_LETTERS:
        return len(cluster) == 1 and ord(cluster) in _FLAG_LETTERS
    return (
        cluster.endswith(_JOINER) or code in _SKIN_TONES or unicodedata.category(character) in {"Mn", "Me", "Mc", "Cf"}
    )


def _cluster_width(cluster: str) -> float:
    spacing = sum(unicodedata.category(mark) == "Mc" for mark in cluster[1:])
    return _first_width(cluster[0]) + spacing * _NARROW


def _first_width(first: str) -> float:
    if ord(first) >= _FIRST_EMOJI and unicodedata.category(first) in {"So", "Sk", "Cn"}:
        return _EMOJI
    if unicodedata.east_asian_width(first) in {"W", "F"}:
        return _FULL
    if first in " .,:;'|!()[]{}/ijltfrI-":
        return _NARROW
    if first in "mwMW@%&<>+=~#…—":
        return _WIDE
    return _CAPITAL if first.isupper() else _USUAL
