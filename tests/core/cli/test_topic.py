"""`topic inspect` and `topic prune`, on trees and graphs alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.store.topics_file import load_topics
from deepfabric_core.topics.model import TopicPath, topic_id
from tests.core.conftest import Run, write_config
from tests.core.topics.test_formats import GRAPH

TREE = """\
{"path": ["Bicycles", "Wheels", "Truing a rim"]}
{"path": ["Bicycles", "Wheels", "Truing the rims"]}
{"path": ["Bicycles", "Brakes", "Pads"]}
{"path": ["Bicycles", "Chains"]}
"""
WHEELS = topic_id("tree", ("Bicycles", "Wheels"))


@pytest.fixture
def files(place: Path) -> Path:
    """A folder with a tree and a graph."""
    (place / "topics.jsonl").write_text(TREE, encoding="utf-8")
    (place / "topics.json").write_text(json.dumps(GRAPH), encoding="utf-8")
    return place


@pytest.fixture
def topic(files: Path, deepfabric: Run) -> Run:
    """Runs `deepfabric topic` beside the two files."""
    return lambda *words, **environment: deepfabric("topic", *words, **environment)


def lines(topic: Run, *words: str) -> list[str]:
    done = topic("inspect", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def as_json(topic: Run, *words: str) -> dict[str, Any]:
    done = topic(*words)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def leaves(path: Path) -> list[TopicPath]:
    return [leaf for _, leaf in load_topics(path)[0].leaves]


# ---- inspect


def test_a_summary_says_what_the_topics_cover(topic: Run) -> None:
    text = "\n".join(lines(topic, "topics.jsonl"))
    for part in ("tree", "Bicycles", "7 topics on 3 levels (1 + 3 + 3), 4 of them leaves", "1 group of topics"):
        assert part in text
    assert "Truing a rim | Truing the rims" in text
    text = "\n".join(lines(topic, "topics.json"))
    assert "graph" in text and "openai/gpt-4o" in text and "no topics" in text


def test_all_topics_are_drawn_as_a_tree(topic: Run) -> None:
    assert lines(topic, "topics.jsonl", "--all") == [
        "Bicycles",
        "├── Wheels",
        "│   ├── Truing a rim",
        "│   └── Truing the rims",
        "├── Brakes",
        "│   └── Pads",
        "└── Chains",
    ]


def test_a_graph_is_drawn_with_each_topic_once_and_its_other_parents_named(topic: Run) -> None:
    assert lines(topic, "topics.json", "-a", "-u") == [
        "Bicycles [u0]",
        "├── Wheels [u1]",
        "└── Brakes [u2]",
        "    └── Rims [u3] (also under Wheels)",
    ]


def test_a_level_is_listed_with_ids_if_wanted(topic: Run) -> None:
    assert lines(topic, "topics.jsonl", "--level", "1") == ["- Wheels", "- Brakes", "- Chains"]
    assert lines(topic, "topics.jsonl", "-l", "0") == ["- Bicycles"]
    assert lines(topic, "topics.jsonl", "-l", "1", "-u")[0] == f"- Wheels [{WHEELS}]"


@pytest.mark.parametrize(
    "words",
    [
        ("topics.jsonl", "-l", "1", "-e"),
        ("topics.jsonl", "--expand", "-l", "1"),
        ("-l", "1", "--expand", "topics.jsonl"),
        ("topics.jsonl", "--level", "1", "--expand", "1"),
        ("topics.jsonl", "-l1", "-e5"),
    ],
)
def test_a_level_is_expanded_wherever_the_flag_stands(topic: Run, words: tuple[str, ...]) -> None:
    drawn = ["Wheels", "├── Truing a rim", "└── Truing the rims", "Brakes", "└── Pads", "Chains"]
    assert lines(topic, *words) == drawn


def test_the_root_is_expanded_where_no_level_is_given(topic: Run) -> None:
    assert lines(topic, "topics.jsonl", "-e", "1") == ["Bicycles", "├── Wheels", "├── Brakes", "└── Chains"]
    assert lines(topic, "topics.jsonl", "-e") == lines(topic, "topics.jsonl", "-a")


def test_a_table_has_levels_ids_and_paths(topic: Run) -> None:
    table = lines(topic, "topics.jsonl", "-a", "-f", "table", "-u")
    assert len(table) == 8 and table[0].split() == ["Level", "ID", "Path"]
    assert table[2].split(maxsplit=2) == ["1", WHEELS, "Bicycles > Wheels"]
    assert lines(topic, "topics.jsonl", "-l", "0", "-f", "table") == ["Level  Path", "    0  Bicycles"]


def test_json_is_for_scripts(topic: Run) -> None:
    found = as_json(topic, "inspect", "topics.json", "-f", "json")
    assert (found["format"], found["total_paths"], found["max_depth"]) == ("graph", 1, 2)
    assert found["metadata"] == {**GRAPH["metadata"], "total_nodes": 4, "has_cycles": False, "root_topic": "Bicycles"}
    assert found["levels"] == [1, 2, 1] and "topics" not in found
    found = as_json(topic, "inspect", "topics.jsonl", "-f", "json", "-l", "1")
    assert found["near_duplicates"] == [["Truing a rim", "Truing the rims"]]
    assert found["topics"][0] == {"topic": "Wheels", "level": 1, "path": ["Bicycles", "Wheels"], "children": 2}
    assert as_json(topic, "inspect", "topics.jsonl", "-f", "json", "-a", "-u")["topics"][1]["id"] == WHEELS


def test_what_a_run_has_grown_can_be_inspected(topic: Run, place: Path, deepfabric: Run) -> None:
    for mode, file in (("tree", "grown.jsonl"), ("graph", "grown.json")):
        config = write_config(place, topics={"mode": mode, "save_as": file})
        assert deepfabric("generate", config, "--topic-only").returncode == 0
        assert as_json(topic, "inspect", file, "-f", "json")["metadata"]["root_topic"] == "Repairing bicycles"


def test_control_characters_of_a_name_do_not_reach_the_terminal(topic: Run, place: Path) -> None:
    (place / "odd.jsonl").write_text(json.dumps({"path": ["a\x1b[31m", "x" * 2000]}), encoding="utf-8")
    for words in ([], ["-a"], ["-l", "0"], ["-a", "-f", "table"]):
        text = topic("inspect", "odd.jsonl", *words).stdout
        assert "\x1b" not in text and "a\\x1b[31m" in text


def test_a_name_with_half_a_character_is_shown_and_pruned(topic: Run, place: Path) -> None:
    (place / "odd.jsonl").write_text('{"path": ["a", "b\\ud83d"]}\n{"path": ["a", "c"]}\n', encoding="utf-8")
    assert lines(topic, "odd.jsonl", "-l", "1") == ["- b\ufffd", "- c"]
    assert as_json(topic, "inspect", "odd.jsonl", "-f", "json", "-a")["topics"][1]["topic"] == "b\ud83d"
    assert as_json(topic, "prune", "odd.jsonl", "-l", "9", "--json")["left"] == 3
    assert leaves(place / "odd_pruned_level9.jsonl") == [("a", "b\ud83d"), ("a", "c")]


# ---- prune


def test_pruning_by_level_writes_a_file_beside(topic: Run, place: Path) -> None:
    done = topic("prune", "topics.jsonl", "--level", "1")
    assert done.returncode == 0 and "3 of 7 topics go, 4 stay" in done.stdout
    assert "- Bicycles > Brakes > Pads" in done.stdout and "topics_pruned_level1.jsonl" in done.stdout
    kept = leaves(place / "topics_pruned_level1.jsonl")
    assert kept == [("Bicycles", "Wheels"), ("Bicycles", "Brakes"), ("Bicycles", "Chains")]
    assert (place / "topics.jsonl").read_text() == TREE


def test_pruning_by_id_takes_the_topic_with_all_below_it(topic: Run, place: Path) -> None:
    assert topic("prune", "topics.jsonl", "--uuid", WHEELS).returncode == 0
    assert leaves(place / "topics_pruned.jsonl") == [("Bicycles", "Brakes", "Pads"), ("Bicycles", "Chains")]


def test_in_a_graph_a_topic_with_another_parent_stays_and_ids_and_metadata_are_kept(topic: Run, place: Path) -> None:
    assert topic("prune", "topics.json", "-u", "u2", "-o", "out/refined.json").returncode == 0
    assert leaves(place / "out/refined.json") == [("Bicycles", "Wheels", "Rims")]
    written = json.loads((place / "out/refined.json").read_text())
    assert written["metadata"] == GRAPH["metadata"]
    assert [node["metadata"]["uuid"] for node in written["nodes"].values()] == ["u0", "u1", "u3"]


def test_force_writes_over_the_file(topic: Run, place: Path) -> None:
    assert topic("prune", "topics.jsonl", "-l", "0", "--force").returncode == 0
    assert leaves(place / "topics.jsonl") == [("Bicycles",)]
    assert sorted(path.name for path in place.iterdir()) == ["topics.json", "topics.jsonl"]


def test_a_dry_run_writes_nothing(topic: Run, place: Path) -> None:
    done = topic("prune", "topics.jsonl", "-l", "1", "--dry-run", "-f")
    assert done.returncode == 0 and "3 of 7 topics go" in done.stdout and "Nothing was written" in done.stdout
    assert (place / "topics.jsonl").read_text() == TREE and len(list(place.iterdir())) == 2


def test_where_nothing_is_to_go_the_file_is_written_all_the_same(topic: Run, place: Path) -> None:
    done = topic("prune", "topics.jsonl", "-l", "9", "-o", "same.jsonl")
    assert done.returncode == 0 and "0 of 7 topics go" in done.stdout
    assert (place / "same.jsonl").read_text() == TREE


def test_scripts_are_told_what_went(topic: Run) -> None:
    found = as_json(topic, "prune", "topics.jsonl", "-u", WHEELS, "--json")
    assert found == {
        "topics": 7,
        "removed": 3,
        "left": 4,
        "leaves_left": 2,
        "pruned": [{"id": WHEELS, "path": ["Bicycles", "Wheels"]}],
        "output": "topics_pruned.jsonl",
    }
    assert as_json(topic, "prune", "topics.jsonl", "-u", WHEELS, "--json", "--dry-run")["output"] is None


# ---- what can't be


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("inspect", "nowhere.json"), "nowhere.json"),
        (("inspect", "damaged.json"), "damaged.json, node 1: it lies on a cycle"),
        (("inspect", "topics.jsonl", "-l", "3"), "levels 0 to 2"),
        (("inspect", "topics.jsonl", "-l", "-1"), "-1"),
        (("inspect", "topics.jsonl", "-e", "0"), "0"),
        (("inspect", "topics.jsonl", "-f", "xml"), "xml"),
        (("prune", "topics.jsonl"), "--level or --uuid"),
        (("prune", "topics.jsonl", "-l", "1", "-u", WHEELS), "--level or --uuid"),
        (("prune", "topics.json", "-u", "u0"), "root can't be pruned"),
        (("prune", "topics.json", "-u", "u9"), "no topic with the id 'u9'"),
        (("prune", "topics.json", "-l", "1", "-o", "./topics.json"), "--force"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    topic: Run, place: Path, words: tuple[str, ...], sentence: str
) -> None:
    links = {"0": [1], "1": [2], "2": [1]}
    nodes = {key: {"topic": key, "children": below} for key, below in links.items()}
    (place / "damaged.json").write_text(json.dumps({"nodes": nodes, "root_id": 0}), encoding="utf-8")
    done = topic(*words)
    assert done.returncode == 2 and done.stdout == ""
    assert sentence in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    assert not list(place.glob("*_pruned*"))


def test_a_place_that_cannot_be_written_is_exit_code_one(topic: Run, place: Path) -> None:
    done = topic("prune", "topics.json", "-l", "1", "-o", "topics.jsonl/below.json")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and "can't be written" in done.stderr
    assert (place / "topics.jsonl").read_text() == TREE
