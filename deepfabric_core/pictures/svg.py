"""Draw topics as a static SVG picture, for print, GitHub and other places without JavaScript.

It has no background: text is on light cards, and lines have a medium tone, so that it works on light and dark pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import starmap

from deepfabric_core.pictures.excerpt import MOST_CROSSING, Branch, crossing, excerpt
from deepfabric_core.pictures.labels import clean, is_right_to_left
from deepfabric_core.pictures.layout import FONT_SIZE, LINE, MARGIN, PADDING, Box, Layout, lay_out
from deepfabric_core.pictures.svg_elements import bow, circle, curve, document, group, rectangle, text, words
from deepfabric_core.topics.model import Topics
from deepfabric_core.wording import counted

# A hue for each of the root's branches, in turn, as in the notebook's mind map. The branch itself has the full hue; the
# levels below it have so much of it, the last number for all deeper ones.
_HUES = ("#2f6fde", "#1f7d52", "#96620f", "#8748c4", "#0c7b8a", "#b53277", "#5f6f14", "#a9501a")
_TINTS = (0.3, 0.19, 0.12)
_EDGE = 0.75
_ROOT = ("#1f2328", "#8b949e")
_OTHERS = ("#eceff2", "#8b949e")
_INK, _STRONG_INK, _OTHERS_INK, _BARE_INK = "#1f2328", "#ffffff", "#4b535d", "#7d8590"
_FONTS = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Helvetica Neue', Arial, sans-serif"
# The most characters of all full names together.
_TITLES = 24_000
_LONGEST_TITLE = 2_000
_ASCENT = 0.85
_SMALL = FONT_SIZE - 2

Link = tuple[Box, Box]


def svg(topics: Topics) -> str:
    """Return the picture; of large structures only a part, with the number of topics left out."""
    root = excerpt(topics)
    layout = lay_out(root)
    links = _crossing(root, layout)
    caption = _caption(layout, links, topics)
    layers = (
        group('fill="none" stroke-width="1.5"', _links(layout.root)),
        group('fill="none" stroke-width="1.3" stroke-dasharray="4 3"', starmap(_dashed, links[:MOST_CROSSING])),
        group("", starmap(_dot, links[:MOST_CROSSING])),
        group(f'font-family="{_FONTS}" font-size="{FONT_SIZE}" fill="{_INK}"', [*_cards(layout.boxes), *caption]),
    )
    about = f"{clean(topics.by_id[topics.root].name, _LONGEST_TITLE)}: {topics.mode} of {counted(len(topics), 'topic')}"
    return document(layout.width, layout.height + (LINE if caption else 0), about, layers)


# ---- links


def _links(box: Box) -> Iterator[str]:
    for child in box.below:
        yield curve((box.right, box.middle), (child.x, child.middle), _colours(child)[1])
        yield from _links(child)


def _crossing(root: Branch, layout: Layout) -> list[Link]:
    places = {id(box.branch): box for box in layout.boxes}
    return [(places[id(parent)], places[id(child)]) for parent, child in crossing(root)]


def _dashed(parent: Box, child: Box) -> str:
    line = curve if parent.branch.level < child.branch.level else bow
    return line((parent.right, parent.middle), _end(parent, child), _colours(parent)[1])


def _dot(parent: Box, child: Box) -> str:
    """Return the dot at the child's end of a dashed link."""
    return circle(_end(parent, child), 4, _colours(parent)[1])


def _end(parent: Box, child: Box) -> tuple[float, float]:
    return (child.x if parent.branch.level < child.branch.level else child.right), child.middle


# ---- cards


def _cards(boxes: Sequence[Box]) -> Iterator[str]:
    longest = min(_LONGEST_TITLE, _TITLES // len(boxes))
    for box in boxes:
        dashes = "" if box.branch.topic else ' stroke-dasharray="3 3"'
        fill, line = _colours(box)
        card = rectangle(
            (box.x, box.y),
            (box.width, box.height),
            fill,
            fill if box.branch.topic and box.branch.level else line,
            dashes,
        )
        yield f"<g><title>{text(_about(box, longest))}</title>{card}{''.join(_lines(box))}{_badge(box)}</g>"


def _lines(box: Box) -> Iterator[str]:
    turned = is_right_to_left("".join(box.lines))
    x = box.right - PADDING if turned else box.x + PADDING
    bold = ' font-weight="600"' if box.is_bold else ""
    look = f'fill="{_ink(box)}"{bold}' + (' direction="rtl"' if turned else "")
    for number, line in enumerate(box.lines):
        yield words((x, box.y + PADDING / 2 + LINE * (number + _ASCENT) - 1), line, look)


def _badge(box: Box) -> str:
    if not box.badge:
        return ""
    left, width = box.badge_place
    height = LINE + 2
    look = f'fill="{_OTHERS_INK}" font-size="{_SMALL}" text-anchor="middle"'
    card = rectangle((left, box.middle - height / 2), (width, height), *_OTHERS)
    return card + words((left + width / 2, box.middle + _SMALL * 0.36), box.badge, look)


def _about(box: Box, longest: int) -> str:
    topic, left_out = box.branch.topic, box.branch.left_out
    if topic is None:
        return counted(left_out, "more topic")
    parts = [clean(topic.name, longest)]
    if further := len(topic.parents) - 1 if topic.parents else 0:
        parts.append(f"({counted(further, 'further parent')})")
    if left_out:
        parts.append(f"({counted(left_out, 'topic')} below)")
    return " ".join(parts)


def _colours(box: Box) -> tuple[str, str]:
    """Return the colour of a card, and that of the lines to it."""
    level = box.branch.level
    if box.branch.topic is None:
        return _OTHERS
    if level == 0:
        return _ROOT
    hue = _HUES[box.family % len(_HUES)]
    return (hue, hue) if level == 1 else (_tint(hue, _TINTS[min(level - 2, len(_TINTS) - 1)]), _tint(hue, _EDGE))


def _tint(hue: str, part: float) -> str:
    """Return a colour with so much of a hue, 0 to 1, in white."""
    parts = (int(hue[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(255 + (one - 255) * part):02x}" for one in parts)


def _ink(box: Box) -> str:
    if box.branch.topic is None:
        return _OTHERS_INK
    return _STRONG_INK if box.is_bold else _INK


# ---- what is left out


def _caption(layout: Layout, links: list[Link], topics: Topics) -> list[str]:
    shown = sum(1 for box in layout.boxes if box.branch.topic)
    parts = [f"{shown:,} of {counted(len(topics), 'topic')}"] if shown < len(topics) else []
    if len(links) > MOST_CROSSING:
        parts.append(f"{MOST_CROSSING:,} of {counted(len(links), 'dashed link')}")
    place = (MARGIN, layout.height + LINE / 2)
    return [words(place, f"{' and '.join(parts)} shown", f'fill="{_BARE_INK}"')] if parts else []
