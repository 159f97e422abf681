"""Find the demo's topic for a path of topics, also for one that a user has renamed, moved or added.

Nothing here depends on what else was asked for. So that a topic which is only near to one of the demo's seldom repeats
what that one itself gets, it takes subtopics and samples from the end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from deepfabric_core.llm.demo.dataset import DemoDataset, DemoSample, DemoTopic
from deepfabric_core.llm.demo.words import telling
from deepfabric_core.topics.model import TopicPath, fold

_LEAST_COVERED = 0.5
_AROUND = 0.5
_WEAK = 0.25
_ABOVE = 0.25
_LEVEL_OF_BRANCHES = 2


@dataclass(frozen=True, slots=True)
class Place:
    """The demo's topic for a path; `exact` if the path is the demo's own."""

    topic: DemoTopic
    exact: bool

    @property
    def samples(self) -> tuple[DemoSample, ...]:
        """The samples for the path, in their order."""
        return self.topic.samples if self.exact else self.topic.samples[::-1]


def subtopics_of(dataset: DemoDataset, path: TopicPath, taken: Collection[str]) -> list[str]:
    """Return the demo's subtopics for a path, in their order, without those that are taken or near to a taken one."""
    children = _children(dataset, path)
    known = set(map(fold, taken))
    places = [place_of(dataset, (*path, name), branch=len(path) == 1) for name in taken]
    near = {place.topic.name for place in places if place}
    return [child.name for child in children if fold(child.name) not in known and child.name not in near]


def place_of(dataset: DemoDataset, path: TopicPath, *, branch: bool = False) -> Place | None:
    """Return the demo's topic for a path below the root, or None if none is near.

    Of several that are equally near, it is one without subtopics, or with them if a `branch` is wanted.
    """
    below = path[1:]
    if not below:
        return None
    if exact := _at(dataset.branches, below):
        return Place(exact, exact=True)
    name = fold(below[-1])
    moved = next((topic for topic in dataset.topics if fold(topic.name) == name), None)
    found = moved or _nearest(dataset, path, branch=branch)
    return Place(found, exact=False) if found else None


def _children(dataset: DemoDataset, path: TopicPath) -> tuple[DemoTopic, ...]:
    if len(path) == 1:
        return dataset.branches
    place = place_of(dataset, path, branch=True)
    if place is None or (len(path) > _LEVEL_OF_BRANCHES and fold(place.topic.name) != fold(path[-1])):
        return ()
    return place.topic.children if place.exact else place.topic.children[::-1]


def _at(topics: Iterable[DemoTopic], names: TopicPath) -> DemoTopic | None:
    topic = next((topic for topic in topics if fold(topic.name) == fold(names[0])), None)
    return topic if topic is None or len(names) == 1 else _at(topic.children, names[1:])


def _nearest(dataset: DemoDataset, path: TopicPath, *, branch: bool) -> DemoTopic | None:
    """Return the topic that shares the most words with the last name, or the first of several."""
    asked = _Asked.of(dataset, path)
    topics = sorted(dataset.topics, key=lambda topic: bool(topic.children) != branch)
    scored = [(asked.score(topic), topic) for topic in topics]
    score, nearest = max(scored, key=lambda pair: pair[0])
    return nearest if score else None


@dataclass(frozen=True, slots=True)
class _Asked:
    """The words of a path's last name, strong and weak, and the strong ones of the name above it."""

    strong: frozenset[str]
    weak: frozenset[str]
    above: frozenset[str]

    @staticmethod
    def of(dataset: DemoDataset, path: TopicPath) -> _Asked:
        said = telling(path[-1]) - telling(" ".join(dataset.about))
        above = telling(path[-2]) if len(path) > _LEVEL_OF_BRANCHES else frozenset()
        return _Asked(said - dataset.weak, said & dataset.weak, above - dataset.weak)

    def score(self, topic: DemoTopic) -> float:
        """Return how near a topic is; 0 if it isn't."""
        weak, above = len(self.weak & topic.words), _covered(self.above, topic)
        covered = _covered(self.strong, topic) if self.strong else above if weak else 0
        least = _LEAST_COVERED * len(self.strong or self.above)
        if covered <= least if topic.children else not covered or covered < least:
            return 0
        return covered + _WEAK * weak + (0 if topic.children else _ABOVE * above)


def _covered(words: frozenset[str], topic: DemoTopic) -> float:
    """Return how many of the words a topic has, counting by half those of the topics around it."""
    own = words & topic.words
    return len(own) + _AROUND * len((words - own) & topic.around)
