"""Show topics as plain text: a summary, a tree or a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from deepfabric_core.printable import printable, printable_path
from deepfabric_core.text.outline import shown
from deepfabric_core.topics.coverage import near_duplicates, shape
from deepfabric_core.topics.model import Topic, TopicPath, Topics
from deepfabric_core.wording import counted

_WIDTH = 200
_SHOWN_GROUPS = 5


class ReportOptions(NamedTuple):
    """The levels to show, from `first` to `last` (0 is the root), and whether to show ids."""

    first: int
    last: int
    ids: bool


def reported(topics: Topics, view: ReportOptions) -> Iterator[tuple[Topic, TopicPath]]:
    """Return the topics of the levels to show, in the order of `Topics.walk`."""
    return ((topic, path) for topic, path in topics.walk() if view.first < len(path) <= view.last + 1)


def summary(topics: Topics, metadata: Mapping[str, Any]) -> str:
    """Return the size and balance of topics in two aligned columns; `metadata` is that of a graph's file."""
    measured, alike = shape(topics), near_duplicates(topics)
    made_with = [str(metadata[key]) for key in ("provider", "model") if metadata.get(key)]
    rows = [
        ("Format", topics.mode),
        ("Root", topics.by_id[topics.root].name),
        ("Paths", f"{measured.leaves:,}"),
        ("Depth", f"{measured.depth:,}"),
        *(("Shape" if number == 0 else "", sentence) for number, sentence in enumerate(measured.sentences)),
        *((("Made with", "/".join(made_with)),) if made_with else ()),
        ("Much alike", f"{counted(len(alike), 'group')} of topics" if alike else "no topics"),
        *(("", _names(topics, group)) for group in alike[:_SHOWN_GROUPS]),
    ]
    return "\n".join(f"{label:<11} {printable(text, _WIDTH)}" for label, text in rows)


def _names(topics: Topics, ids: tuple[str, ...]) -> str:
    return " | ".join(dict.fromkeys(topics.by_id[own].name for own in ids))


def tree(topics: Topics, view: ReportOptions) -> Iterator[str]:
    """Yield lines that draw the levels to show as a tree, or list them if there is only one level."""
    if view.first == view.last:
        yield from (f"- {_label(topics, topic, view)}" for topic, _ in reported(topics, view))
        return
    last = {below[-1] for topic in topics.by_id.values() if (below := topics.own_children(topic))}
    bars: list[str] = []
    for topic, path in reported(topics, view):
        depth = len(path) - 1 - view.first
        branch = ("└── " if topic.id in last else "├── ") if depth else ""
        yield "".join(bars[: max(0, depth - 1)]) + branch + _label(topics, topic, view)
        if depth:
            bars[depth - 1 :] = ["    " if topic.id in last else "│   "]


def _label(topics: Topics, topic: Topic, view: ReportOptions) -> str:
    own = f" [{printable(topic.id, _WIDTH)}]" if view.ids else ""
    further = ", ".join(printable(topics.by_id[parent].name, _WIDTH) for parent in topic.parents[1:])
    return f"{shown(topic)}{own}{f' (also under {further})' if further else ''}"


def table(topics: Topics, view: ReportOptions) -> Iterator[str]:
    """Yield a header, then a line per topic: level, id if wanted, path."""
    width = max((len(printable(own)) for own in topics.by_id), default=0)
    yield _row("Level", "ID", "Path", width, view)
    for topic, path in reported(topics, view):
        yield _row(str(len(path) - 1), printable(topic.id), printable_path(path), width, view)


def _row(level: str, own: str, path: str, width: int, view: ReportOptions) -> str:
    return f"{level:>5}  {own:<{width}}  {path}" if view.ids else f"{level:>5}  {path}"
