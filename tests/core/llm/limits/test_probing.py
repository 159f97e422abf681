"""How the rate moves around a limit that was measured."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.llm.limits.probing import multiple_of_limit, small_step


def at(since: float) -> float:
    return multiple_of_limit(since, 2.0, below=0.05, beyond=0.02)


def test_the_rate_is_below_the_limit_then_at_it_and_then_a_little_beyond() -> None:
    assert [at(since) for since in (0.0, 2.0, 4.0, 4.7)] == pytest.approx([0.95, 1.0, 1.02, 1.02])


def test_a_limit_that_was_not_refused_by_then_is_left_behind_quickly() -> None:
    assert at(6.0) > 2.0


def test_where_more_was_saved_the_limit_is_left_behind_later() -> None:
    assert multiple_of_limit(6.0, 2.0, below=0.05, beyond=0.02, saved=True) == pytest.approx(1.02)
    assert multiple_of_limit(8.0, 2.0, below=0.05, beyond=0.02, saved=True) > 2.0


@given(st.floats(0.1, 60), st.floats(0, 0.2), st.floats(0, 0.05), st.floats(0, 1e9))
def test_the_rate_never_falls_until_the_next_refusal_and_stays_finite(
    seconds: float, below: float, beyond: float, last: float
) -> None:
    times = [last * step / 50 for step in range(51)]
    rates = [multiple_of_limit(since, seconds, below=below, beyond=beyond) for since in times]
    assert all(early <= late + 1e-9 for early, late in pairwise(rates))
    assert 1 - below - 1e-9 <= rates[0] and rates[-1] < 1e7


@given(st.floats(0.02, 1e5), st.floats(0.01, 2))
def test_a_step_is_smaller_where_more_calls_begin_until_a_refusal_is_heard(per_second: float, delay: float) -> None:
    assert 0.015 <= small_step(2 * per_second, delay) <= small_step(per_second, delay) <= 0.05
