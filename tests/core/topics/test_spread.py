"""The leaves of a preview: spread over the branches, and in every plan."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.samples.plan import Plan
from deepfabric_core.topics.model import Topic, Topics, topic_id
from deepfabric_core.topics.spread import SpreadLeaves, spread


def tree(depth: int, degree: int) -> Topics:
    by_id: dict[str, Topic] = {}

    def add(path: tuple[str, ...], parents: tuple[str, ...]) -> str:
        own = topic_id("tree", path)
        by_id[own] = Topic(own, path[-1], parents)
        below = [f"{path[-1]}{number}" for number in range(degree)] if len(path) <= depth else []
        children = tuple(add((*path, name), (own,)) for name in below)
        by_id[own] = Topic(own, path[-1], parents, children)
        return own

    root = add(("r",), ())
    return Topics("tree", root, by_id)


@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 30), st.integers(0, 200))
def test_each_larger_plan_has_the_leaves_of_a_preview(depth: int, degree: int, few: int, more: int) -> None:
    topics = tree(depth, degree)
    few = min(few, len(topics.leaves))
    chosen = {topic.id for topic, _ in spread(topics, few).leaves}
    assert len(chosen) == few
    plan = Plan(topics, few + more)
    assert all(plan.index_of(topic, 0) is not None for topic in chosen)


def test_they_are_of_different_branches() -> None:
    chosen = spread(tree(3, 4), 6)
    branches = [path[1] for _, path in chosen.leaves]
    assert len(set(branches)) == 4
    assert max(branches.count(branch) for branch in branches) == 2


def test_a_larger_preview_has_the_leaves_of_a_smaller_one() -> None:
    topics = tree(2, 5)
    sizes = [{topic.id for topic, _ in spread(topics, count).leaves} for count in (1, 3, 7, 20)]
    assert all(smaller < larger for smaller, larger in pairwise(sizes))


def test_topics_that_grew_to_no_leaf_have_none() -> None:
    topics = tree(1, 3)
    chosen = SpreadLeaves(2)
    chosen.divide(None, [topics.root])
    chosen.divide(topics.root, topics.own_children(topics.by_id[topics.root]))
    assert chosen.only(topics, depth=2) is None
    found = chosen.only(topics, depth=1)
    assert found is not None
    assert len(found.leaves) == 2
