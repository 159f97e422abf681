"""The demo's datasets: files that were written by hand, read once and only when they are wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import chain, zip_longest
from typing import Any

from deepfabric_core.llm.demo.words import mentions, telling

_FILES = ("bicycle_repair", "household_chemistry", "on_call")


@dataclass(frozen=True, slots=True)
class DemoStep:
    """A tool call of the demo's agent: why it is made, and what the tool answers."""

    thought: str
    tool: str
    arguments: Mapping[str, Any]
    result: Any


@dataclass(frozen=True, slots=True)
class DemoSample:
    """A sample; `reasoning` is empty and `steps` aren't in the samples of an agent."""

    question: str
    answer: str
    reasoning: str = ""
    steps: tuple[DemoStep, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class DemoTopic:
    """A topic with its samples; those of a topic with subtopics are theirs, the first one of each and then the second.

    `words` are those of its name and what is near to it, `around` those of the topics above and below.
    """

    name: str
    samples: tuple[DemoSample, ...]
    words: frozenset[str]
    around: frozenset[str]
    children: tuple[DemoTopic, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class DemoDataset:
    """A subject with its topics and, for an agent, its tools; `weak` are words that say too little alone."""

    subject: str
    known_as: str
    weak: frozenset[str]
    about: tuple[str, ...]
    doing: tuple[str, ...]
    never: tuple[str, ...]
    branches: tuple[DemoTopic, ...]
    tools: tuple[Mapping[str, Any], ...]
    by_question: Mapping[str, DemoSample]

    def covers(self, prompt: str) -> bool:
        """Return whether a prompt is about this subject."""
        return mentions(prompt, self.about) and mentions(prompt, self.doing) and not mentions(prompt, self.never)

    @property
    def topics(self) -> Iterator[DemoTopic]:
        """All topics below the root, each before its subtopics."""
        for branch in self.branches:
            yield branch
            yield from branch.children

    @property
    def most_per_topic(self) -> int:
        """The largest number of samples that a leaf has."""
        return max(len(leaf.samples) for branch in self.branches for leaf in branch.children)


def dataset_about(prompt: str) -> DemoDataset | None:
    """Return the dataset on the subject of a prompt, or None if the demo doesn't know it."""
    return next((one for one in datasets() if one.covers(prompt)), None)


@cache
def datasets() -> tuple[DemoDataset, ...]:
    """Return all datasets."""
    return tuple(map(dataset, _FILES))


@cache
def dataset(file: str) -> DemoDataset:
    """Return the dataset of a file, which is named without its ending."""
    content = _content(file)
    branches = tuple(_branch(name, leaves, content["near"]) for name, leaves in content["topics"].items())
    words = {key: tuple(said) for key, said in content["words"].items()}
    samples = [sample for branch in branches for sample in branch.samples]
    return DemoDataset(
        content["subject"],
        content["known_as"],
        telling(" ".join(words.pop("weak"))),
        **words,
        branches=branches,
        tools=tuple(content.get("tools", ())),
        by_question={sample.question: sample for sample in samples},
    )


def _content(file: str) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (files("deepfabric_core") / "llm" / "demo" / f"{file}.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.load(text, loader)  # noqa: S506 - both loaders are safe
    return content


def _branch(name: str, leaves: Mapping[str, Any], near: Mapping[str, list[str]]) -> DemoTopic:
    words = _words(name, near)
    children = tuple(
        DemoTopic(leaf, tuple(map(_sample, samples)), _words(leaf, near), words) for leaf, samples in leaves.items()
    )
    turns = chain.from_iterable(zip_longest(*(leaf.samples for leaf in children)))
    below = frozenset[str]().union(*(leaf.words for leaf in children))
    return DemoTopic(name, tuple(sample for sample in turns if sample is not None), words, below, children)


def _words(name: str, near: Mapping[str, list[str]]) -> frozenset[str]:
    return telling(" ".join((name, *near.get(name, ()))))


def _sample(content: Mapping[str, Any]) -> DemoSample:
    steps = tuple(DemoStep(**step) for step in content.get("steps", ()))
    return DemoSample(content["question"], content["answer"], content.get("reasoning", ""), steps)
