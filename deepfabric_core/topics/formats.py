"""Convert topics to and from the text of topics files: JSONL of leaf paths for a tree, a JSON object for a graph.

Both are DeepFabric's formats. The format of a text is detected by its content, never by the file's name. Weights that
were set by hand are ours: `weight` in a leaf's line or a node's metadata, or a line of its own for a branch of a tree.
DeepFabric passes over them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from deepfabric_core.config.schema import LARGEST_WEIGHT
from deepfabric_core.errors import TopicsFileError
from deepfabric_core.topics.model import Topic, TopicPath, Topics, topic_id

# DeepFabric may write lines with this key into a tree file; they hold no topic.
_FAILURE = "failed_generation"

# The key with the path of a branch, in the lines of a tree's file that give one a weight.
_BRANCH = "branch"

# The key `nodes` of a graph's file is among the first so many characters.
_BEGINNING = 100


def format_topics(topics: Topics, metadata: Mapping[str, Any]) -> str:
    """Return the text of the file; `metadata` (provider, model, temperature, created_at) is for a graph's file only."""
    return _format_tree(topics) if topics.mode == "tree" else _format_graph(topics, metadata)


def parse_topics(text: str, *, source: str) -> tuple[Topics, tuple[str, ...]]:
    """Read a topics file; the second value holds notices, a sentence each.

    >>> topics, notices = parse_topics('{"path": ["Tea", "Green"]}', source="tea.jsonl")
    >>> topics
    <Topics: tree of 2, 1 of them a leaf>
    >>> print(format_topics(topics, {}), end="")
    {"path": ["Tea", "Green"]}

    Raises:
        TopicsFileError: it is neither format, damaged, or holds a cycle; the message names the place.
    """
    if not text.strip():
        raise TopicsFileError(f"{source}: the topics file is empty; grow topics again or load another file.")
    graph = _as_graph(text, source)
    if graph is not None:
        return _parse_graph(graph, source), ()
    return _parse_tree(text, source)


def _as_graph(text: str, source: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as problem:
        if isinstance(problem, json.JSONDecodeError) and '"nodes"' in text[:_BEGINNING]:
            raise TopicsFileError(f"{source}, line {problem.lineno}: the graph isn't valid JSON there.") from problem
        return None
    return document if isinstance(document, dict) and "nodes" in document else None


# ---- trees


def _format_tree(topics: Topics) -> str:
    leaves = ({"path": list(path), **_weight_as_json(topic)} for topic, path in topics.leaves)
    weighed = {topic.id for topic in topics.by_id.values() if topic.children and topic.weight is not None}
    branches = ({_BRANCH: list(path), **_weight_as_json(topic)} for topic, path in topics.walk() if topic.id in weighed)
    lines = (json.dumps(line, ensure_ascii=False) for line in chain(leaves, branches if weighed else ()))
    return "".join(f"{line}\n" for line in lines)


def _weight_as_json(topic: Topic) -> dict[str, float]:
    return {} if topic.weight is None else {"weight": topic.weight}


def _parse_tree(text: str, source: str) -> tuple[Topics, tuple[str, ...]]:
    children: dict[TopicPath, dict[TopicPath, None]] = {}
    listed: list[TopicPath] = []
    weights: dict[TopicPath, float] = {}
    for number, path, weight, is_branch in _paths(text, source):
        if weight is not None:
            weights[path] = weight
        if is_branch:
            continue
        if listed and path[0] != listed[0][0]:
            raise TopicsFileError(
                f"{source}, line {number}: a tree has one root, but this path starts with {path[0]!r} "
                f"and the first one with {listed[0][0]!r}."
            )
        listed.append(path)
        for length in range(1, len(path)):
            children.setdefault(path[:length], {})[path[: length + 1]] = None
        children.setdefault(path, {})
    if not listed:
        raise TopicsFileError(f'{source}: no line holds a topic path like {{"path": ["root", "topic"]}}.')
    return _tree(children, weights), tuple(_tree_notices(children, listed, source))


def _tree_notices(
    children: Mapping[TopicPath, Mapping[TopicPath, None]], listed: list[TopicPath], source: str
) -> Iterator[str]:
    inner = len({path for path in listed if children[path]})
    if inner:
        yield f"{source}: {inner} of its paths lead on to other paths, so they get no samples of their own."
    if repeated := len(listed) - len(set(listed)):
        yield f"{source}: {repeated} of its paths are repeated, and count once."


def _tree(children: Mapping[TopicPath, Mapping[TopicPath, None]], weights: Mapping[TopicPath, float]) -> Topics:
    by_id = {}
    for path, below in children.items():
        own = topic_id("tree", path)
        parents = (topic_id("tree", path[:-1]),) if len(path) > 1 else ()
        by_id[own] = Topic(own, path[-1], parents, tuple(topic_id("tree", child) for child in below), weights.get(path))
    return Topics("tree", next(iter(by_id)), by_id)


def _paths(text: str, source: str) -> Iterator[tuple[int, TopicPath, float | None, bool]]:
    """Yield for each line its number, its path, its weight if it has one, and whether it only gives that weight."""
    # Not splitlines(): a topic may hold U+2028 and the like, which JSON doesn't escape.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as problem:
            column = getattr(problem, "colno", 1)
            raise TopicsFileError(
                f"{source}, line {number}, column {column}: not valid JSON; mend or delete that line."
            ) from problem
        if isinstance(record, dict) and _FAILURE in record:
            continue
        is_branch = isinstance(record, dict) and _BRANCH in record and "path" not in record
        path = record.get(_BRANCH if is_branch else "path") if isinstance(record, dict) else None
        if not isinstance(path, list) or not path or not all(isinstance(name, str) and name.strip() for name in path):
            raise TopicsFileError(f'{source}, line {number}: expected {{"path": [topic, ...]}}, root first.')
        yield number, tuple(path), _weight_of(record, f"{source}, line {number}"), is_branch


def _weight_of(place: Mapping[str, Any], where: str) -> float | None:
    weight = place.get("weight")
    if weight is None:
        return None
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= LARGEST_WEIGHT:
        raise TopicsFileError(f"{where}: weight must be a number from 0 to {LARGEST_WEIGHT:,}; mend or delete it.")
    return float(weight)


# ---- graphs


def _format_graph(topics: Topics, metadata: Mapping[str, Any]) -> str:
    numbers = {topic_id: number for number, topic_id in enumerate(topics.by_id)}
    nodes = {
        str(numbers[topic.id]): {
            "id": numbers[topic.id],
            "topic": topic.name,
            "children": [numbers[child] for child in topic.children],
            "parents": [numbers[parent] for parent in topic.parents],
            "metadata": {
                "uuid": topic.id,
                "topic_hash": hashlib.sha256(topic.name.encode("utf-8", "surrogatepass")).hexdigest(),
                **_weight_as_json(topic),
            },
        }
        for topic in topics.by_id.values()
    }
    document = {"nodes": nodes, "root_id": numbers[topics.root], "metadata": dict(metadata)}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _parse_graph(document: Mapping[str, Any], source: str) -> Topics:
    nodes, root = document["nodes"], str(document.get("root_id"))
    if not isinstance(nodes, dict) or not all(isinstance(node, dict) for node in nodes.values()):
        raise TopicsFileError(f"{source}: nodes must map each id to a node.")
    if root not in nodes:
        raise TopicsFileError(f"{source}: root_id {root} is not among the nodes.")
    for key, node in nodes.items():
        _check_node(key, node, nodes, source)
    order = _acyclic_order(nodes, root, source)
    parents = _parents(nodes, order)
    ids = _ids(nodes, order, parents, source)
    by_id = {
        ids[key]: Topic(
            ids[key],
            nodes[key]["topic"],
            tuple(ids[parent] for parent in parents[key]),
            tuple(ids[child] for child in _children_of(nodes[key])),
            _weight_of(_metadata_of(nodes[key]), f"{source}, node {key}"),
        )
        for key in order
    }
    return Topics("graph", ids[root], by_id)


def _check_node(key: str, node: Mapping[str, Any], nodes: Mapping[str, Any], source: str) -> None:
    if not isinstance(node.get("topic"), str) or not node["topic"].strip():
        raise TopicsFileError(f"{source}, node {key}: it has no topic text.")
    for links in ("children", "parents"):
        if not isinstance(node.get(links, []), list):
            raise TopicsFileError(f"{source}, node {key}: {links} must be a list of ids.")
    for child in node.get("children", []):
        if str(child) not in nodes:
            raise TopicsFileError(f"{source}, node {key}: its child {child} is not among the nodes.")


def _children_of(node: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(str(child) for child in node.get("children", [])))


def _acyclic_order(nodes: Mapping[str, Any], root: str, source: str) -> list[str]:
    """Return the nodes in topological order, or raise an error that names a node on a cycle or without a path to it."""
    waiting = dict.fromkeys(nodes, 0)
    for node in nodes.values():
        for child in _children_of(node):
            waiting[child] += 1
    if waiting[root]:
        raise TopicsFileError(f"{source}: the root, node {root}, is a child of another node, so there is a cycle.")
    if cut_off := [key for key, parents in waiting.items() if not parents and key != root]:
        raise TopicsFileError(f"{source}, node {cut_off[0]}: no path leads to it from the root; link or delete it.")
    order = [root]
    for key in order:
        for child in _children_of(nodes[key]):
            waiting[child] -= 1
            if not waiting[child]:
                order.append(child)
    if len(order) < len(nodes):
        on_cycle = next(key for key, parents in waiting.items() if parents)
        raise TopicsFileError(f"{source}, node {on_cycle}: it lies on a cycle or below one; a graph must be acyclic.")
    return order


def _parents(nodes: Mapping[str, Any], order: list[str]) -> dict[str, list[str]]:
    """Return the parents of each node: first those that it lists itself, then those that list it as a child."""
    named_by: dict[str, dict[str, None]] = {key: {} for key in order}
    for key in order:
        for child in _children_of(nodes[key]):
            named_by[child][key] = None
    parents = {}
    for key in order:
        own = [str(parent) for parent in nodes[key].get("parents", []) if str(parent) in named_by[key]]
        parents[key] = list(dict.fromkeys([*own, *named_by[key]]))
    return parents


def _metadata_of(node: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = node.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _ids(nodes: Mapping[str, Any], order: list[str], parents: Mapping[str, list[str]], source: str) -> dict[str, str]:
    """Return the id of each node: its own uuid, or one derived from its path."""
    ids: dict[str, str] = {}
    paths: dict[str, TopicPath] = {}
    for key in order:
        above = paths[parents[key][0]] if parents[key] else ()
        paths[key] = (*above, nodes[key]["topic"])
        own = _metadata_of(nodes[key]).get("uuid")
        ids[key] = own if isinstance(own, str) and own else topic_id("graph", paths[key])
    if len(set(ids.values())) < len(ids):
        raise TopicsFileError(
            f"{source}: two nodes have the same uuid, or the same path and none; give each a uuid of its own."
        )
    return ids
