"""The shards of a plan."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.samples.plan import Plan, WorkItem
from deepfabric_core.samples.shards import Layout, Shard, ShardPlan, merged_blocks, topics_of
from deepfabric_core.topics.formats import parse_topics
from deepfabric_core.topics.model import Topics


def tree(branches: int, leaves: int) -> Topics:
    paths = (f'{{"path": ["Tea", "b{b}", "l{leaf}"]}}' for b in range(branches) for leaf in range(leaves))
    return parse_topics("\n".join(paths), source="tea")[0]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    topics = tree(draw(st.integers(1, 4)), draw(st.integers(1, 5)))
    weights = st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=len(topics.leaves), max_size=len(topics.leaves))
    chosen = tuple(draw(weights)) if draw(st.booleans()) else ()
    return Plan(topics, draw(st.integers(1, 60)), chosen if any(chosen) else ())


layouts = st.builds(Layout, st.integers(1, 7), st.none() | st.integers(1, 5))


def keys(items: list[WorkItem]) -> list[tuple[str, int]]:
    return [(item.topic_id, item.cycle) for item in items]


@given(plans(), layouts)
def test_the_shards_of_a_plan_hold_each_of_its_items_once(plan: Plan, layout: Layout) -> None:
    shards = list(layout.shards(plan.shares))
    made = [key for shard in shards for key in keys(list(ShardPlan(topics_of(plan.topics, shard), shard)))]
    assert sorted(made) == sorted(keys(list(plan)))
    assert len(plan) == sum(map(len, shards))


@given(plans(), layouts)
def test_the_blocks_of_shards_in_order_are_the_plan_in_its_order(plan: Plan, layout: Layout) -> None:
    shards = list(layout.shards(plan.shares))
    left = [iter(ShardPlan(topics_of(plan.topics, shard), shard)) for shard in shards]
    merged = [next(left[place]) for place, cycle in merged_blocks(shards) for _ in range(shards[place].planned(cycle))]
    assert keys(merged) == keys(list(plan))


@given(plans(), layouts)
def test_a_shard_finds_its_own_items_and_no_others(plan: Plan, layout: Layout) -> None:
    for shard in layout.shards(plan.shares):
        own = ShardPlan(topics_of(plan.topics, shard), shard)
        assert all(own.index_of(item.topic_id, item.cycle) == item.index for item in own)
        assert sum(own.index_of(item.topic_id, item.cycle) is not None for item in plan) == len(own)


@given(plans(), layouts, st.integers(1, 40))
def test_the_shards_of_a_larger_plan_begin_with_those_of_the_smaller_one(plan: Plan, layout: Layout, more: int) -> None:
    larger = {one.number: one for one in layout.shards(Plan(plan.topics, plan.count + more, plan.weights).shares)}
    for shard in layout.shards(plan.shares):
        same = larger[shard.number]
        assert (same.first_leaf, same.first_cycle) == (shard.first_leaf, shard.first_cycle)
        assert all(new >= old for new, old in zip(same.shares, shard.shares, strict=True))


@given(plans())
def test_a_leaf_gets_as_many_samples_as_it_has_items(plan: Plan) -> None:
    items = [item.topic_id for item in plan]
    assert plan.shares == [items.count(leaf.id) for leaf, _ in plan.topics.leaves]


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=300).filter(any),
    st.integers(1, 500),
    st.integers(1, 8),
    st.integers(1, 40),
)
def test_a_shard_has_enough_topics_for_its_worker_and_is_not_very_large(
    shares: list[int], size: int, workers: int, at_once: int
) -> None:
    layout, each = Layout.of(shares, size, workers=workers, at_once=at_once), sum(shares) / len(shares)
    fewest = min(at_once + 1, -(-len(shares) // workers))
    assert all(len(shard.shares) >= fewest for shard in layout.shards(shares))
    assert layout.cycles is not None or layout.leaves * each <= max(4 * size, each)


def test_a_part_of_a_graph_keeps_the_ids_and_the_paths_of_its_leaves() -> None:
    nodes = {
        "0": {"id": 0, "topic": "Tea", "children": [1, 2], "parents": []},
        "1": {"id": 1, "topic": "Green", "children": [3], "parents": [0]},
        "2": {"id": 2, "topic": "Black", "children": [3, 4], "parents": [0]},
        "3": {"id": 3, "topic": "Water", "children": [], "parents": [1, 2]},
        "4": {"id": 4, "topic": "Milk", "children": [], "parents": [2]},
    }
    topics, _ = parse_topics(json.dumps({"nodes": nodes, "root_id": 0}), source="tea.json")
    for place, (leaf, path) in enumerate(topics.leaves):
        part = topics_of(topics, Shard(place, place, (1,)))
        assert [(one.id, own) for one, own in part.leaves] == [(leaf.id, path)]
