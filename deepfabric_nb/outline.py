"""Topics as an outline: text in a terminal, foldable in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from deepfabric_core.text.printable import printable
from deepfabric_core.topics.model import Topic, Topics

_SHOWN = 500
_WIDTH = 200


def topics_file(path: Path) -> Topics | None:
    """The topics of a file, or None where it isn't a topics file.

    Raises:
        TopicsFileError: it looks like one, but can't be read.
    """
    from deepfabric_core.store.topics_file import load_topics

    return load_topics(path)[0] if path.suffix in (".json", ".jsonl") else None


class Outline:
    """Shows topics; `topics` are they themselves."""

    def __init__(self, topics: Topics) -> None:
        self.topics = topics

    def __repr__(self) -> str:
        lines = [f"{'  ' * (len(path) - 1)}{_shown(topic)}" for topic, path in self._first()]
        return "\n".join((self._headline(), *lines, *self._rest()))

    def _repr_html_(self) -> str:
        more = "".join(f"<p>{escape(line)}</p>" for line in self._rest())
        items = self._item(self.topics.by_id[self.topics.root], [_SHOWN])
        return f"<p><b>{escape(self._headline())}</b></p><ul>{items}</ul>{more}"

    def _item(self, topic: Topic, left: list[int]) -> str:
        left[0] -= 1
        below = "".join(
            self._item(self.topics.by_id[child], left) for child in self.topics.own_children(topic) if left[0] > 0
        )
        name = f'<bdi dir="auto">{escape(_shown(topic))}</bdi>'
        if not below:
            return f"<li>{name}</li>"
        return f"<li><details open><summary>{name}</summary><ul>{below}</ul></details></li>"

    def _headline(self) -> str:
        return f"{self.topics.mode} of {len(self.topics):,} topics, {len(self.topics.leaves):,} of them leaves"

    def _first(self) -> Iterator[tuple[Topic, Any]]:
        for number, one in enumerate(self.topics.walk()):
            if number >= _SHOWN:
                return
            yield one

    def _rest(self) -> list[str]:
        more = len(self.topics) - _SHOWN
        return [f"... and {more:,} more topics"] if more > 0 else []


def _shown(topic: Topic) -> str:
    return printable(topic.name, _WIDTH)
