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

# The colours of the cards and lines of each of the root's branches, in turn.
_FAMILIES = (
    ("#dbeafe", "#4f86e0"),
    ("#d8f3e0", "#3a9f67"),
    ("#fdeec2", "#b98a12"),
    ("#ffe1e6", "#dc5f78"),
    ("#e9e4fd", "#8468da"),
    ("#cdf2f7", "#2393a8"),
    ("#ffe8d1", "#d67c2c"),
    ("#e6f3c9", "#779a2f"),
)
_ROOT = ("#334155", "#94a3b8")
_OTHERS = ("#eceff2", "#8b949e")
_INK, _ROOT_INK, _OTHERS_INK, _BARE_INK = "#1c2128", "#ffffff", "#4b535d", "#7d8590"
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
        card = rectangle((box.x, box.y), (box.width, box.height), *_colours(box), dashes)
        yield f"<g><title>{text(_about(box, longest))}</title>{card}{''.join(_lines(box))}{_badge(box)}</g>"


def _lines(box: Box) -> Iterator[str]:
    turned = is_right_to_left("".join(box.lines))
    x = box.right - PADDING if turned else box.x + PADDING
    look = f'fill="{_ink(box)}"' + (' direction="rtl"' if turned else "")
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
    if box.branch.topic is None:
        return _OTHERS
    return _ROOT if box.branch.level == 0 else _FAMILIES[box.family % len(_FAMILIES)]


def _ink(box: Box) -> str:
    if box.branch.topic is None:
        return _OTHERS_INK
    return _ROOT_INK if box.branch.level == 0 else _INK


# ---- what is left out


def _caption(layout: Layout, links: list[Link], topics: Topics) -> list[str]:
    shown = sum(1 for box in layout.boxes if box.branch.topic)
    parts = [f"{shown:,} of {counted(len(topics), 'topic')}"] if shown < len(topics) else []
    if len(links) > MOST_CROSSING:
        parts.append(f"{MOST_CROSSING:,} of {counted(len(links), 'dashed link')}")
    place = (MARGIN, layout.height + LINE / 2)
    return [words(place, f"{' and '.join(parts)} shown", f'fill="{_BARE_INK}"')] if parts else []
