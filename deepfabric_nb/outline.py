"""Topics as an outline: text in a terminal, foldable in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import islice
from pathlib import Path

from deepfabric_core.text.outline import headline, outline, rest, shown
from deepfabric_core.topics.model import Topics

_SHOWN = 500


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
        return outline(self.topics, _SHOWN)

    def _repr_html_(self) -> str:
        more = "".join(f"<p>{escape(line)}</p>" for line in rest(self.topics, _SHOWN))
        return f"<p><b>{escape(headline(self.topics))}</b></p><ul>{''.join(self._items())}</ul>{more}"

    def _items(self) -> Iterator[str]:
        first = [(topic, len(path)) for topic, path in islice(self.topics.walk(), _SHOWN)]
        depths = [*(depth for _, depth in first[1:]), 1]
        for (topic, depth), following in zip(first, depths, strict=True):
            name = f'<bdi dir="auto">{escape(shown(topic))}</bdi>'
            if following > depth:
                yield f"<li><details open><summary>{name}</summary><ul>"
            else:
                yield f"<li>{name}</li>{'</ul></details></li>' * (depth - following)}"
