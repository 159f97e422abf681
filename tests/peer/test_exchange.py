"""Files that go to DeepFabric 4.13 and come from it. It runs in an environment of its own, named by DEEPFABRIC_PEER."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.store.topics_file import load_topics
from tests import ROOT
from tests.core.conftest import write_config

PEER = os.environ.get("DEEPFABRIC_PEER", "")
pytestmark = pytest.mark.skipif(not PEER, reason="set DEEPFABRIC_PEER to the Python of an environment with deepfabric")


def ask_peer(code: str, place: Path) -> Any:
    """What a piece of code prints as JSON in DeepFabric's environment."""
    python = Path(PEER) if Path(PEER).is_absolute() else ROOT / PEER
    environment = {**os.environ, "OPENAI_API_KEY": "none", "PYTHONPATH": ""}
    done = subprocess.run(
        [str(python), "-c", code], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def generate(place: Path, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "deepfabric_core", "generate", write_config(place), *arguments],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )


def test_deepfabric_reads_our_graph(tmp_path: Path) -> None:
    generate(tmp_path, "--topic-only", "--mode", "graph", "--topics-save-as", "graph.json")
    code = (
        "import json; from deepfabric.graph import Graph; g = Graph.load('graph.json');"
        "print(json.dumps([len(g.nodes), sorted(map(list, g.get_all_paths()))]))"
    )
    nodes, paths = ask_peer(code, tmp_path)
    ours, _ = load_topics(tmp_path / "graph.json")
    assert nodes == len(ours) == 13
    assert {path[-1] for path in paths} == {topic.name for topic, _ in ours.leaves}


def test_deepfabric_reads_our_tree_and_gives_its_leaves_the_same_ids(tmp_path: Path) -> None:
    generate(tmp_path, "--topic-only", "--topics-save-as", "tree.jsonl")
    code = (
        "import json; from deepfabric.tree import Tree;"
        "from deepfabric.utils import read_topic_tree_from_jsonl as read;"
        "t = Tree(topic_prompt='x', provider='openai', model_name='m'); t.from_dict_list(read('tree.jsonl'));"
        "print(json.dumps([[p.topic_id, p.path] for p in t.get_all_paths_with_ids()]))"
    )
    ours, _ = load_topics(tmp_path / "tree.jsonl")
    theirs = ask_peer(code, tmp_path)
    assert {(topic_id, tuple(path)) for topic_id, path in theirs} == {(topic.id, path) for topic, path in ours.leaves}


def test_deepfabric_reads_our_dataset(tmp_path: Path) -> None:
    generate(tmp_path)
    code = (
        "import json; from deepfabric.dataset import Dataset; from deepfabric.schemas import Conversation;"
        "rows = [json.loads(line) for line in open('out/dataset.jsonl')]; Dataset(rows);"
        "print(json.dumps([len(Conversation.model_validate(row).messages) for row in rows]))"
    )
    assert ask_peer(code, tmp_path) == [3] * 9


def test_we_read_deepfabrics_tree(tmp_path: Path) -> None:
    code = (
        "import json; from deepfabric.tree import Tree; t = Tree(topic_prompt='x', provider='openai', model_name='m');"
        "t.tree_paths = [['r', 'a', 'é'], ['r', 'a', 'c'], ['r', 'b']];"
        "t.failed_generations = [{'node_path': ['r', 'b'], 'error': 'e', 'timestamp': 1.0}];"
        "t.save('tree.jsonl'); print('1')"
    )
    ask_peer(code, tmp_path)
    topics, _ = load_topics(tmp_path / "tree.jsonl")
    assert [path for _, path in topics.leaves] == [("r", "a", "é"), ("r", "a", "c"), ("r", "b")]


def test_we_read_deepfabrics_graph_and_keep_its_ids(tmp_path: Path) -> None:
    code = (
        "import json; from deepfabric.graph import Graph;"
        "g = Graph(topic_prompt='r', model_name='m', degree=2, depth=2);"
        "a = g.add_node('a'); b = g.add_node('b'); c = g.add_node('c');"
        "g.add_edge(0, a.id); g.add_edge(0, b.id); g.add_edge(a.id, c.id); g.add_edge(b.id, c.id);"
        "g.save('graph.json'); print(json.dumps(c.metadata['uuid']))"
    )
    uuid = ask_peer(code, tmp_path)
    topics, _ = load_topics(tmp_path / "graph.json")
    assert [(topic.id, path) for topic, path in topics.leaves] == [(uuid, ("r", "a", "c"))]
    assert len(topics.by_id[uuid].parents) == 2
