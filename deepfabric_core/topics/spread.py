"""Choose a few leaves that are spread over the branches of topics, while these grow or when they are complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from deepfabric_core.topics.edit import prune
from deepfabric_core.topics.model import Topics


@dataclass
class SpreadLeaves:
    """The first `count` leaves in turn: one of each branch, then another of each, and so on within each branch.

    It is told of each topic's children, parents first, and says which of them are on the way to a chosen leaf. A plan
    of fewer samples than leaves begins with these leaves, so the samples of a preview are in each larger plan.
    """

    count: int
    _shares: dict[str, int] = field(default_factory=dict)

    def divide(self, topic: str | None, children: Sequence[str]) -> None:
        """Divide a topic's share of the leaves among its children, all by their ids; None stands above the root."""
        share = self.count if topic is None else self._shares.get(topic, 0)
        for place, child in enumerate(children):
            self._shares[child] = len(range(place, share, len(children)))

    def needs(self, topic: str) -> bool:
        """Return whether a topic is a chosen leaf, or above one."""
        return self._shares.get(topic, 0) > 0

    def only(self, topics: Topics, depth: int = 0) -> Topics | None:
        """Return topics with the chosen leaves alone, those with at least `depth` levels above; None without any."""
        kept = {topic.id for topic, path in topics.leaves if self.needs(topic.id) and len(path) > depth}
        if not kept:
            return None
        for topic, _ in reversed(list(topics.walk())):
            if kept.intersection(topics.own_children(topic)):
                kept.add(topic.id)
        return prune(topics, [topic for topic in topics.by_id if topic not in kept])


def spread(topics: Topics, count: int) -> Topics:
    """Return complete topics with only `count` of their leaves, spread over the branches."""
    chosen = SpreadLeaves(count)
    chosen.divide(None, [topics.root])
    for topic, _ in topics.walk():
        chosen.divide(topic.id, topics.own_children(topic))
    return chosen.only(topics) or topics
