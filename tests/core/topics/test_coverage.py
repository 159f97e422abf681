"""What topics cover: samples summed up once, near-duplicates found quickly, the shape in a few words, a frame."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.config.schema import Mode
from deepfabric_core.topics.coverage import Coverage, coverage, near_duplicates, shape
from deepfabric_core.topics.edit import add
from deepfabric_core.topics.model import Topic, Topics
from tests.core.topics.test_edit import any_topics, graph, of, tree


def many(count: int) -> Topics:
    """A tree of ten children each, its names of three words out of a few hundred."""
    dice = random.Random(1)
    words = [f"word{letter}{other}" for letter in "abcdefghijklmnop" for other in "abcdefghijklmnop"]
    ids = [f"t{number}" for number in range(count)]
    parents = [(), *((ids[number // 10],) for number in range(count - 1))]
    children = [tuple(ids[number * 10 + 1 : number * 10 + 11]) for number in range(count)]
    names = [" ".join(dice.sample(words, 3)) for _ in ids]
    return Topics("tree", ids[0], dict(zip(ids, map(Topic, ids, names, parents, children), strict=True)))


def in_one_level(names: Iterable[str]) -> Topics:
    """Topics right below a root, whatever their names."""
    below = {f"t{number}": Topic(f"t{number}", name, ("r",)) for number, name in enumerate(names)}
    return Topics("graph", "r", {"r": Topic("r", "r", (), tuple(below)), **below})


def alike(*names: str) -> list[list[str]]:
    """The groups of near-duplicates among the names."""
    topics = in_one_level(names)
    return [[topics.by_id[own].name for own in group] for group in near_duplicates(topics)]


# ---- samples


def test_samples_are_summed_up_over_the_leaves_below() -> None:
    topics = tree("rab", "rac", "rd")
    found = coverage(
        topics, dict.fromkeys(map(of, ["rab", "rac", "rd"]), 2), {of("rab"): 2, of("rd"): 3}, {of("rac"): 1}
    )
    by_path = {"".join(path): found.by_id[topic.id] for topic, path in topics.walk()}
    assert {path: (one.wanted, one.done, one.failed) for path, one in by_path.items()} == {
        "r": (6, 5, 1),
        "ra": (4, 2, 1),
        "rab": (2, 2, 0),
        "rac": (2, 0, 1),
        "rd": (2, 3, 0),
    }
    assert by_path["ra"].share == 0.5 and by_path["rd"].share == 1.5
    assert (found.under, found.over) == ((of("rac"),), (of("rd"),))


def test_a_leaf_with_two_parents_counts_once_above_them() -> None:
    topics = graph({"r": "ab", "a": "cd", "b": "ce"})
    found = coverage(topics, {"c": 3, "d": 1, "e": 1}, {"c": 3}, {})
    assert {own: one.wanted for own, one in found.by_id.items()} == {"r": 5, "a": 4, "b": 4, "c": 3, "d": 1, "e": 1}


def test_what_lacks_most_comes_first_and_what_is_not_wanted_is_named() -> None:
    topics = tree("ra", "rb", "rc", "rd")
    wanted = {of("ra"): 1, of("rb"): 5, of("rc"): 1}
    found = coverage(topics, wanted, {of("rc"): 1, "pruned since": 4}, {})
    assert found.under == (of("rb"), of("ra")) and found.over == ()
    assert found.unplanned == (of("rd"),) and found.by_id[of("rd")].share is None
    assert found.elsewhere == 4


def test_nothing_wanted_and_nothing_done_is_no_division_by_zero() -> None:
    assert coverage(tree("r"), {}, {}, {}) == Coverage(coverage(tree("r"), {}, {}, {}).by_id, (), (), (of("r"),), 0)


@given(st.data(), st.sampled_from(["tree", "graph"]))
def test_sums_are_those_of_every_topic_that_is_reached(data: st.DataObject, mode: Mode) -> None:
    topics = data.draw(any_topics(mode))
    counts = {own: data.draw(st.integers(0, 9)) for own in topics.by_id}

    def reached(own: str) -> set[str]:
        return {own}.union(*map(reached, topics.by_id[own].children))

    assert topics.sums(counts) == {own: sum(counts[one] for one in reached(own)) for own in topics.by_id}


# ---- near-duplicates


@pytest.mark.parametrize(
    "names",
    [
        ("Truing a rim", "truing a  rim!"),
        ("Truing a rim", "Truing the rims"),
        ("Rim truing", "Truing of a rim"),
        ("Troubleshooting", "Trouble-shooting"),
        ("Überprüfung", "Überprüfungen"),
        ("Checking wheels before a long tour", "Checking the wheels before every long tour"),
        ("自行车轮圈校正", "自行车轮圈校正法"),
    ],
)
def test_names_that_say_nearly_the_same_are_found(names: tuple[str, ...]) -> None:
    assert alike("Oiling a chain", *names, "Paint") == [list(names)]


@pytest.mark.parametrize(
    "names",
    [
        ("C", "C++", "C#"),
        ("Brake pads", "Brake cables"),
        ("Part 1 of the long history of bicycles", "Part 2 of the long history of bicycles"),
        ("Cycling", "Recycling"),
        ("Topic12345", "Topic12346"),
        ("!!!", "???"),
        ("Front wheels", "Back wheels"),
        ("🚲", "🚗"),
    ],
)
def test_names_that_differ_in_what_counts_are_left_alone(names: tuple[str, ...]) -> None:
    assert alike(*names) == []


def test_groups_have_the_topics_in_their_order_and_reach_over_branches() -> None:
    topics = tree("rab", "rcB", "rcd")
    assert near_duplicates(topics) == [(of("rab"), of("rcB"))]


def test_a_group_gathers_around_its_first_and_does_not_drift() -> None:
    first, second, third = "a1 b1 c1 d1 e1", "red green blue white black", "red green blue white"
    assert alike(first, second, third, "red green blue") == [[second, third]]


@pytest.mark.parametrize("name", ["", "x", "the", "a " * 1000, "word " * 400, "🚲" * 500, "\ud800"])
def test_odd_names_are_no_trouble(name: str) -> None:
    assert alike("Wheels", name or ".", "Brakes") == []


@pytest.mark.parametrize("kind", ["words", "numbered", "few words", "same"])
def test_near_duplicates_of_ten_thousand_topics_are_found_quickly(kind: str) -> None:
    dice = random.Random(2)
    few = [a + b for a in "abcd" for b in "uvwxyz"]
    names = {
        "words": lambda _: " ".join(dice.sample(few, 5)),
        "numbered": lambda number: f"Customs and practices around the fine craft of making good bicycles {number}",
        "few words": lambda _: " ".join(dice.sample(few, 12)),
        "same": lambda _: "The very same name",
    }[kind]
    topics = in_one_level(map(names, range(10_000)))
    began = time.process_time()
    groups = near_duplicates(topics)
    assert time.process_time() - began < 6
    assert kind != "same" or groups == [topics.by_id[topics.root].children]


# ---- shape


def test_the_shape_says_levels_widths_and_branches() -> None:
    measured = shape(tree("rab", "rac", "rad", "re"))
    assert (measured.topics, measured.leaves, measured.depth, measured.widths) == (6, 4, 2, (1, 2, 3))
    assert measured.branches == {of("ra"): 3, of("re"): 1} and measured.leaf_levels == (1, 2)
    assert measured.balance == pytest.approx(0.5)
    assert measured.sentences == (
        "6 topics on 3 levels (1 + 2 + 3), 4 of them leaves.",
        "Leaves lie 1 to 2 levels below the root.",
        "Lopsided (0.50 of 1): a has 3 leaves, e has 1.",
    )


def test_branches_of_one_size_are_balanced_and_a_single_topic_has_a_shape_too() -> None:
    assert shape(tree("rab", "rcd")).balance == 1
    assert shape(tree("rab", "rcd")).sentences[-1] == "Balanced: each of the 2 branches has as many leaves."
    lone = shape(tree("r"))
    assert (lone.balance, lone.depth, lone.sentences) == (1, 0, ("1 topic on 1 level (1), 1 of them a leaf.",))


def test_one_branch_with_nearly_all_leaves_is_lopsided() -> None:
    topics = add(tree("r"), of("r"), ["a", "b", "c", "d"])
    topics = add(topics, of("ra"), [f"topic {number}" for number in range(997)])
    assert shape(topics).balance < 0.01
    assert shape(topics).sentences[-1].startswith("Lopsided")


def test_a_very_long_name_is_cut_in_the_sentences() -> None:
    topics = add(add(tree("r"), of("r"), ["x" * 2000, "b"]), of("rb"), ["c", "d"])
    assert len(shape(topics).sentences[-1]) < 150


# ---- frame


def test_the_frame_has_a_row_per_topic() -> None:
    frame = graph({"r": "ab", "a": "c", "b": "cd"}).to_frame()
    assert list(frame.columns) == [
        "id",
        "topic",
        "path",
        "depth",
        "parent",
        "parents",
        "children",
        "leaf",
        "leaves_below",
    ]
    rows = {row.id: row for row in frame.itertuples()}
    assert list(rows) == ["r", "a", "c", "b", "d"]
    assert rows["c"].path == ("r", "a", "c") and rows["c"].depth == 2
    assert rows["c"].parent == "a" and rows["c"].parents == ("a", "b")
    assert {own: row.leaves_below for own, row in rows.items()} == {"r": 2, "a": 1, "b": 2, "c": 0, "d": 0}
    assert {own: row.children for own, row in rows.items()} == {"r": 2, "a": 1, "b": 2, "c": 0, "d": 0}
    assert [own for own, row in rows.items() if row.leaf] == ["c", "d"]
    assert frame["parent"].isna().tolist() == [True, False, False, False, False]


def test_a_frame_and_the_coverage_of_fifty_thousand_topics_are_quick() -> None:
    topics = many(50_000)
    topics.to_frame().head()
    fresh = Topics(topics.mode, topics.root, dict(topics.by_id))
    began = time.process_time()
    assert len(fresh.to_frame()) == 50_000
    assert time.process_time() - began < 6
    began = time.process_time()
    wanted = {topic.id: 2 for topic, _ in fresh.leaves}
    assert coverage(fresh, wanted, wanted, {}).by_id[fresh.root].done == 2 * len(fresh.leaves)
    assert time.process_time() - began < 6
