"""Editing topics: every edit leaves topics that hold together, on trees and graphs alike, and can be undone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.config.schema import Mode
from deepfabric_core.errors import ConfigError
from deepfabric_core.topics.edit import (
    EditHistory,
    add,
    grown,
    keep_levels,
    keep_only,
    merge,
    move,
    prune,
    rename,
    replace_children,
)
from deepfabric_core.topics.formats import format_topics, parse_topics
from deepfabric_core.topics.model import Topic, TopicPath, Topics, topic_id

NAMES = st.sampled_from(["a", "b", "c", "A.", "d e", "C", "C++", "🚲", "!!", "?"])


def graph(links: dict[str, str]) -> Topics:
    """A graph of one-letter topics, the root first: `{"r": "ab", "a": "c", "b": "c"}` gives c two parents."""
    names = list(dict.fromkeys([*links, *"".join(links.values())]))
    parents = {name: tuple(above for above, below in links.items() if name in below) for name in names}
    return Topics(
        "graph", names[0], {name: Topic(name, name, parents[name], tuple(links.get(name, ""))) for name in names}
    )


def tree(*paths: str) -> Topics:
    """A tree of one-letter topics from its leaf paths."""
    return parse_topics("\n".join(f'{{"path": {list(path)}}}'.replace("'", '"') for path in paths), source="t")[0]


def of(path: str) -> str:
    """The id of a topic in a tree of one-letter topics."""
    return topic_id("tree", tuple(path))


def leaves(topics: Topics) -> list[str]:
    return ["".join(path) for _, path in topics.leaves]


def links(topics: Topics) -> dict[str, str]:
    return {topic.id: "".join(topic.children) for topic in topics.by_id.values() if topic.children}


def check_holds_together(topics: Topics) -> None:
    """Each link is known at both ends, all is reachable, nothing goes in a circle, and a file gives the same back."""
    for topic in topics.by_id.values():
        assert topics.by_id[topic.id] is topic
        assert all(topic.id in topics.by_id[child].parents for child in topic.children)
        assert all(topic.id in topics.by_id[parent].children for parent in topic.parents)
        assert len(set(topic.parents)) == len(topic.parents) and len(set(topic.children)) == len(topic.children)
        assert bool(topic.parents) != (topic.id == topics.root)
    walked = {topic.id: path for topic, path in topics.walk()}
    assert list(walked) == list(topics.by_id)
    if topics.mode == "tree":
        assert all(own == topic_id("tree", path) for own, path in walked.items())
    again, notices = parse_topics(format_topics(topics, {}), source="t")
    assert again == topics and notices == ()


def refused(edit: Callable[[], Topics]) -> str:
    with pytest.raises(ConfigError) as problem:
        edit()
    assert len(str(problem.value).splitlines()) == 1
    return str(problem.value)


# ---- each edit


def test_pruning_takes_a_topic_with_all_below_it() -> None:
    topics = tree("rac", "rad", "rb")
    assert leaves(prune(topics, [of("ra")])) == ["rb"]
    assert leaves(prune(topics, [of("rac"), of("rad")])) == ["ra", "rb"]
    assert leaves(topics) == ["rac", "rad", "rb"]


def test_in_a_graph_what_has_another_parent_stays_below_that_one() -> None:
    topics = graph({"r": "ab", "a": "cd", "b": "c", "c": "e"})
    assert leaves(topics) == ["race", "rad"]
    pruned = prune(topics, ["a"])
    assert links(pruned) == {"r": "b", "b": "c", "c": "e"}
    assert pruned.by_id["c"].parents == ("b",) and leaves(pruned) == ["rbce"]


def test_a_pruned_topic_goes_however_many_parents_it_has() -> None:
    topics = graph({"r": "ab", "a": "c", "b": "c"})
    assert links(prune(topics, ["c"])) == {"r": "ab"}


def test_the_root_stays() -> None:
    assert "root can't be pruned" in refused(lambda: prune(tree("ra"), [of("r")]))


def test_keeping_only_a_topic_keeps_the_way_to_it_and_all_below_it() -> None:
    assert leaves(keep_only(tree("rabd", "rabe", "rac", "rf"), of("rab"))) == ["rabd", "rabe"]
    topics = graph({"r": "ab", "a": "c", "b": "cd", "c": "e"})
    assert links(keep_only(topics, "c")) == {"r": "a", "a": "c", "c": "e"}
    assert keep_only(topics, "r") == topics


def test_keeping_levels_cuts_what_is_deeper() -> None:
    topics = tree("rabd", "rac", "rf")
    assert leaves(keep_levels(topics, 1)) == ["ra", "rf"]
    assert leaves(keep_levels(topics, 0)) == ["r"]
    assert keep_levels(topics, 9) == topics


def test_renaming_in_a_tree_gives_new_ids_below_and_in_a_graph_keeps_them() -> None:
    renamed = rename(tree("rab", "rc"), of("ra"), "x")
    assert leaves(renamed) == ["rxb", "rc"] and of("rxb") in renamed.by_id
    renamed = rename(graph({"r": "a", "a": "b"}), "a", "x")
    assert leaves(renamed) == ["rxb"] and links(renamed) == {"r": "a", "a": "b"}


def test_the_root_can_be_renamed() -> None:
    assert leaves(rename(tree("ra"), of("r"), "  a new\nname ")) == ["a new namea"]


def test_a_topic_may_be_spelled_differently_but_not_as_its_sibling() -> None:
    topics = tree("ra", "rb")
    assert leaves(rename(topics, of("ra"), "A!")) == ["rA!", "rb"]
    assert "'b' in that place" in refused(lambda: rename(topics, of("ra"), " B."))
    linked = graph({"r": "ab", "a": "c", "b": "cd"})
    assert "'d' in that place" in refused(lambda: rename(linked, "c", "D"))


def test_topics_are_added_after_those_that_are_there() -> None:
    assert leaves(add(tree("ra"), of("r"), ["b", "c"])) == ["ra", "rb", "rc"]
    assert leaves(add(tree("ra"), of("ra"), "b")) == ["rab"]
    added = add(graph({"r": "a"}), "a", ["b"])
    assert added.by_id["a"].children == (topic_id("graph", ("r", "a", "b")),)


def test_a_name_that_is_given_up_and_taken_again_is_another_topic() -> None:
    topics = add(graph({"r": "a"}), "r", ["b"])
    first = topic_id("graph", ("r", "b"))
    topics = add(rename(topics, first, "x"), "r", ["b"])
    assert [topics.by_id[child].name for child in topics.by_id["r"].children] == ["a", "x", "b"]
    check_holds_together(topics)


def test_replaced_children_go_with_all_below_them_and_those_named_again_stay() -> None:
    topics = tree("rab", "rc", "rd")
    assert leaves(replace_children(topics, of("r"), ["x", "A", "y"])) == ["rx", "rab", "ry"]
    assert leaves(replace_children(topics, of("r"), [])) == ["r"]
    linked = replace_children(graph({"r": "ab", "a": "c", "b": "c"}), "a", ["x"])
    assert linked.by_id["c"].parents == ("b",)


def test_merging_takes_over_children_and_makes_those_of_one_name_one() -> None:
    topics = tree("rabx", "rac", "rdBy", "rde", "rf")
    assert leaves(merge(topics, [of("ra"), of("rd")])) == ["rabx", "raby", "rac", "rae", "rf"]


def test_merging_a_child_into_its_parent_takes_a_level_out() -> None:
    assert leaves(merge(tree("rabc", "rabd", "rae"), [of("ra"), of("rab")])) == ["rae", "rac", "rad"]


def test_in_a_graph_parents_are_taken_over_too_in_the_place_of_the_other() -> None:
    topics = graph({"r": "ab", "a": "c", "b": "de", "d": "f"})
    merged = merge(topics, ["c", "d"])
    assert links(merged) == {"r": "ab", "a": "c", "c": "f", "b": "ce"}
    assert merged.by_id["c"].parents == ("a", "b")


def test_a_parent_that_would_close_a_circle_is_not_taken_over() -> None:
    merged = merge(graph({"r": "ab", "b": "x", "x": "c"}), ["a", "b", "c"])
    assert links(merged) == {"r": "a", "a": "x"}


def test_a_topic_cannot_take_the_place_of_one_above_it() -> None:
    assert "'b' lies below 'a'" in refused(lambda: merge(tree("rab"), [of("rab"), of("ra")]))
    assert "root can't be merged" in refused(lambda: merge(tree("ra"), [of("ra"), of("r")]))
    for ids in ([], [of("ra")], [of("ra"), of("ra")]):
        assert "two topics or more" in refused(lambda ids=ids: merge(tree("ra"), ids))  # type: ignore[misc]


def test_moved_topics_take_what_is_below_them_along_and_come_after_the_children_that_are_there() -> None:
    assert leaves(move(tree("rax", "ray", "rb", "rcz"), [of("rax"), of("rb")], of("rc"))) == [
        "ray",
        "rcz",
        "rcx",
        "rcb",
    ]
    assert leaves(move(tree("raxy", "rb"), [of("rax"), of("raxy")], of("rb"))) == ["ra", "rbxy"]
    topics = tree("rax", "rb")
    assert move(topics, [of("ra")], of("r")) == topics


def test_in_a_graph_a_moved_topic_leaves_its_primary_parent_and_keeps_the_others() -> None:
    moved = move(graph({"r": "abc", "a": "x", "b": "x"}), ["x"], "c")
    assert moved.by_id["x"].parents == ("c", "b") and links(moved) == {"r": "abc", "b": "x", "c": "x"}
    already = move(graph({"r": "ab", "a": "x", "b": "x"}), ["x"], "b")
    assert already.by_id["x"].parents == ("b",) and links(already) == {"r": "ab", "b": "x"}


def test_a_topic_is_not_moved_below_itself_nor_beside_its_namesake() -> None:
    topics = tree("rab", "rb", "rc")
    assert "'b' lies below 'a'" in refused(lambda: move(topics, [of("ra")], of("rab")))
    assert "'b' below 'r' already" in refused(lambda: move(topics, [of("rab")], of("r")))
    assert "root can't be moved" in refused(lambda: move(topics, [of("r")], of("rc")))
    assert "'x' below 'r' already" in refused(lambda: move(tree("rax", "rbx"), [of("rax"), of("rbx")], of("r")))


def test_a_grown_subtree_is_put_below_its_topic() -> None:
    assert leaves(grown(tree("ra", "rb"), of("ra"), tree("axy", "az"))) == ["raxy", "raz", "rb"]


def test_what_has_grown_below_a_name_that_is_there_goes_into_it() -> None:
    assert leaves(grown(tree("rab", "rac"), of("ra"), tree("aBx", "ad"))) == ["rabx", "rac", "rad"]


def test_cross_links_of_a_grown_graph_come_along() -> None:
    topics = grown(graph({"r": "a"}), "a", graph({"a": "xy", "x": "z", "y": "z"}))
    last = topics.by_id[topic_id("graph", ("r", "a", "x", "z"))]
    assert [topics.by_id[parent].name for parent in last.parents] == ["x", "y"]
    check_holds_together(topics)


@pytest.mark.parametrize(
    "edit",
    [
        lambda topics: prune(topics, ["gone"]),
        lambda topics: keep_only(topics, "gone"),
        lambda topics: rename(topics, "gone", "x"),
        lambda topics: add(topics, "gone", ["x"]),
        lambda topics: replace_children(topics, "gone", ["x"]),
        lambda topics: merge(topics, [topics.root, "gone"]),
        lambda topics: grown(topics, "gone", topics),
    ],
)
def test_an_unknown_topic_is_refused(edit: Callable[[Topics], Topics]) -> None:
    assert "no topic with the id 'gone'" in refused(lambda: edit(tree("ra")))


@pytest.mark.parametrize("name", ["", " \n", "\u2028"])
def test_an_empty_name_is_refused(name: str) -> None:
    for edit in (rename, add, replace_children):
        assert "is empty" in refused(lambda edit=edit: edit(tree("ra"), of("ra"), name))  # type: ignore[misc]


def test_a_name_given_twice_is_refused() -> None:
    assert "same name" in refused(lambda: add(tree("ra"), of("r"), ["b", "B "]))
    assert "'a' in that place" in refused(lambda: add(tree("ra"), of("r"), ["A"]))


# ---- undoing


def test_an_edit_is_undone_and_done_again() -> None:
    history = EditHistory(before := tree("ra", "rb"))
    after = history.do(lambda topics: prune(topics, [of("ra")]), "prune a")
    assert (history.topics, history.can_undo, history.undoes, history.can_redo) == (after, True, "prune a", False)
    assert history.undo() == before == history.topics
    assert (history.can_undo, history.can_redo, history.redoes) == (False, True, "prune a")
    assert history.redo() == after == history.topics


def test_a_new_edit_forgets_what_was_undone_and_one_that_fails_or_changes_nothing_leaves_no_trace() -> None:
    history = EditHistory(before := tree("ra", "rb"))
    history.do(lambda topics: prune(topics, [of("ra")]), "prune a")
    history.undo()
    refused(lambda: history.do(lambda topics: prune(topics, [of("r")]), "prune r"))
    history.do(lambda topics: rename(topics, of("ra"), "a"), "the same name")
    assert history.topics == before and history.can_redo and not history.can_undo
    history.do(lambda topics: add(topics, of("r"), "c"), "add c")
    assert not history.can_redo
    assert "no undone edit" in refused(history.redo)


def test_the_last_hundred_edits_can_be_undone() -> None:
    history = EditHistory(tree("r"))
    for number in range(120):
        history.do(lambda topics, name=str(number): add(topics, of("r"), name), "add")  # type: ignore[misc]
    while history.can_undo:
        history.undo()
    assert len(history.topics) == 21
    assert "no edit to undo" in refused(history.undo)


# ---- any edits on any topics


@st.composite
def any_topics(draw: st.DrawFn, mode: Mode, most: int = 12) -> Topics:
    count = draw(st.integers(1, most))
    if mode == "tree":
        paths: list[TopicPath] = [("root",)]
        for _ in range(count - 1):
            paths.append((*draw(st.sampled_from(paths)), draw(NAMES)))
        return parse_topics("\n".join(_line(path) for path in paths), source="t")[0]
    parents = {n: draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=3, unique=True)) for n in range(1, count)}
    by_id = {
        f"id{n}": Topic(
            f"id{n}",
            draw(NAMES),
            tuple(f"id{parent}" for parent in parents.get(n, [])),
            tuple(f"id{child}" for child in parents if n in parents[child]),
        )
        for n in range(count)
    }
    return Topics("graph", "id0", by_id)


def _line(path: Iterable[str]) -> str:
    names = ", ".join(f'"{name}"' for name in path)
    return f'{{"path": [{names}]}}'


def any_edit(data: st.DataObject, topics: Topics) -> Callable[[Topics], Topics]:
    """An edit with arguments that may or may not make sense."""
    own = data.draw(st.sampled_from(list(topics.by_id)))
    ids = data.draw(st.lists(st.sampled_from(list(topics.by_id)), min_size=1, max_size=4))
    names = data.draw(st.lists(NAMES, max_size=4))
    below = data.draw(any_topics(topics.mode, most=6))
    edits: dict[str, Callable[[Topics], Topics]] = {
        "prune": lambda topics: prune(topics, ids),
        "keep_only": lambda topics: keep_only(topics, own),
        "keep_levels": lambda topics: keep_levels(topics, len(ids)),
        "rename": lambda topics: rename(topics, own, (names or ["new"])[0]),
        "add": lambda topics: add(topics, own, names),
        "replace_children": lambda topics: replace_children(topics, own, names),
        "merge": lambda topics: merge(topics, ids),
        "grown": lambda topics: grown(topics, own, below),
        "move": lambda topics: move(topics, ids, own),
    }
    # Those that add come more often, so that there is something left to edit.
    often = ["rename", "add", "merge", "grown", "replace_children", "add", "merge", "grown"]
    return edits[data.draw(st.sampled_from([*edits, *often]))]


@given(st.data(), st.sampled_from(["tree", "graph"]))
def test_any_edits_leave_topics_that_hold_together_and_are_undone_to_the_first(data: st.DataObject, mode: Mode) -> None:
    history = EditHistory(original := data.draw(any_topics(mode)))
    passed = [original]
    for _ in range(data.draw(st.integers(1, 8))):
        edit = any_edit(data, history.topics)
        try:
            history.do(edit, "edit")
        except ConfigError:
            assert history.topics is passed[-1]
            continue
        if history.topics is not passed[-1]:
            check_holds_together(history.topics)
            passed.append(history.topics)
    for topics in reversed(passed[:-1]):
        assert history.undo() is topics
    for topics in passed[1:]:
        assert history.redo() is topics


@given(st.data(), st.sampled_from(["tree", "graph"]))
def test_merging_loses_no_leaf_but_those_that_were_merged(data: st.DataObject, mode: Mode) -> None:
    topics = data.draw(any_topics(mode))
    ids = data.draw(st.lists(st.sampled_from(list(topics.by_id)), max_size=4, unique=True))
    try:
        merged = merge(topics, ids)
    except ConfigError:
        return
    before = {topic.name.casefold().strip(".") for topic, _ in topics.leaves if topic.id not in ids}
    after = {topic.name.casefold().strip(".") for topic in merged.by_id.values()}
    assert before <= after


def test_edits_of_many_topics_are_quick() -> None:
    wide = add(tree("ra", "rb"), of("ra"), [f"topic {n}" for n in range(5_000)])
    wide = add(wide, of("rb"), [f"topic {n}" for n in range(2_500, 7_500)])
    began = time.process_time()
    merged = merge(wide, [of("ra"), of("rb")])
    assert len(merged) == 7_502
    assert len(prune(merged, [of("ra")])) == 1
    assert len(rename(merged, of("r"), "x")) == 7_502
    assert time.process_time() - began < 3
