"""Charts as SVG that stretches with the page: places across it are in percent, heights and text in pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from deepfabric_core.pictures.report.numbers import percent, short
from deepfabric_core.pictures.report.texts import escaped
from deepfabric_core.pictures.svg_elements import number, text
from deepfabric_core.wording import counted, digits

_TICKS = 4
_TICKS_OF_SCALE = 5
_HEIGHT = 190
_TOP = 34
_BOTTOM = 24
_BAR = 16
_MIDDLE = 55
_FEWEST_PERCENT = 0.3


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a bar chart. `said` is what the row says at its end, `tip` what it says on hovering.

    `label` is text, `below` is HTML that opens when the row is clicked, and `colour` names one of the page's.
    """

    label: str
    value: float
    said: str
    tip: str = ""
    below: str = ""
    colour: str = "h1"


def bars(rows: Iterable[Bar], *, top: float | None = None, unit: str = "", title: str) -> str:
    """Return a bar chart with a row each, an axis from 0 to `top`, or to a round number, and grid lines."""
    shown = list(rows)
    most = top or axis_end(row.value for row in shown)
    step = nice_step(most / _TICKS_OF_SCALE) if top else _step_to(most)
    ticks = [step * place for place in range(int(most / step) + 1)]
    grid = "".join(
        f'<line class="grid" x1="{_share(tick, most)}" x2="{_share(tick, most)}" y2="100%"/>' for tick in ticks
    )
    body = "".join(_row(row, most, grid) for row in shown)
    axis = "".join(_tick(tick, most) for tick in ticks)
    axis_row = (
        f'<div class="row axis" aria-hidden="true"><span></span><svg width="100%" height="16">{axis}</svg>'
        f'<span class="unit">{text(unit)}</span></div>'
    )
    return f'<figure class="bars"><figcaption>{text(title)}</figcaption>{body}{axis_row}</figure>'


def _row(row: Bar, most: float, grid: str) -> str:
    width = max(_FEWEST_PERCENT, min(100.0, 100 * row.value / most)) if row.value > 0 else 0
    tip = escaped(row.tip or f"{row.label}: {row.said}")
    bar = f'<rect class="{row.colour}" y="4" width="{width:.2f}%" height="{_BAR}" rx="3"/>'
    inside = (
        f'<span class="label" dir="auto" title="{escaped(row.label)}">{escaped(row.label)}</span>'
        f'<svg width="100%" height="{_BAR + 8}" role="img"><title>{tip}</title>{grid}{bar}</svg>'
        f'<span class="value">{escaped(row.said)}</span>'
    )
    if not row.below:
        return f'<div class="row">{inside}</div>'
    return (
        f'<details class="branch"><summary class="row">{inside}</summary><div class="below">{row.below}</div></details>'
    )


def rows(shown: Iterable[Bar], most: float) -> str:
    """Return rows alone, on the scale of a chart whose axis ends at `most`."""
    return "".join(_row(row, most, "") for row in shown)


def axis_end(values: Iterable[float]) -> float:
    """Return where the axis of a chart of these counts ends."""
    most = max(values, default=0)
    step = _step_to(most)
    return max(1, math.ceil(most / step)) * step


def _step_to(most: float) -> float:
    """Return the distance of the ticks on an axis of counts."""
    return max(1, nice_step(most / _TICKS))


def _tick(tick: float, most: float) -> str:
    anchor = "start" if tick == 0 else "end" if tick >= most else "middle"
    return f'<text x="{_share(tick, most)}" y="12" text-anchor="{anchor}">{short(tick)}</text>'


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line in a histogram, with its name."""

    value: float
    name: str


def histogram(bins: Sequence[dict[str, int]], marks: Sequence[Mark], *, title: str, unit: str, what: str) -> str:
    """Return a histogram: `bins` each have `from`, `to` and `count`; the last may be wider, with all that is more."""
    begin, width = bins[0]["from"], bins[0]["to"] - bins[0]["from"]
    end = begin + width * len(bins)
    most = axis_end(one["count"] for one in bins)
    whole = sum(one["count"] for one in bins)
    parts = [*_levels(most), *_columns(bins, most, whole, (unit, what)), *_places(begin, end, width)]
    parts += _marks(marks, begin, end)
    return (
        f'<figure class="histogram"><figcaption>{text(title)}</figcaption>'
        f'<svg width="100%" height="{_TOP + _HEIGHT + _BOTTOM}" role="img"><title>{text(title)}</title>'
        f'{"".join(parts)}</svg><p class="axis-name">{text(unit)}</p></figure>'
    )


def _levels(most: float) -> Iterator[str]:
    """Yield the horizontal grid lines with their numbers, which stand left of the picture."""
    step = _step_to(most)
    for place in range(round(most / step) + 1):
        y = _TOP + _HEIGHT * (1 - place * step / most)
        yield f'<line class="grid" x2="100%" y1="{number(y)}" y2="{number(y)}"/>'
        yield f'<text x="-6" y="{number(y + 4)}" text-anchor="end">{short(place * step)}</text>'


def _columns(bins: Sequence[dict[str, int]], most: float, whole: int, words: tuple[str, str]) -> Iterator[str]:
    unit, what = words
    across = 100 / len(bins)
    usual = bins[0]["to"] - bins[0]["from"]
    for place, one in enumerate(bins):
        height = _HEIGHT * one["count"] / most if one["count"] else 0
        range_ = (
            f"{digits(one['from'])} to {digits(one['to'] - 1)}" if one["to"] - one["from"] > 1 else digits(one["from"])
        )
        tip = f"{range_} {unit}: {counted(one['count'], what)} ({percent(one['count'], whole)})"
        more = " more" if one["to"] - one["from"] > usual else ""
        yield (
            f'<g class="column"><title>{text(tip)}</title>'
            f'<rect class="hover" x="{place * across:.3f}%" width="{across:.3f}%" y="{_TOP}" height="{_HEIGHT}"/>'
            f'<rect class="h1{more}" x="{place * across + across * 0.06:.3f}%" width="{across * 0.88:.3f}%" '
            f'y="{number(_TOP + _HEIGHT - height)}" height="{number(height)}" rx="2"/></g>'
        )


def _places(begin: float, end: float, width: int) -> Iterator[str]:
    """Yield the numbers below the columns, at their edges."""
    step = max(nice_step((end - begin) / 5), width)
    at = -(-begin // step) * step
    while at <= end:
        share = 100 * (at - begin) / (end - begin)
        anchor = "start" if share < 3 else "end" if share > 97 else "middle"  # noqa: PLR2004 - near an edge
        yield f'<text x="{share:.2f}%" y="{_TOP + _HEIGHT + 17}" text-anchor="{anchor}">{short(at)}</text>'
        at += step


def _marks(marks: Sequence[Mark], begin: float, end: float) -> Iterator[str]:
    """Yield lines for the marks, their names above the columns, each on the side where there is room."""
    for place, mark in enumerate(marks):
        share = 100 * min(1.0, max(0.0, (mark.value + 0.5 - begin) / (end - begin)))
        side = ("end", -5) if share > _MIDDLE else ("start", 5)
        y = 12 + 14 * (place % 2)
        yield f'<line class="mark" x1="{share:.2f}%" x2="{share:.2f}%" y1="{y - 9}" y2="{_TOP + _HEIGHT}"/>'
        yield (
            f'<text class="marked" x="{share:.2f}%" dx="{side[1]}" y="{y}" text-anchor="{side[0]}">'
            f"{text(mark.name)} {short(mark.value)}</text>"
        )


def stacked(parts: Sequence[tuple[str, float, str]], whole: float) -> str:
    """Return one bar of several parts, each a colour's name, a size and what it says on hovering."""
    ends = [0.0]
    for _, value, _ in parts:
        ends.append(ends[-1] + value)
    pieces = "".join(
        f'<rect class="{colour}" x="{_share(begin, whole)}" width="{_share(end - begin, whole)}" y="3" height="18">'
        f"<title>{escaped(tip)}</title></rect>"
        for (colour, _, tip), (begin, end) in zip(parts, pairwise(ends), strict=True)
    )
    return f'<svg class="stacked" width="100%" height="24" role="img">{pieces}</svg>'


def _share(value: float, whole: float) -> str:
    return f"{100 * value / whole:.2f}%" if whole else "0%"


def nice_step(least: float) -> float:
    """Return the least of 1, 2, 2.5 and 5 times a power of ten that is at least this; 1 for nothing.

    >>> nice_step(0), nice_step(23), nice_step(0.3)
    (1, 25, 0.5)
    """
    if least <= 0:
        return 1
    power = 10.0
    while power > least:
        power /= 10
    while True:
        for times in (1, 2, 2.5, 5):
            if (step := times * power) >= least * 0.999999 and step != 2.5:  # noqa: PLR2004 - half a sample isn't a tick
                return int(step) if step == int(step) else round(step, 12)
        power *= 10
