"""The shards of a plan: parts that are made independently, and whose samples are merged again in the plan's order.

A shard is a range of leaves with all their cycles, so that the earlier samples of a topic are in the same shard. Where
few leaves have many samples, it is also a range of cycles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from deepfabric_core.samples.plan import Plan, WorkItem
from deepfabric_core.topics.model import Topic, Topics

# A shard with all its cycles may be so many times as large as is asked for.
_MOST_TIMES = 4


@dataclass(frozen=True)
class Shard:
    """A part of a plan: the cycles from `first_cycle` of the leaves from `first_leaf`.

    `shares` has for each leaf how many cycles of it come before the end of the shard.

    >>> shard = Shard(0, 0, (3, 2), first_cycle=1)
    >>> len(shard), [shard.planned(cycle) for cycle in shard.cycles]
    (3, [2, 1])
    """

    number: int
    first_leaf: int
    shares: tuple[int, ...]
    first_cycle: int = 0

    def __len__(self) -> int:
        return sum(max(0, share - self.first_cycle) for share in self.shares)

    @cached_property
    def cycles(self) -> range:
        """The cycles in which it has samples."""
        return range(self.first_cycle, max(self.shares, default=0))

    def planned(self, cycle: int) -> int:
        """Return how many samples it has in a cycle."""
        return self._planned[cycle - self.first_cycle] if cycle in self.cycles else 0

    @cached_property
    def _planned(self) -> list[int]:
        """How many samples it has in each cycle, which is asked for each of them."""
        return [sum(share > cycle for share in self.shares) for cycle in self.cycles]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a plan is cut: so many leaves a shard or a few more, and so many cycles; all of them if that is None.

    A plan of the same topics with more samples has the same shards, some of them with more samples, and more of them.
    """

    leaves: int
    cycles: int | None = None

    @staticmethod
    def of(shares: Sequence[int], size: int, *, workers: int = 1, at_once: int = 1) -> Layout:
        """Return a layout with about `size` samples a shard.

        A shard has more leaves than a worker makes samples `at_once`, if there are enough: samples of one topic that
        are made at the same time know nothing of each other. Cycles are divided only where shards were very large.

        Args:
            shares: how many samples each leaf gets.
            size: how many samples a shard is to have.
            workers: how many workers there are, each of which needs a shard.
            at_once: how many samples a worker makes at the same time.

        >>> Layout.of([2] * 1000, 500), Layout.of([1000] * 4, 500)
        (Layout(leaves=250, cycles=None), Layout(leaves=2, cycles=None))
        >>> Layout.of([20] * 100, 100, workers=2, at_once=16), Layout.of([1000] * 40, 500, at_once=8)
        (Layout(leaves=17, cycles=None), Layout(leaves=9, cycles=55))
        """
        count, total = len(shares), max(1, sum(shares))
        fewest = min(at_once + 1, -(-count // workers))
        leaves = min(count, max(1, round(size * count / total), fewest))
        is_large = leaves * total > _MOST_TIMES * size * count
        return Layout(leaves, max(1, size // leaves) if is_large else None)

    def shards(self, shares: Sequence[int]) -> Iterator[Shard]:
        """Yield the shards that have samples, in the order of their numbers, cycles before leaves."""
        most = max(shares, default=0)
        each = self.cycles or max(1, most)
        count = max(1, len(shares) // self.leaves)
        bounds = [len(shares) * place // count for place in range(count + 1)]
        for band, first_cycle in enumerate(range(0, most, each)):
            for place, (first, end) in enumerate(pairwise(bounds)):
                ended = tuple(min(share, first_cycle + each) for share in shares[first:end])
                shard = Shard(band * count + place, first, ended, first_cycle)
                if len(shard):
                    yield shard


@dataclass(frozen=True)
class ShardPlan:
    """The plan of one shard over topics with no leaves but its own; the indices of its work items begin at 0.

    It has the interface of `Plan`.
    """

    topics: Topics
    shard: Shard

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[WorkItem]:
        leaves = self.topics.leaves
        for index, (place, cycle) in enumerate(self._items):
            topic, path = leaves[place]
            yield WorkItem(index, topic.id, path, cycle)

    def index_of(self, topic_id: str, cycle: int) -> int | None:
        """Return the place of a work item in the shard, or None if the shard has no such item."""
        place = self._places.get(topic_id)
        return None if place is None else self._index.get((place, cycle))

    @property
    def cycles(self) -> int:
        """The number of all cycles up to the end of the shard."""
        return self.shard.cycles.stop

    def planned(self, cycle: int) -> int:
        """Return how many samples the shard has in a cycle."""
        return self.shard.planned(cycle)

    @cached_property
    def _items(self) -> list[tuple[int, int]]:
        """The place of each item's leaf, and its cycle, in the order of the plan."""
        shares = self.shard.shares
        return [(place, cycle) for cycle in self.shard.cycles for place, share in enumerate(shares) if share > cycle]

    @cached_property
    def _index(self) -> dict[tuple[int, int], int]:
        return {item: index for index, item in enumerate(self._items)}

    @cached_property
    def _places(self) -> dict[str, int]:
        return {topic.id: place for place, (topic, _) in enumerate(self.topics.leaves)}


# What a run's samples are made by: the whole plan, or that of a shard.
AnyPlan = Plan | ShardPlan


def topics_of(topics: Topics, shard: Shard) -> Topics:
    """Return the topics of a shard: its leaves and what leads to them, with the same ids and paths."""
    kept: set[str] = set()
    for leaf, _ in topics.leaves[shard.first_leaf : shard.first_leaf + len(shard.shares)]:
        topic: Topic | None = leaf
        while topic is not None and topic.id not in kept:
            kept.add(topic.id)
            topic = topics.by_id[topic.parents[0]] if topic.parents else None
    by_id = {own: _within(topic, kept) for own, topic in topics.by_id.items() if own in kept}
    return Topics(topics.mode, topics.root, by_id)


def _within(topic: Topic, kept: set[str]) -> Topic:
    """Return a topic without links to others than those that are kept."""
    parents = tuple(parent for parent in topic.parents if parent in kept)
    return Topic(topic.id, topic.name, parents, tuple(child for child in topic.children if child in kept))


def merged_blocks(shards: Sequence[Shard]) -> Iterator[tuple[int, int]]:
    """Yield the place of a shard and a cycle of it, for each block of samples in the order of the whole plan.

    Within a block the samples are in the shard's own order; the blocks of a shard come in the order of its cycles.
    """
    first, end = (
        min((one.first_cycle for one in shards), default=0),
        max((one.cycles.stop for one in shards), default=0),
    )
    by_band: dict[int, list[int]] = {}
    for place, shard in enumerate(shards):
        by_band.setdefault(shard.first_cycle, []).append(place)
    band: list[int] = []
    for cycle in range(first, end):
        band = sorted(by_band.get(cycle, band), key=lambda place: shards[place].first_leaf)
        for place in band:
            if cycle < shards[place].cycles.stop:
                yield place, cycle
