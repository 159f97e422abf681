"""A topic that is selected in a graph is what views of its samples show, and a sample's topic is selected there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import deepfabric_nb
from deepfabric_core import load_topics
from deepfabric_nb import Samples, TopicGraph
from tests.nb.wire import Wire

CONFIG: dict[str, Any] = {
    "llm": {"provider": "simulated"},
    "topics": {"prompt": "Tea", "depth": 2, "degree": 2},
    "generation": {"system_prompt": "You teach."},
    "output": {"save_as": "tea.jsonl", "num_samples": "auto"},
}


def wired(widget: Any) -> Wire:
    widget.comm = wire = Wire()
    return wire


def within(wire: Wire) -> list[list[str]]:
    return [message["path"] for message in wire.messages if message["type"] == "within"]


def check_linked(graph: TopicGraph, samples: Samples) -> None:
    """A click in each shows the same in the other."""
    clicks, shown = wired(graph), wired(samples)
    leaf, path = graph.topics.leaves[2]
    clicks.receive({"type": "select", "ids": [leaf.id]})
    clicks.receive({"type": "select", "ids": []})
    assert within(shown) == [list(path), []]
    shown.receive({"type": "select", "row": 1})
    assert graph.selected == (graph.topics.leaves[1][0].id,)


def test_views_of_one_dataset_are_linked_in_whatever_cells_they_are(place: Path) -> None:
    run = deepfabric_nb.start(CONFIG).wait()
    samples = Samples("tea.jsonl")
    check_linked(TopicGraph(run), samples)
    check_linked(TopicGraph("tea_topics.jsonl"), samples)
    assert TopicGraph("tea_topics.jsonl")["Tea"].done == 4


def test_a_topics_file_is_linked_with_the_samples_that_are_named(place: Path) -> None:
    deepfabric_nb.start(CONFIG).wait()
    for name in ("tea.jsonl", "tea_topics.jsonl"):
        Path(name).rename(f"copied_{name}")
    graph = TopicGraph("copied_tea_topics.jsonl", samples="copied_tea.jsonl")
    check_linked(graph, Samples("copied_tea.jsonl"))
    assert graph["Tea"].done == 4


@pytest.mark.parametrize("as_path", [False, True])
def test_a_graph_is_linked_with_a_view_by_hand(place: Path, *, as_path: bool) -> None:
    deepfabric_nb.start(CONFIG).wait()
    samples, graph = Samples("tea.jsonl"), TopicGraph(load_topics(place / "tea_topics.jsonl")[0])
    wired(samples).receive({"type": "select", "row": 1})
    assert graph.selected == (), "topics in memory belong to no dataset"
    graph.link("tea.jsonl" if as_path else samples)
    check_linked(graph, samples)


def test_views_of_another_dataset_are_left_alone(place: Path) -> None:
    run = deepfabric_nb.start(CONFIG).wait()
    (place / "other.jsonl").write_bytes((place / "tea.jsonl").read_bytes())
    other = wired(Samples("other.jsonl"))
    graph = TopicGraph(run)
    wired(graph).receive({"type": "select", "ids": [graph.topics.leaves[0][0].id]})
    assert within(other) == []
