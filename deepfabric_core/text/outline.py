"""Topics as an indented text."""

from __future__ import annotations

from itertools import islice

from deepfabric_core.printable import printable
from deepfabric_core.topics.model import Topic, Topics
from deepfabric_core.wording import counted, of_them_leaves

_WIDTH = 200


def outline(topics: Topics, limit: int = 500) -> str:
    """Return the number of topics, then the first `limit` of them, indented below their parents."""
    lines = (f"{'  ' * (len(path) - 1)}{shown(topic)}" for topic, path in islice(topics.walk(), limit))
    return "\n".join((headline(topics), *lines, *rest(topics, limit)))


def headline(topics: Topics) -> str:
    """Return a line with the kind and number of topics and leaves."""
    return f"{topics.mode} of {counted(len(topics), 'topic')}, {of_them_leaves(len(topics.leaves))}"


def rest(topics: Topics, limit: int) -> list[str]:
    """Return a line with the number of topics beyond the limit, if there are any."""
    more = len(topics) - limit
    return [f"... and {counted(more, 'more topic')}"] if more > 0 else []


def shown(topic: Topic) -> str:
    """Return a topic's name on one line, with the weight that was set for it by hand."""
    return printable(topic.name, _WIDTH) + ("" if topic.weight is None else f" (weight {topic.weight:g})")
