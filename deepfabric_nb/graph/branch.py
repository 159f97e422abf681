"""`Branch`: a topic of a graph with what is below it, for `graph["Wheels"]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deepfabric_core.samples.weights import weights_of_all
from deepfabric_core.topics.model import TopicPath, Topics


@dataclass(frozen=True, slots=True)
class Branch:
    """A topic, as it was when the graph was asked for it.

    `wanted`, `done` and `failed` count the samples of it and of all below it; `weight` is 2 where each topic gets twice
    as many samples as usual.
    """

    id: str
    name: str
    path: TopicPath
    wanted: int
    done: int
    failed: int
    weight: float
    children: tuple[Branch, ...] = field(repr=False)

    @property
    def leaves(self) -> tuple[Branch, ...]:
        """The topics without children in this branch; the topic itself if it has none."""
        return tuple(leaf for child in self.children for leaf in child.leaves) or (self,)


Counts = tuple[dict[str, int], dict[str, int], dict[str, int]]


def branch(topics: Topics, topic_id: str, counts: Counts, weights: Mapping[str, float]) -> Branch:
    """Return a branch; `counts` are the samples wanted, done and failed of each topic itself, `weights` all weights."""
    wanted, done, failed = map(topics.sums, counts)
    paths = {topic.id: path for topic, path in topics.walk()}
    weight = weights_of_all(topics, weights)
    made: dict[str, Branch] = {}
    for own in reversed(_below(topics, topic_id)):
        topic = topics.by_id[own]
        children = tuple(made[child] for child in topics.own_children(topic))
        made[own] = Branch(own, topic.name, paths[own], wanted[own], done[own], failed[own], weight[own], children)
    return made[topic_id]


def _below(topics: Topics, topic_id: str) -> list[str]:
    """Return the ids of a topic and of all below it by their primary parents, parents first."""
    found = [topic_id]
    for own in found:
        found.extend(topics.own_children(topics.by_id[own]))
    return found
