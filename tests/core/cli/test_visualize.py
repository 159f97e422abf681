"""`deepfabric visualize`: topics files in, pictures out, or one sentence about what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.core.conftest import Run, write_config

TREE = '{"path": ["Bicycles", "Wheels", "Truing"]}\n{"path": ["Bicycles", "Brakes"]}\n'
GRAPH = {
    "nodes": {
        "0": {"id": 0, "topic": "Bicycles", "children": [1, 2], "parents": []},
        "1": {"id": 1, "topic": "Wheels", "children": [3], "parents": [0]},
        "2": {"id": 2, "topic": "Brakes", "children": [3], "parents": [0]},
        "3": {"id": 3, "topic": "Rims", "children": [], "parents": [1, 2]},
    },
    "root_id": 0,
}


@pytest.fixture(autouse=True)
def topics_files(place: Path) -> None:
    """A tree and a graph."""
    (place / "tree.jsonl").write_text(TREE, encoding="utf-8")
    (place / "graph.json").write_text(json.dumps(GRAPH), encoding="utf-8")


def drawn(place: Path, name: str) -> str:
    return (place / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("source", ["tree.jsonl", "graph.json"])
def test_a_tree_and_a_graph_are_drawn_as_svg(source: str, deepfabric: Run, place: Path) -> None:
    done = deepfabric("visualize", source, "-o", "out/picture.svg")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "out/picture.svg shows 4 topics.\n"
    assert ET.fromstring(drawn(place, "out/picture.svg")).tag.endswith("svg")  # noqa: S314 - it is ours


@pytest.mark.parametrize(
    ("output", "beginning"),
    [
        ("a.html", "<!DOCTYPE html>"),
        ("a.HTM", "<!DOCTYPE html>"),
        ("a.mmd", "flowchart LR"),
        ("a.md", "```mermaid\nflowchart LR"),
    ],
)
def test_the_ending_says_which_picture_it_is(output: str, beginning: str, deepfabric: Run, place: Path) -> None:
    assert deepfabric("visualize", "graph.json", "-o", output).returncode == 0
    assert drawn(place, output).startswith(beginning)


def test_a_format_is_taken_whatever_the_ending(deepfabric: Run, place: Path) -> None:
    assert deepfabric("visualize", "tree.jsonl", "-o", "picture.txt", "--format", "svg").returncode == 0
    assert drawn(place, "picture.txt").startswith("<svg")


def test_without_a_file_to_write_the_outline_is_printed(deepfabric: Run) -> None:
    done = deepfabric("visualize", "tree.jsonl")
    assert done.stdout == "tree of 4 topics, 2 of them leaves\nBicycles\n  Wheels\n    Truing\n  Brakes\n"
    assert deepfabric("visualize", "tree.jsonl", "--format", "mermaid").stdout.startswith("flowchart LR")


def test_the_topics_of_a_config_are_drawn_once_they_are_grown(deepfabric: Run, place: Path) -> None:
    config = write_config(place)
    early = deepfabric("visualize", config)
    assert early.returncode == 2 and "out/topics.jsonl" in early.stderr
    assert deepfabric("generate", config, "--topic-only", "--tui", "simple").returncode == 0
    assert deepfabric("visualize", config).stdout.startswith(
        "tree of 13 topics, 9 of them leaves\nRepairing bicycles\n"
    )


def test_notices_about_the_file_are_shown_beside_the_picture(deepfabric: Run, place: Path) -> None:
    (place / "twice.jsonl").write_text(TREE + TREE, encoding="utf-8")
    done = deepfabric("visualize", "twice.jsonl", "-o", "a.svg")
    assert done.returncode == 0 and "Note: twice.jsonl: 2 of its paths are repeated" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["missing.json"], 2, "missing.json: the topics file can't be read: no such file or directory."),
        (["tree.jsonl", "-o", "a.png"], 2, "a.png can't be written as PNG; write an .svg and convert that."),
        (["tree.jsonl", "-o", "a.gif"], 2, "ends in none of .svg, .html, .htm, .mmd, .md"),
        (["tree.jsonl", "-o", "tree.jsonl", "--format", "svg"], 2, "holds the topics themselves"),
        (["cycle.json", "-o", "a.svg"], 2, "it lies on a cycle or below one; a graph must be acyclic."),
        (["broken.jsonl", "-o", "a.svg"], 2, "broken.jsonl, line 1, column 1: not valid JSON"),
        (["tree.jsonl", "-o", "tree.jsonl/a.svg"], 1, "tree.jsonl/a.svg can't be written"),
    ],
)
def test_what_cant_be_drawn_is_refused_in_a_sentence(
    arguments: list[str], code: int, said: str, deepfabric: Run, place: Path
) -> None:
    links = [[1], [2], [1]]
    nodes = {str(n): {"topic": f"T{n}", "children": below} for n, below in enumerate(links)}
    (place / "cycle.json").write_text(json.dumps({"nodes": nodes, "root_id": 0}), encoding="utf-8")
    (place / "broken.jsonl").write_text("Bicycles", encoding="utf-8")
    done = deepfabric("visualize", *arguments)
    assert done.returncode == code and said in done.stderr
    assert "Traceback" not in done.stderr and not (place / "a.svg").exists()
    assert drawn(place, "tree.jsonl") == TREE
