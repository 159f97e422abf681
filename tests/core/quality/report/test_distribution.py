"""How often numbers occur: quantiles, histograms, and that the order of adding up makes no difference."""

from __future__ import annotations

import pickle
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.quality.report.distribution import Distribution

numbers = st.lists(st.one_of(st.integers(0, 50), st.integers(0, 10**7)), max_size=60)


def counted(values: list[int]) -> Distribution:
    found = Distribution()
    for value in values:
        found.add(value)
    return found


def test_quantiles_of_usual_lengths_are_exact() -> None:
    found = counted(list(range(1, 101))).as_object()
    assert found is not None
    assert (found["min"], found["median"], found["p95"], found["max"]) == (1, 50, 95, 100)
    assert found["mean"] == 50.5 and found["sum"] == 5050


def test_nothing_counted_is_nothing_said() -> None:
    assert Distribution().as_object() is None
    assert Distribution().histogram() == []
    assert Distribution().quantile(0.5) is None


def test_one_giant_does_not_squeeze_the_others_into_one_bar() -> None:
    bars = counted([*range(100, 300), 10**6]).histogram()
    assert len(bars) > 8
    assert bars[-1]["to"] > 10**6
    assert max(bar["count"] for bar in bars) <= 30


@given(numbers, numbers)
def test_sums_of_two_parts_are_those_of_the_whole(one: list[int], other: list[int]) -> None:
    whole, merged = counted(one + other), counted(one)
    merged.merge(counted(other))
    assert merged.as_object() == whole.as_object()


@given(numbers.filter(bool))
def test_the_bars_have_each_number_once_and_follow_each_other(values: list[int]) -> None:
    bars = counted(values).histogram()
    assert sum(bar["count"] for bar in bars) == len(values)
    assert all(one["to"] == next_one["from"] for one, next_one in pairwise(bars))
    assert bars[0]["from"] <= min(values) * 1.001 and len(bars) <= 26


@given(numbers.filter(bool))
def test_large_numbers_are_known_to_a_thousandth(values: list[int]) -> None:
    found = counted(values).as_object()
    assert found is not None
    assert found["sum"] == sum(values)
    assert abs(found["max"] - max(values)) <= max(values) / 1000
    assert abs(found["median"] - sorted(values)[(len(values) - 1) // 2]) <= max(values) / 1000


def test_a_million_different_lengths_take_bounded_room() -> None:
    found = counted([3 * number for number in range(200_000)])
    assert len(pickle.dumps(found)) < 100_000
