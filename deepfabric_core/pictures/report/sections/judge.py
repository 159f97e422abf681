"""The section on a judge's scores: overall, by criterion and by topic, and the samples with the lowest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deepfabric_core.pictures.report.charts import Bar, bars, stacked
from deepfabric_core.pictures.report.numbers import percent
from deepfabric_core.pictures.report.sections.section import Section
from deepfabric_core.pictures.report.texts import escaped, example
from deepfabric_core.wording import counted, digits

_SCALES = (1, 5, 10, 100)
_LEVELS = 5
_MOST_ROWS = 40


def judge(document: dict[str, Any]) -> Section | None:
    """Return the section; None if no sample has a verdict."""
    found = document["judge"]
    if not found:
        return None
    most = max(one["score"] for part in (found, *found["criteria"]) for one in part["scores"])
    top = next((scale for scale in _SCALES if scale >= most), most)
    names = ", ".join(map(escaped, found["judges"]))
    about = (
        f"{counted(found['judged'], 'sample')} judged{f' by {names}' if names else ''}: {found['mean']:.2f} on average."
    )
    parts = [_criteria(found, top), _by_topic(document["topics"]["branches"], top), _lowest(found["lowest"])]
    return Section("judge", "Judge's scores", about, "".join(parts))


def _criteria(found: dict[str, Any], top: float) -> str:
    rows = "".join(_criterion(one, top) for one in ({**found, "name": "overall"}, *found["criteria"]))
    legend = "".join(f'<span><i class="s{level}"></i>{_range(level, top)}</span>' for level in range(1, _LEVELS + 1))
    caption = "Shares of scores by criterion, the lowest mean first"
    return (
        f'<figure class="bars scores"><figcaption>{caption}</figcaption>{rows}<p class="legend">{legend}</p></figure>'
    )


def _criterion(one: dict[str, Any], top: float) -> str:
    counts = [0] * _LEVELS
    for step in one["scores"]:
        counts[_level(step["score"], top) - 1] += step["count"]
    judged = sum(counts)
    parts = [
        (f"s{level}", count, f"{one['name']}, {_range(level, top)}: {digits(count)} ({percent(count, judged)})")
        for level, count in enumerate(counts, 1)
    ]
    label = f'<span class="label" dir="auto">{escaped(one["name"])}</span>'
    return f'<div class="row">{label}{stacked(parts, judged)}<span class="value">{one["mean"]:.2f}</span></div>'


def _level(score: float, top: float) -> int:
    """Return 1 to 5 for a score; on a scale to 5 it is the score itself, rounded."""
    if top == _LEVELS:
        return min(_LEVELS, max(1, round(score)))
    return min(_LEVELS, max(1, 1 + int(score / top * _LEVELS)))


def _range(level: int, top: float) -> str:
    """Return the scores of a level in words."""
    if top == _LEVELS:
        return f"{level}"
    return f"{(level - 1) * top / _LEVELS:g} to {level * top / _LEVELS:g}"


def _by_topic(nodes: list[dict[str, Any]], top: float) -> str:
    branches = sorted(_scored(nodes), key=lambda one: one["score"])[:_MOST_ROWS]
    if len(branches) < 2:  # noqa: PLR2004 - one alone is the mean that is said already
        return ""
    rows = [
        Bar(
            one["name"],
            one["score"],
            f"{one['score']:.2f}",
            f"{one['name']}: {one['score']:.2f} on average; {counted(one['samples'], 'sample')}",
            colour=f"s{_level(one['score'], top)}",
        )
        for one in branches
    ]
    return bars(rows, top=top, title="Mean score by branch of topics, the lowest first", unit="score")


def _scored(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the branches right below the root that have scores."""
    branches = nodes[0]["branches"] if len(nodes) == 1 and nodes[0]["branches"] else nodes
    return (one for one in branches if one["score"] is not None)


def _lowest(found: list[dict[str, Any]]) -> str:
    body = "".join(f"{_reasons(one)}{example(one)}" for one in found)
    head = (
        f"The {counted(len(found), 'sample')} with the lowest score"
        if len(found) > 1
        else "The sample with the lowest score"
    )
    return f'<details class="card"><summary>{head}</summary><div class="examples">{body}</div></details>'


def _reasons(one: dict[str, Any]) -> str:
    said = "".join(
        f"<li><b>{escaped(name)}</b> <span dir=auto>{escaped(text)}</span></li>"
        for name, text in one["reasons"].items()
    )
    return f'<p class="reason">score {one["score"]:g}</p><ul class="plain reasons">{said}</ul>'
