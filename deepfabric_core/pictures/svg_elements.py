"""The SVG elements of a picture, as text."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

# The distance of a bow's control points to the right; the curve reaches three quarters of it.
_OUT = 16

Point = tuple[float, float]


def document(width: float, height: float, about: str, layers: Iterable[str]) -> str:
    """Return the SVG document; `about` is its title."""
    w, h = number(width), number(height)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img">'
    return "\n".join((head, f"<title>{text(about)}</title>", *layers, "</svg>\n"))


def group(look: str, elements: Iterable[str]) -> str:
    """Return a group of elements, one per line, with the attributes `look`."""
    return "\n".join((f"<g {look}>" if look else "<g>", *elements, "</g>"))


def curve(start: Point, end: Point, stroke: str) -> str:
    """Return a curve from left to right."""
    half = number((start[0] + end[0]) / 2)
    return _path(start, half, end, stroke)


def bow(start: Point, end: Point, stroke: str) -> str:
    """Return a curve that leads to the right and back."""
    return _path(start, number(max(start[0], end[0]) + _OUT), end, stroke)


def _path(start: Point, by: str, end: Point, stroke: str) -> str:
    (x, y), (to_x, to_y) = map(number, start), map(number, end)
    return f'<path d="M{x} {y}C{by} {y} {by} {to_y} {to_x} {to_y}" stroke="{stroke}"/>'


def circle(middle: Point, radius: float, fill: str) -> str:
    """Return a circle."""
    x, y = map(number, middle)
    return f'<circle cx="{x}" cy="{y}" r="{number(radius)}" fill="{fill}"/>'


def rectangle(corner: Point, size: Point, fill: str, stroke: str, more: str = "") -> str:
    """Return a rectangle with rounded corners; `more` holds further attributes."""
    (x, y), (width, height) = map(number, corner), map(number, size)
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5" fill="{fill}" stroke="{stroke}"{more}/>'


def words(start: Point, line: str, look: str) -> str:
    """Return a line of text; `start` is on its baseline."""
    x, y = map(number, start)
    return f'<text x="{x}" y="{y}" {look}>{text(line)}</text>'


def text(raw: str) -> str:
    """Return escaped text."""
    return escape(raw, quote=False)


def number(value: float) -> str:
    """Return a number, rounded to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")
