"""Topics files: ours come back as they were, DeepFabric's load, damaged ones are refused with the place."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.errors import TopicsFileError
from deepfabric_core.topics.edit import weigh
from deepfabric_core.topics.formats import format_topics, parse_topics
from deepfabric_core.topics.model import Topic, TopicPath, Topics, topic_id

NAMES = st.one_of(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(lambda name: bool(name.strip())),
    st.sampled_from(["a\u2028b", "\u2029x", 'say "hi"', "back\\slash", "two\nlines", "🚲", "e\u0301", "\x85y", "{}"]),
)
TREE = '{"path": ["Bicycles", "Wheels", "Truing"]}\n{"path": ["Bicycles", "Brakes"]}\n'
GRAPH: dict[str, Any] = {
    "nodes": {
        "0": {"id": 0, "topic": "Bicycles", "children": [1, 2], "parents": [], "metadata": {"uuid": "u0"}},
        "1": {"id": 1, "topic": "Wheels", "children": [3], "parents": [0], "metadata": {"uuid": "u1"}},
        "2": {"id": 2, "topic": "Brakes", "children": [3], "parents": [0], "metadata": {"uuid": "u2"}},
        "3": {"id": 3, "topic": "Rims", "children": [], "parents": [2, 1], "metadata": {"uuid": "u3"}},
    },
    "root_id": 0,
    "metadata": {"provider": "openai", "model": "gpt-4o", "temperature": 0.7},
}


def paths(topics: Topics) -> list[TopicPath]:
    return [path for _, path in topics.leaves]


def refused(text: str | dict[str, Any]) -> str:
    with pytest.raises(TopicsFileError) as problem:
        parse_topics(text if isinstance(text, str) else json.dumps(text), source="topics.x")
    return str(problem.value)


def graph(*links: list[Any], **root: Any) -> dict[str, Any]:
    """A graph file whose node n has the children links[n]."""
    nodes: dict[str, Any] = {str(n): {"topic": f"T{n}", "children": below} for n, below in enumerate(links)}
    nodes["0"].update(root)
    return {"nodes": nodes, "root_id": 0}


@given(NAMES, st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=8), st.data())
def test_a_tree_comes_back_as_it_was_written(root: str, below: list[list[str]], data: st.DataObject) -> None:
    text = "\n".join(json.dumps({"path": path}) for path in [[root], *([root, *path] for path in below)])
    unweighted, _ = parse_topics(text, source="t")
    weighed = data.draw(st.lists(st.sampled_from([*unweighted.by_id])))
    topics = weigh(unweighted, weighed, data.draw(st.floats(0, 1000)))
    again, notices = parse_topics(format_topics(topics, {}), source="t")
    assert again == topics and notices == ()


@given(st.data())
def test_a_graph_comes_back_as_it_was_written(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    parents = {n: data.draw(st.lists(st.integers(0, n - 1), min_size=1, unique=True)) for n in range(1, count)}
    by_id = {
        f"id{n}": Topic(
            f"id{n}",
            data.draw(NAMES),
            tuple(f"id{parent}" for parent in parents.get(n, [])),
            tuple(f"id{child}" for child in parents if n in parents[child]),
            data.draw(st.none() | st.floats(0, 1000)),
        )
        for n in range(count)
    }
    topics = Topics("graph", "id0", by_id)
    again, notices = parse_topics(format_topics(topics, {"model": "m"}), source="t")
    assert again == topics and notices == ()


def test_weights_are_in_lines_that_deepfabric_reads_too_or_passes_over() -> None:
    topics, _ = parse_topics(TREE, source="t")
    wheels, brakes = (own for own in topics.by_id[topics.root].children)
    text = format_topics(weigh(weigh(topics, [wheels], 2), [brakes], 0.5), {})
    assert [json.loads(line) for line in text.splitlines()] == [
        {"path": ["Bicycles", "Wheels", "Truing"]},
        {"path": ["Bicycles", "Brakes"], "weight": 0.5},
        {"branch": ["Bicycles", "Wheels"], "weight": 2},
    ]
    assert format_topics(topics, {}) == TREE, "without weights it is the file that it always was"


@pytest.mark.parametrize("weight", ["2", -1, 1001, True, [2]])
def test_a_weight_that_is_none_is_refused_with_its_place(weight: object) -> None:
    line = json.dumps({"path": ["Tea", "Green"], "weight": weight})
    assert "topics.x, line 1: weight must be a number from 0 to 1,000" in refused(line)
    assert "topics.x, node 0: weight" in refused(graph([], metadata={"weight": weight}))


def test_a_tree_of_deepfabric_loads_with_the_ids_that_it_gives() -> None:
    topics, notices = parse_topics(TREE, source="t")
    assert (topics.mode, notices) == ("tree", ())
    assert paths(topics) == [("Bicycles", "Wheels", "Truing"), ("Bicycles", "Brakes")]
    assert [topic.id for topic, _ in topics.leaves] == [topic_id("tree", path) for path in paths(topics)]


def test_a_graph_of_deepfabric_loads_with_its_uuids_and_each_leaf_once() -> None:
    topics, notices = parse_topics(json.dumps(GRAPH, indent=2), source="t")
    assert (topics.mode, notices, topics.root) == ("graph", (), "u0")
    assert [topic.id for topic, _ in topics.leaves] == ["u3"]
    assert paths(topics) == [("Bicycles", "Brakes", "Rims")]
    assert topics.by_id["u3"].parents == ("u2", "u1")


def test_what_we_write_is_what_deepfabric_reads() -> None:
    assert format_topics(parse_topics(TREE, source="t")[0], {}) == TREE
    written = json.loads(format_topics(parse_topics(json.dumps(GRAPH), source="t")[0], GRAPH["metadata"]))
    assert written["root_id"] == 0 and written["metadata"] == GRAPH["metadata"]
    for key, node in written["nodes"].items():
        assert str(node["id"]) == key
        assert all(isinstance(number, int) for number in node["children"] + node["parents"])
        assert len(node["metadata"]["topic_hash"]) == 64


@pytest.mark.parametrize("source", ["a.json", "a.jsonl", "a.txt", "graph"])
def test_tree_and_graph_are_told_apart_by_content_and_never_by_name(source: str) -> None:
    assert parse_topics(TREE, source=source)[0].mode == "tree"
    assert parse_topics(json.dumps(GRAPH), source=source)[0].mode == "graph"
    assert parse_topics('{"path": ["only"]}', source=source)[0].mode == "tree"


def test_failures_blank_lines_windows_line_ends_and_leaf_uuids_are_tolerated() -> None:
    lines = [
        '{"failed_generation": {"node_path": ["Bicycles"], "error": "x", "timestamp": 1795401955.31}}',
        "",
        '{"path": ["Bicycles", "Wheels"], "leaf_uuid": "f7cc7f41"}',
        "   ",
        '{"path": ["Bicycles", "Brakes"]}',
    ]
    topics, notices = parse_topics("\r\n".join(lines), source="t")
    assert paths(topics) == [("Bicycles", "Wheels"), ("Bicycles", "Brakes")] and notices == ()


def test_paths_that_lead_on_or_are_repeated_are_noticed() -> None:
    topics, notices = parse_topics('{"path": ["a"]}\n{"path": ["a", "b"]}\n{"path": ["a", "b"]}\n', source="t")
    assert paths(topics) == [("a", "b")]
    assert len(notices) == 2 and "lead on" in notices[0] and "repeated" in notices[1]


@pytest.mark.parametrize(
    "damaged",
    [
        '{"path": ["a", "b"',
        '{"path": "a"}',
        '{"path": []}',
        '{"path": ["a", 5]}',
        '{"path": ["a", " "]}',
        "[]",
        "5",
        '{"topic": "a"}',
        "words",
        '{"path": ' + "[" * 100000,
    ],
)
def test_a_damaged_line_is_named_with_its_number(damaged: str) -> None:
    assert refused(f'{{"path": ["a", "x\u2028y"]}}\n\n{damaged}\n{{"path": ["a", "z"]}}\n').startswith(
        "topics.x, line 3"
    )


def test_a_second_root_is_named_with_its_line() -> None:
    assert refused('{"path": ["a", "b"]}\n{"path": ["c", "d"]}\n').startswith("topics.x, line 2: a tree has one root")


@pytest.mark.parametrize("text", ["", " \n\n"])
def test_an_empty_file_is_refused(text: str) -> None:
    assert "is empty" in refused(text)


def test_a_file_of_nothing_but_failures_is_refused() -> None:
    assert "no line holds a topic path" in refused('{"failed_generation": {}}\n')


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (graph([1], [2], [1]), "node 1: it lies on a cycle"),
        (graph([1], [0]), "the root, node 0, is a child"),
        (graph([0]), "the root, node 0, is a child"),
        (graph([], [2], [1]), "node 1: it lies on a cycle"),
        (graph([1, 7], []), "node 0: its child 7 is not among the nodes"),
        (graph([[1]], []), "node 0: its child [1] is not among the nodes"),
        (graph([1], [], []), "node 2: no path leads to it from the root"),
        (graph([], topic=" "), "node 0: it has no topic text"),
        (graph([], topic=5), "node 0: it has no topic text"),
        (graph([], children=None), "node 0: children must be a list"),
        (graph([], parents=5), "node 0: parents must be a list"),
        (graph([1], [], metadata={"uuid": "T"}) | {"root_id": 9}, "root_id 9 is not among the nodes"),
        ({"nodes": {}, "root_id": 0}, "root_id 0 is not among the nodes"),
        ({"nodes": [], "root_id": 0}, "nodes must map each id to a node"),
        ({"nodes": {"0": "T"}, "root_id": 0}, "nodes must map each id to a node"),
    ],
)
def test_a_wrong_graph_is_refused_with_a_clear_sentence(document: dict[str, Any], sentence: str) -> None:
    assert refused(document).startswith("topics.x") and sentence in refused(document)


def test_two_nodes_of_one_uuid_are_refused() -> None:
    document = graph([1], [])
    for node in document["nodes"].values():
        node["metadata"] = {"uuid": "same"}
    assert "same uuid" in refused(document)


def test_a_child_named_twice_counts_once() -> None:
    topics, _ = parse_topics(json.dumps(graph([1, "1", 1], [])), source="t")
    assert len(topics.by_id[topics.root].children) == 1 and len(topics.leaves) == 1
