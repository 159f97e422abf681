"""Branches with weights get more samples than others, or fewer."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.errors import ConfigError
from deepfabric_core.samples.plan import Plan
from deepfabric_core.samples.weights import count_for_exact_shares, leaf_weights, shared_out, unclear_names
from deepfabric_core.topics.edit import weigh
from deepfabric_core.topics.find import find
from deepfabric_core.topics.model import Topics
from tests.core.samples.test_plan import COUNTS, TREES, even_tree

WEIGHTS = st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, 3.0, 40.0]), min_size=20, max_size=20)


def weighted(topics: Topics, count: int, weights: list[float]) -> Plan:
    used = tuple(weights[: len(topics.leaves)])
    return Plan(topics, count, used if any(used) else (1.0, *used[1:]))


@given(TREES, COUNTS, WEIGHTS)
def test_a_weighted_plan_has_the_count_asked_for_in_order_and_knows_its_places(
    topics: Topics, count: int, weights: list[float]
) -> None:
    plan = weighted(topics, count, weights)
    items = list(plan)
    assert [plan.index_of(item.topic_id, item.cycle) for item in items] == list(range(count))
    assert [item.cycle for item in items] == sorted(item.cycle for item in items)
    assert items[-1].cycle + 1 == plan.cycles


@given(TREES, COUNTS, COUNTS, WEIGHTS)
def test_a_larger_weighted_plan_holds_every_key_of_a_smaller_one(
    topics: Topics, one: int, other: int, weights: list[float]
) -> None:
    fewer, more = ({(i.topic_id, i.cycle) for i in weighted(topics, count, weights)} for count in sorted((one, other)))
    assert fewer <= more


@given(TREES, COUNTS)
def test_equal_weights_change_nothing(topics: Topics, count: int) -> None:
    assert list(Plan(topics, count, (2.0,) * len(topics.leaves))) == list(Plan(topics, count))


def test_a_branch_of_weight_three_gets_three_times_as_much_of_each_topic() -> None:
    topics = even_tree(branches=3, twigs=2)
    weights = leaf_weights(topics, {"b1": 3, "b2 > t0": 0, "B2 > T1": 1})
    assert weights == (1, 1, 3, 3, 0, 1)
    shares = Counter(item.path[1:] for item in Plan(topics, 18, weights))
    assert shares == {("b0", "t0"): 2, ("b0", "t1"): 2, ("b1", "t0"): 6, ("b1", "t1"): 6, ("b2", "t1"): 2}


def test_names_that_mean_nothing_here_are_told_and_the_rest_counts() -> None:
    topics = even_tree(branches=2, twigs=2)
    names = {"t0": 2.0, "b7": 2.0, "b0": 2.0}
    assert leaf_weights(topics, names) == (2, 2, 1, 1)
    several, none = unclear_names(topics, names)
    assert "'t0' means several topics" in several and "no topic 'b7'" in none
    assert leaf_weights(topics, {"b7": 2.0}) == ()


def test_weights_that_leave_nothing_to_make_are_refused() -> None:
    with pytest.raises(ConfigError, match="every topic has the weight 0"):
        leaf_weights(even_tree(2, 2), {"root": 0})


KEPT = st.sets(st.tuples(st.integers(0, 19), st.integers(0, 4)), max_size=40)


@given(TREES, COUNTS, WEIGHTS, KEPT)
def test_what_is_made_stays_the_total_is_kept_and_the_rest_comes_as_near_the_weights_as_whole_samples_allow(
    topics: Topics, count: int, weights: list[float], kept: set[tuple[int, int]]
) -> None:
    leaves = [topic.id for topic, _ in topics.leaves]
    made = frozenset((leaves[place], cycle) for place, cycle in kept if place < len(leaves))
    before = weighted(topics, count, weights)
    plan = Plan(topics, count, before.weights, made)
    items = [(item.topic_id, item.cycle) for item in plan]
    assert [plan.index_of(*key) for key in items] == list(range(count))
    assert made.issuperset(items) if len(made) >= count else made.issubset(items)
    shares, there = Counter(own for own, _ in items), Counter(own for own, _ in made)
    claims = {own: (shares[own], weight) for own, weight in zip(leaves, before.weights, strict=True)}
    last = [(share - 0.5) / weight if weight else math.inf for share, weight in claims.values()]
    added = [claim for own, claim in zip(leaves, last, strict=True) if shares[own] > there[own]]
    first = [(share + 0.5) / weight for share, weight in claims.values() if weight]
    assert not added or max(added) <= min(first), "no sample given to one topic was claimed more by another"
    assert not made.issubset((i.topic_id, i.cycle) for i in before) or items == [(i.topic_id, i.cycle) for i in before]


@given(TREES, COUNTS, WEIGHTS, KEPT, st.data())
def test_a_plan_stays_the_same_while_it_is_carried_out(
    topics: Topics, count: int, weights: list[float], kept: set[tuple[int, int]], data: st.DataObject
) -> None:
    leaves = [topic.id for topic, _ in topics.leaves]
    made = frozenset((leaves[place], cycle) for place, cycle in kept if place < len(leaves))
    plan = Plan(topics, count, weighted(topics, count, weights).weights, made)
    items = [(item.topic_id, item.cycle) for item in plan]
    more = frozenset(data.draw(st.lists(st.sampled_from(items))))
    assert list(Plan(topics, count, plan.weights, made | more)) == list(plan) or len(made) > count


def test_the_count_that_gives_each_topic_its_share_has_room_for_what_is_made() -> None:
    assert count_for_exact_shares((1, 1, 1), (2.0, 1.0, 1.0)) == 4
    assert shared_out(4, (2.0, 1.0, 1.0), (0, 1, 2), made=(1, 1, 1)) == [2, 1, 1]
    assert count_for_exact_shares((0, 0), (1.0, 1.0)) == 0


def test_a_weight_set_by_hand_counts_and_one_of_the_config_counts_more() -> None:
    topics = even_tree(branches=3, twigs=2)
    by_hand = weigh(weigh(topics, [find(topics, "b1").id], 3), [find(topics, "b2 > t0").id], 0)
    assert leaf_weights(by_hand, {}) == (1, 1, 3, 3, 0, 1)
    assert leaf_weights(by_hand, {"b1": 2, "b0": 0.5}) == (0.5, 0.5, 2, 2, 0, 1)
    assert weigh(weigh(topics, [topics.root], 2), [topics.root], None) == topics
