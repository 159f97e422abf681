"""Graphs of topics and views of samples that are linked: a topic selected in one is what the others show.

Those of one dataset are linked by themselves, in whatever cells they are; others by `link`.
"""

from __future__ import annotations

from collections.abc import Sequence
from os.path import realpath
from pathlib import Path
from typing import Protocol
from weakref import WeakSet, WeakValueDictionary


class TopicView(Protocol):
    """A graph of topics."""

    def show(self, topic_id: str) -> None:
        """Select a topic."""


class SampleView(Protocol):
    """A view of samples."""

    def show_within(self, path: Sequence[str]) -> None:
        """Show only the samples of a topic and of those below it, by its path; those of all for an empty one."""


class Group:
    """Views that are linked, as long as they exist."""

    def __init__(self) -> None:
        self.topics: WeakSet[TopicView] = WeakSet()
        self.samples: WeakSet[SampleView] = WeakSet()


_of_datasets: WeakValueDictionary[str, Group] = WeakValueDictionary()


class Links:
    """The groups that a view is in: that of its dataset or, without one, of its own, and further ones."""

    def __init__(self, dataset: Path | None) -> None:
        self.own = group_of(dataset) if dataset else Group()
        self._groups = [self.own]

    def add(self, group: Group) -> None:
        """Be linked with a further group."""
        self._groups.append(group)

    @property
    def topics(self) -> set[TopicView]:
        """The graphs of all groups, each once."""
        return {view for group in self._groups for view in list(group.topics)}

    @property
    def samples(self) -> set[SampleView]:
        """The views of samples of all groups, each once."""
        return {view for group in self._groups for view in list(group.samples)}


class Linked(Protocol):
    """What can be linked with a graph: a view of samples."""

    @property
    def links(self) -> Links:
        """What it is linked with."""


def group_of(dataset: Path) -> Group:
    """Return the group of all views of a dataset."""
    return _of_datasets.setdefault(realpath(dataset), Group())
