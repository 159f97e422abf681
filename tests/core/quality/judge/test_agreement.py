"""Kappa is 1 for equal labels, 0 for independent ones, and the same from either side."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.quality.judge.agreement import Agreement, agreement, kappa, weighted_kappa

PAIRS = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=60)


def lists(pairs: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [one for one, _ in pairs], [other for _, other in pairs]


@given(st.lists(st.integers(1, 5), min_size=1))
def test_equal_labels_agree_fully(labels: list[int]) -> None:
    assert kappa(labels, labels) == pytest.approx(1)
    assert weighted_kappa(labels, labels) == pytest.approx(1)


@given(PAIRS)
def test_it_is_the_same_from_either_side_and_never_above_1(pairs: list[tuple[int, int]]) -> None:
    one, other = lists(pairs)
    for measure in (kappa, weighted_kappa):
        value = measure(one, other)
        assert value is not None and value == pytest.approx(measure(other, one))
        assert -1 - 1e-9 <= value <= 1 + 1e-9


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12), st.lists(st.integers(1, 5), min_size=1, max_size=12))
def test_independent_labels_agree_by_chance_alone(one: list[int], other: list[int]) -> None:
    """Each label of the one meets each label of the other as often as their frequencies say."""
    left, right = lists([(a, b) for a in one for b in other])
    if len({*one, *other}) > 1:
        assert kappa(left, right) == pytest.approx(0, abs=1e-9)
        assert weighted_kappa(left, right) == pytest.approx(0, abs=1e-9)


@given(PAIRS)
def test_neither_the_order_of_samples_nor_the_names_of_labels_count(pairs: list[tuple[int, int]]) -> None:
    one, other = lists(pairs)
    shuffled = sorted(pairs)
    assert kappa(*lists(shuffled)) == pytest.approx(kappa(one, other))
    assert kappa(list(map(str, one)), list(map(str, other))) == pytest.approx(kappa(one, other))


@given(PAIRS, st.integers(-50, 50), st.integers(1, 9))
def test_weighted_kappa_does_not_depend_on_the_scale(pairs: list[tuple[int, int]], shift: int, factor: int) -> None:
    one, other = lists(pairs)
    scaled = weighted_kappa([shift + factor * a for a in one], [shift + factor * b for b in other])
    assert scaled == pytest.approx(weighted_kappa(one, other), abs=1e-9)


def test_known_values() -> None:
    """Two by two tables that are often used as examples: 20, 5, 10, 15 and 45, 15, 25, 15."""
    one = "y" * 25 + "n" * 25
    assert kappa(one, "y" * 20 + "n" * 5 + "y" * 10 + "n" * 15) == pytest.approx(0.4)
    pairs = [("y", "y")] * 45 + [("y", "n")] * 15 + [("n", "y")] * 25 + [("n", "n")] * 15
    assert kappa([a for a, _ in pairs], [b for _, b in pairs]) == pytest.approx(0.1304, abs=1e-4)


def test_with_weights_near_scores_disagree_less_than_far_ones() -> None:
    near, far = weighted_kappa([1, 2, 3, 4, 5], [2, 2, 3, 4, 5]), weighted_kappa([1, 2, 3, 4, 5], [5, 2, 3, 4, 5])
    assert near is not None and far is not None and near > far


def test_nothing_to_compare_gives_nothing() -> None:
    assert kappa([], []) is None and weighted_kappa([], []) is None
    assert agreement([], []) == Agreement(0, 0.0, None)


def test_lists_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="1 labels can't be compared with 2"):
        kappa("y", "yn")


def test_agreement_tells_the_share_too() -> None:
    assert agreement([True, True, False, False], [True, True, True, False]) == Agreement(4, 0.75, 0.5)


def test_many_samples_take_no_time() -> None:
    scores = [number * 0.37 % 5 for number in range(10_000)]
    began = time.process_time()
    assert kappa(scores, scores[::-1]) is not None and weighted_kappa(scores, scores[::-1]) is not None
    assert time.process_time() - began < 5
