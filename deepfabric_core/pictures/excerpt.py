"""Choose the topics that a picture shows: whole levels while there is room, then each topic's first children."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from deepfabric_core.topics.model import Topic, Topics

_ROOM = 150
_LEVELS = 12
# The most links to further parents that a picture shows.
MOST_CROSSING = 200


@dataclass(slots=True)
class Branch:
    """A topic in the picture, or if `topic` is None, a placeholder for `left_out` other topics.

    For a topic, `left_out` counts the topics below it if none of them is shown.
    """

    topic: Topic | None
    level: int = 0
    left_out: int = 0
    below: list[Branch] = field(default_factory=list)

    def walk(self) -> Iterator[Branch]:
        """Yield this branch and all below it, parents before children."""
        yield self
        for branch in self.below:
            yield from branch.walk()


def excerpt(topics: Topics) -> Branch:
    """Return the root of the part of the topics that is still legible in a picture."""
    sizes = _sizes(topics)
    root = Branch(topics.by_id[topics.root])
    edge, room = [root], _ROOM - 1
    while edge and edge[0].level < _LEVELS - 1:
        most = _most_each([len(topics.own_children(branch.topic)) for branch in edge if branch.topic], room)
        if not most:
            break
        for branch in edge:
            branch.below = _below(branch, topics, sizes, most)
        level = [child for branch in edge for child in branch.below]
        room -= len(level)
        edge = [child for child in level if child.topic]
    for branch in edge:
        if branch.topic:
            branch.left_out = sizes[branch.topic.id] - 1
    return root


def _sizes(topics: Topics) -> dict[str, int]:
    """Return how many topics the branch of each topic has, itself included."""
    order = [topics.root]
    for topic_id in order:
        order.extend(topics.own_children(topics.by_id[topic_id]))
    sizes = dict.fromkeys(order, 1)
    for topic_id in reversed(order[1:]):
        sizes[topics.by_id[topic_id].parents[0]] += sizes[topic_id]
    return sizes


def _most_each(families: list[int], room: int) -> int:
    """Return how many children of each topic can be shown, so that all fit into `room`; 0 if it is too few."""
    if sum(families) <= room:
        return max(families, default=0)
    low, high = 0, room
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sum(min(one, middle) for one in families) <= room else (low, middle - 1)
    return low if low > 1 else 0


def _below(branch: Branch, topics: Topics, sizes: dict[str, int], most: int) -> list[Branch]:
    children = topics.own_children(branch.topic) if branch.topic else []
    if len(children) <= most:
        return [Branch(topics.by_id[child], branch.level + 1) for child in children]
    shown, others = children[: most - 1], children[most - 1 :]
    rest = Branch(None, branch.level + 1, sum(sizes[child] for child in others))
    return [*(Branch(topics.by_id[child], branch.level + 1) for child in shown), rest]


def crossing(root: Branch) -> list[tuple[Branch, Branch]]:
    """Return the links from further parents to topics, if both are shown; the second parents of all topics first."""
    by_id = {branch.topic.id: branch for branch in root.walk() if branch.topic}
    found = [
        (rank, by_id[parent], child)
        for child in by_id.values()
        for rank, parent in enumerate(child.topic.parents[1:] if child.topic else ())
        if parent in by_id
    ]
    return [(parent, child) for _, parent, child in sorted(found, key=lambda link: link[0])]
