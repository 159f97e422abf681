"""Branches with weights get more samples than others, or fewer."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.errors import ConfigError
from deepfabric_core.samples.plan import Plan
from deepfabric_core.samples.weights import leaf_weights, unclear_names
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
