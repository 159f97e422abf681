"""The plan of a dataset: which samples to make, as work items of a topic and a cycle, in their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count, filterfalse, islice

from deepfabric_core.samples.weights import shared_out
from deepfabric_core.topics.model import TopicPath, Topics


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One sample to make. `index` is its place in the dataset (from 0); (topic_id, cycle) is its key."""

    index: int
    topic_id: str
    path: TopicPath
    cycle: int


def count_samples(num_samples: int | str, leaves: int) -> int:
    """Return how many samples `num_samples` means: a number, `auto` (one per leaf) or a percentage of the leaves.

    A percentage is rounded down, but is at least 1 sample.

    >>> count_samples(20, leaves=9), count_samples("auto", leaves=9), count_samples("50%", leaves=9)
    (20, 9, 4)
    """
    if isinstance(num_samples, int):
        return num_samples
    if num_samples == "auto":
        return leaves
    return max(1, int(leaves * float(num_samples.removesuffix("%")) / 100))


@dataclass(frozen=True)
class Plan:
    r"""A plan of `count` samples over the leaves of `topics`: cycle by cycle, in the order of the topics.

    In the last, partial cycle the topics are spread over all branches. `weights`, one for each leaf as `leaf_weights`
    returns them, give a leaf of weight 2 twice as many samples as one of weight 1, as exactly as whole samples allow.
    A plan with a greater count holds every key of a plan with a smaller count. The keys of samples that are `made`
    stay in it, whatever the share of their topics is now, unless they are more than `count`.

    >>> from deepfabric_core.topics.formats import parse_topics
    >>> topics, _ = parse_topics('{"path": ["Tea", "Green"]}\n{"path": ["Tea", "Black"]}', source="tea.jsonl")
    >>> [(item.path[-1], item.cycle) for item in Plan(topics, 3)]
    [('Green', 0), ('Black', 0), ('Green', 1)]
    """

    topics: Topics
    count: int
    weights: tuple[float, ...] = ()
    made: frozenset[tuple[str, int]] = frozenset()

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[WorkItem]:
        leaves = self.topics.leaves
        for index, (place, cycle) in enumerate(self._shared if self._is_shared else self._in_turn()):
            topic, path = leaves[place]
            yield WorkItem(index, topic.id, path, cycle)

    def _in_turn(self) -> Iterator[tuple[int, int]]:
        """Yield the place of each item's leaf, and its cycle."""
        for index in range(self.count):
            cycle, place = divmod(index, len(self.topics.leaves))
            yield place if cycle < self.whole_cycles else self._last_cycle[place], cycle

    def index_of(self, topic_id: str, cycle: int) -> int | None:
        """Return the place of a work item in the dataset, or None if the plan has no such item.

        >>> from deepfabric_core.topics.formats import parse_topics
        >>> topics, _ = parse_topics('{"path": ["Tea", "Green"]}', source="tea.jsonl")
        >>> green = topics.leaves[0][0].id
        >>> Plan(topics, 2).index_of(green, 1), Plan(topics, 2).index_of(green, 2)
        (1, None)
        """
        place = self._places.get(topic_id)
        if self._is_shared:
            return None if place is None else self._index_of_shared.get((place, cycle))
        if place is None or not 0 <= cycle < self.cycles:
            return None
        if cycle >= self.whole_cycles:
            place = self._places_in_last_cycle.get(place)
        return None if place is None else cycle * len(self.topics.leaves) + place

    @cached_property
    def _places(self) -> dict[str, int]:
        return {topic.id: place for place, (topic, _) in enumerate(self.topics.leaves)}

    @cached_property
    def _places_in_last_cycle(self) -> dict[int, int]:
        return {leaf: place for place, leaf in enumerate(self._last_cycle)}

    @property
    def whole_cycles(self) -> int:
        """The number of cycles in which every topic gets a sample."""
        return self.count // len(self.topics.leaves)

    @property
    def cycles(self) -> int:
        """The number of all cycles, including the partial one."""
        if self._is_shared:
            return 1 + max((cycle for _, cycle in self._shared), default=-1)
        return -(-self.count // len(self.topics.leaves))

    def planned(self, cycle: int) -> int:
        r"""Return how many samples there are in a cycle.

        >>> from deepfabric_core.topics.formats import parse_topics
        >>> topics, _ = parse_topics('{"path": ["Tea", "Green"]}\n{"path": ["Tea", "Black"]}', source="tea.jsonl")
        >>> [Plan(topics, 5, weights).planned(cycle) for weights in ((), (4.0, 1.0)) for cycle in range(3)]
        [2, 2, 1, 2, 1, 1]
        """
        if self._is_shared:
            return self._in_each_cycle[cycle]
        return max(0, min(len(self.topics.leaves), self.count - cycle * len(self.topics.leaves)))

    @cached_property
    def _in_each_cycle(self) -> Counter[int]:
        return Counter(cycle for _, cycle in self._shared)

    @property
    def _is_shared(self) -> bool:
        return bool(self.weights or self.made)

    @cached_property
    def shares(self) -> list[int]:
        """How many samples each leaf gets, where none are made yet."""
        if self.weights:
            return shared_out(self.count, self.weights, _spread(self.topics))
        last = set(self._last_cycle)
        return [self.whole_cycles + (place in last) for place in range(len(self.topics.leaves))]

    @cached_property
    def _shared(self) -> list[tuple[int, int]]:
        """The place of each item's leaf, and its cycle, where topics have a share of the samples each."""
        leaves = self.topics.leaves
        made: dict[int, list[int]] = {}
        for topic_id, cycle in sorted(self.made):
            if topic_id in self._places:
                made.setdefault(self._places[topic_id], []).append(cycle)
        counts = [len(made.get(place, ())) for place in range(len(leaves))] if made else None
        shares = shared_out(self.count, self.weights or (1.0,) * len(leaves), _spread(self.topics), counts)
        items = ((cycle, place) for place, share in enumerate(shares) for cycle in _cycles(share, made.get(place, ())))
        return [(place, cycle) for cycle, place in sorted(items)]

    @cached_property
    def _index_of_shared(self) -> dict[tuple[int, int], int]:
        return {item: index for index, item in enumerate(self._shared)}

    @cached_property
    def _last_cycle(self) -> list[int]:
        return sorted(_spread(self.topics)[: self.count % len(self.topics.leaves)])


def _cycles(share: int, made: Sequence[int]) -> Sequence[int]:
    """Return the cycles of a topic with so many samples: those that are made, then the first of the others.

    >>> _cycles(2, ()), _cycles(3, (1,)), _cycles(1, (1, 2))
    (range(0, 2), [1, 0, 2], [1])
    """
    if not made:
        return range(share)
    others = filterfalse(set(made).__contains__, count())
    return [*made[:share], *islice(others, max(0, share - len(made)))]


def _spread(topics: Topics) -> list[int]:
    """Return the places of the leaves, ordered so that each prefix of the list is spread evenly over the branches."""
    places = {topic.id: place for place, (topic, _) in enumerate(topics.leaves)}
    spread: dict[str, list[int]] = {}
    for topic, _ in reversed(list(topics.walk())):
        below = [spread.pop(child) for child in topics.own_children(topic)]
        own = [places[topic.id]] if topic.id in places else []
        spread[topic.id] = own + _in_turn(below)
    return spread[topics.root]


def _in_turn(branches: list[list[int]]) -> list[int]:
    """Return the first place of each branch, then the second of each, and so on."""
    longest = max(map(len, branches), default=0)
    return [branch[turn] for turn in range(longest) for branch in branches if turn < len(branch)]
