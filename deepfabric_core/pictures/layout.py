"""Lay out a tree from left to right: each level is a column, and each topic is centred beside its children."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from deepfabric_core.pictures.excerpt import Branch
from deepfabric_core.pictures.labels import clean, two_lines, width

FONT_SIZE = 13
LINE = 15
PADDING = 8
MARGIN = 12
_COLUMN_GAP = 38
_SIBLING_GAP = 5
_FAMILY_GAP = 13
# In em: the least and most width of a label's line, and the width that all columns share if each gets the least.
_LEAST_ROOM, _MOST_ROOM, _ROOM = 12.5, 20, 56
_LABEL_CHARACTERS = 120
_BADGE_GAP = 5
# How much wider the bold names of the root and its branches are.
_BOLD = 1.12


@dataclass(slots=True)
class Box:
    """The place of a branch in pixels; `family` numbers the root's child that it belongs to, and decides its colour."""

    branch: Branch
    lines: tuple[str, ...]
    family: int
    below: list[Box] = field(default_factory=list)
    x: float = 0
    y: float = 0
    width: float = 0

    @property
    def height(self) -> float:
        """The height of its lines with padding."""
        return len(self.lines) * LINE + PADDING

    @property
    def is_bold(self) -> bool:
        """Whether it is the root or one of its branches, whose names are bold."""
        return self.branch.topic is not None and self.branch.level <= 1

    @property
    def middle(self) -> float:
        """The y coordinate at which links meet the box."""
        return self.y + self.height / 2

    @property
    def right(self) -> float:
        """The x coordinate at which links leave the box."""
        return self.x + self.width

    @property
    def badge(self) -> str:
        """The text of the badge: how many topics below are left out, or ""."""
        return f"+{self.branch.left_out:,}" if self.branch.topic and self.branch.left_out else ""

    @property
    def badge_place(self) -> tuple[float, float]:
        """Left edge and width of the badge."""
        return self.right + _BADGE_GAP, text_width(self.badge) + PADDING

    def walk(self) -> Iterator[Box]:
        """Yield this box and all below it, parents before children."""
        yield self
        for box in self.below:
            yield from box.walk()


@dataclass(frozen=True, slots=True)
class Layout:
    """The root's box, all boxes, and the size of the picture in pixels."""

    root: Box
    boxes: tuple[Box, ...]
    width: float
    height: float


def lay_out(root: Branch) -> Layout:
    """Place every branch, and return the layout."""
    levels = max(branch.level for branch in root.walk()) + 1
    box = _box(root, 0, min(_MOST_ROOM, max(_LEAST_ROOM, _ROOM / levels)))
    boxes = tuple(box.walk())
    _place_columns(boxes)
    _place_rows(box, MARGIN)
    far = max(sum(one.badge_place) if one.badge else one.right for one in boxes)
    return Layout(box, boxes, far + MARGIN, max(one.y + one.height for one in boxes) + MARGIN)


def text_width(text: str) -> float:
    """Return the estimated width of a text in pixels."""
    return width(text) * FONT_SIZE


def _box(branch: Branch, family: int, room: float) -> Box:
    name = clean(branch.topic.name, _LABEL_CHARACTERS) if branch.topic else f"+{branch.left_out:,} more"
    below = [_box(child, number if branch.level == 0 else family, room) for number, child in enumerate(branch.below)]
    return Box(branch, two_lines(name, room), family, below)


def _place_columns(boxes: tuple[Box, ...]) -> None:
    x: float = MARGIN
    for level in range(max(box.branch.level for box in boxes) + 1):
        column = [box for box in boxes if box.branch.level == level]
        wide = _BOLD if level <= 1 else 1
        broadest = max(text_width(line) for box in column for line in box.lines) * wide + 2 * PADDING
        for box in column:
            box.x, box.width = x, broadest
        x += broadest + _COLUMN_GAP


def _place_rows(box: Box, top: float) -> float:
    """Place a box and all below it; return the y coordinate at which the next one may begin."""
    if not box.below:
        box.y = top
        return top + box.height
    bottom = top + max(0.0, box.height - _together(box.below)) / 2
    for number, child in enumerate(box.below):
        bottom = _place_rows(child, bottom + (_gap(box.below[number - 1], child) if number else 0))
    box.y = (box.below[0].middle + box.below[-1].middle - box.height) / 2
    return max(bottom, box.y + box.height)


def _together(boxes: list[Box]) -> float:
    """Return a lower bound of the height of siblings; it is exact for one or two of them without children."""
    return sum(box.height for box in boxes) + _SIBLING_GAP * (len(boxes) - 1)


def _gap(above: Box, below: Box) -> float:
    return _FAMILY_GAP if above.below or below.below else _SIBLING_GAP
