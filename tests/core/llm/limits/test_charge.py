"""What calls take of a quota is found by comparing."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.llm.limits.charge import Charge


@given(st.floats(0, 5), st.floats(-2, 5), st.integers(0, 1000))
def test_what_is_taken_at_the_beginning_and_at_the_end_is_told_apart(begin: float, answer: float, seed: int) -> None:
    charge, dice = Charge(), random.Random(seed)
    for _ in range(100):
        begun, answered = dice.uniform(0, 30), dice.uniform(0, 30)
        charge.compare(begun, answered, begin * begun + answer * answered)
    assert (charge.begin, charge.answer) == pytest.approx((begin, answer), abs=0.1)
    assert charge.off < 10


def test_as_long_as_as_many_are_answered_as_begin_only_the_sum_is_known() -> None:
    charge = Charge()
    for _ in range(100):
        charge.compare(12, 12, 6)
    assert charge.whole == pytest.approx(0.5, abs=0.05)


@given(st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 3), max_size=30))
def test_nothing_it_is_told_makes_it_useless(comparisons: list[tuple[float, float, float]]) -> None:
    charge = Charge()
    for begun, answered, fell in comparisons:
        charge.compare(begun, answered, fell)
    assert 0 <= charge.begin <= 20 and -20 <= charge.answer <= 20
    assert charge.whole > 0
