"""The laws of the plan."""

from collections import Counter
from json import dumps

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.samples.plan import Plan, count_samples
from deepfabric_core.topics.formats import parse_topics
from deepfabric_core.topics.model import TopicPath, Topics


def tree(*paths: TopicPath) -> Topics:
    return parse_topics("\n".join(dumps({"path": ["root", *path]}) for path in paths), source="t")[0]


def even_tree(branches: int, twigs: int) -> Topics:
    return tree(*((f"b{b}", f"t{t}") for b in range(branches) for t in range(twigs)))


TREES = st.lists(st.lists(st.sampled_from("abcd"), max_size=4).map(tuple), min_size=1, max_size=20).map(
    lambda paths: tree(*paths)
)
COUNTS = st.integers(1, 90)


@given(TREES, COUNTS)
def test_a_plan_has_exactly_the_count_asked_for_and_distinct_keys(topics: Topics, count: int) -> None:
    items = list(Plan(topics, count))
    assert len(items) == len(Plan(topics, count)) == count
    assert [item.index for item in items] == list(range(count))
    assert len({(item.topic_id, item.cycle) for item in items}) == count


@given(TREES, COUNTS)
def test_each_topic_gets_equally_many_samples_up_to_one(topics: Topics, count: int) -> None:
    shares = Counter(item.topic_id for item in Plan(topics, count))
    each = [shares[topic.id] for topic, _ in topics.leaves]
    assert sum(each) == count and max(each) - min(each) <= 1


@given(TREES, COUNTS)
def test_items_come_by_cycle_and_then_in_the_order_of_the_topics(topics: Topics, count: int) -> None:
    place = {topic.id: index for index, (topic, _) in enumerate(topics.leaves)}
    order = [(item.cycle, place[item.topic_id]) for item in Plan(topics, count)]
    assert order == sorted(order)
    assert order[-1][0] + 1 == Plan(topics, count).cycles


@given(TREES, COUNTS, COUNTS)
def test_a_larger_plan_holds_every_key_of_a_smaller_one(topics: Topics, one: int, other: int) -> None:
    keys = [{(i.topic_id, i.cycle) for i in Plan(topics, count)} for count in sorted((one, other))]
    assert keys[0] <= keys[1]


@given(st.integers(1, 6), st.integers(1, 6), COUNTS)
def test_a_partial_cycle_is_spread_over_the_branches(branches: int, twigs: int, count: int) -> None:
    topics = even_tree(branches, twigs)
    shares = Counter(item.path[1] for item in Plan(topics, count))
    each = [shares[f"b{b}"] for b in range(branches)]
    assert max(each) - min(each) <= 1


@given(TREES, COUNTS)
def test_each_item_carries_its_topics_own_path(topics: Topics, count: int) -> None:
    paths = {topic.id: path for topic, path in topics.leaves}
    assert all(paths[item.topic_id] == item.path for item in Plan(topics, count))


@pytest.mark.parametrize(
    ("wanted", "leaves", "count"),
    [(1, 9, 1), (60, 25, 60), ("auto", 25, 25), ("50%", 25, 12), ("200%", 25, 50), ("1%", 9, 1), ("100%", 27, 27)],
)
def test_a_number_of_samples_is_counted_exactly(wanted: int | str, leaves: int, count: int) -> None:
    assert count_samples(wanted, leaves) == count
