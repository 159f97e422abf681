"""How a quota fills up is told from what its headers say, if they say anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.llm.limits.filling import Filling, Statement


def told(filling: Filling, remaining: float, reset: float, at: float) -> None:
    """One more statement of a call that took half a second."""
    filling.add(Statement(remaining, reset, at - 0.5, at, 0.0, 0.0, 0.0, 0.0), usual=1.0, taken=0.0)


@given(st.floats(0.5, 500), st.floats(5, 120), st.floats(0, 1e6), st.booleans())
def test_a_bucket_is_known_by_resets_that_grow_with_what_is_missing(
    per_second: float, seconds: float, at: float, whole: bool
) -> None:
    filling, most = Filling(), per_second * seconds
    for step in range(40):
        missing = most * step / 40
        reset = missing / per_second
        told(filling, most - missing, float(int(reset)) if whole else reset, at + step / 10)
    if most >= 16 and seconds >= (12 if whole else 1):
        assert filling.kind == "steady"
        assert filling.per_second == pytest.approx(per_second, rel=0.25 if whole else 0.01)
    assert filling.kind != "windows"


@given(st.integers(20, 5000), st.floats(10, 86_400), st.booleans())
def test_a_window_is_known_by_resets_at_one_moment(most: int, seconds: float, whole: bool) -> None:
    filling = Filling()
    for step in range(40):
        reset = seconds - step / 10
        told(filling, most - most * step // 40, float(int(reset + 1)) if whole else reset, 5.0 + step / 10)
    assert filling.kind == "windows"
    last = Statement(0, seconds - 4, 8.5, 9.0, 0.0, 0.0, 0.0, 0.0)
    assert filling.full_at(last) == pytest.approx(5.0 + seconds, abs=1.1)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 1.0, 60.0])), min_size=30, max_size=60))
def test_of_headers_that_hardly_change_nothing_is_known(statements: list[tuple[int, float]]) -> None:
    filling = Filling()
    for number, (remaining, reset) in enumerate(statements):
        told(filling, remaining, reset, float(number))
    assert filling.kind == "unknown"


def test_a_debt_that_is_stated_as_nothing_is_read_from_the_reset() -> None:
    filling = Filling()
    for step in range(41):
        told(filling, 400 - 10 * step, step / 10, step / 100)
    assert filling.left(Statement(0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)) == pytest.approx(-100, abs=10)
    assert filling.left(Statement(7, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)) == 7
