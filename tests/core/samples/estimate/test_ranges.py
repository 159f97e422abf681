"""Ranges: how they are combined, and how often they hold what they are said to hold."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.amounts import Range
from deepfabric_core.samples.estimate.ranges import NOTHING, Rate, apart, events, mean_of_more, times, together, within

POSITIVE = st.floats(0.01, 1e6)
RANGES = st.builds(within, POSITIVE, st.floats(1.0, 20.0))


@given(st.lists(RANGES, min_size=1, max_size=6))
def test_what_is_wrong_by_chance_is_less_uncertain_than_what_is_wrong_together(parts: list[Range]) -> None:
    chance, same = apart(parts), together(parts)
    assert chance.likely == pytest.approx(same.likely)
    slack = 1e-6 * same.likely
    assert same.low - slack <= chance.low <= chance.likely <= chance.high <= same.high + slack


@given(RANGES, RANGES)
def test_a_product_is_as_uncertain_as_either_factor_at_least(one: Range, other: Range) -> None:
    product = times(one, other)
    assert product.likely == pytest.approx(one.likely * other.likely)
    for factor in (one, other):
        assert product.high / product.likely >= factor.high / factor.likely * (1 - 1e-9)
        assert product.likely / product.low >= factor.likely / factor.low * (1 - 1e-9)


@given(st.lists(POSITIVE, min_size=1, max_size=30), st.integers(1, 10_000))
def test_the_likely_mean_of_more_is_that_of_those_seen(values: list[float], more: int) -> None:
    range_ = mean_of_more(values, more)
    assert range_.likely == pytest.approx(sum(values) / len(values))
    assert 0 < range_.low <= range_.likely <= range_.high


def test_the_more_are_seen_the_narrower_is_the_range() -> None:
    chance = random.Random(1)
    values = [chance.lognormvariate(0, 0.5) for _ in range(1000)]
    widths = [
        math.log(range_.high / range_.low) for range_ in (mean_of_more(values[:n], 1000) for n in (1, 3, 10, 100))
    ]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(
    ("draw", "least"),
    [
        (lambda chance: chance.lognormvariate(0, 0.3), 0.9),
        (lambda chance: chance.lognormvariate(0, 0.6), 0.85),
        (lambda chance: chance.gammavariate(4, 1), 0.88),
        (lambda chance: 1.0 if chance.random() < 0.8 else 3.0, 0.8),
    ],
)
def test_after_ten_samples_the_range_holds_what_it_says(draw: Callable[[random.Random], float], least: float) -> None:
    held = 0
    for run in range(400):
        chance = random.Random(run)
        values = [draw(chance) for _ in range(100)]
        range_ = mean_of_more(values[:10], 90)
        held += range_.low <= sum(values[10:]) / 90 <= range_.high
    assert held / 400 >= least


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.1, 0.3])
def test_how_often_something_rare_happens_is_within_its_range(rate: float) -> None:
    held = 0
    for run in range(400):
        chance = random.Random(run)
        happened = [chance.random() < rate for _ in range(110)]
        range_ = events(sum(happened[:10]), 10, 100, Rate(0.05, 7))
        held += range_.low <= sum(happened[10:]) <= range_.high
    assert held / 400 >= 0.85


def test_nothing_happens_among_none() -> None:
    assert events(3, 10, 0, Rate(0.1, 5)) == NOTHING
    assert events(0, 0, 50, Rate(0.0, 5)) == NOTHING
