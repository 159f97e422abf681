"""What was learned of limits, as a value: how it fades, is divided and added up, and what of JSON is believed."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.llm.limits.learned import Learned, from_json, to_json, total

HALF_A_DAY = 43_200.0
FORGOTTEN = 3 * 86_400.0

RATES = st.none() | st.floats(0.02, 10_000)
NUMBERS = st.none() | st.integers(1, 10_000)
LEARNED = st.builds(Learned, RATES, NUMBERS, NUMBERS, st.none() | st.floats(0.01, 60))
AGES = st.floats(0, FORGOTTEN)


def known(value: Learned | None) -> Learned:
    assert value is not None
    return value


def test_what_is_fresh_is_taken_as_it_is() -> None:
    learned = Learned(80.0, 50, 50, 0.2)
    assert learned.faded(0.0) == learned


def test_what_is_half_a_day_old_is_trusted_by_four_fifths() -> None:
    assert Learned(100.0, 50, 40, 0.2).faded(HALF_A_DAY) == Learned(80.0, 40, 32, 0.2)


@given(LEARNED, AGES, AGES)
def test_the_older_it_is_the_less_of_it_is_taken_and_never_more_than_was_learned(
    learned: Learned, one: float, other: float
) -> None:
    younger, older = (known(learned.faded(age)) for age in sorted((one, other)))
    for least, more, most in (
        (older.per_second, younger.per_second, learned.per_second),
        (older.at_once, younger.at_once, learned.at_once),
        (older.accepted_at_once, younger.accepted_at_once, learned.accepted_at_once),
    ):
        assert (least is None) == (more is None) == (most is None)
        assert (least or 0) <= (more or 0) <= (most or 0)
        assert least is None or least > 0
    assert older.delay == learned.delay


@given(LEARNED, st.floats(min_value=math.nextafter(FORGOTTEN, math.inf)))
def test_after_three_days_it_is_forgotten(learned: Learned, age: float) -> None:
    assert learned.faded(age) is None


@pytest.mark.parametrize("age", [-3600.0, math.nan, -math.inf])
def test_what_was_learned_in_the_future_is_not_believed(age: float) -> None:
    assert Learned(80.0).faded(age) is None


def test_clocks_may_differ_a_little() -> None:
    assert Learned(80.0).faded(-5.0) == Learned(80.0)


@given(LEARNED, st.integers(1, 20))
def test_equal_parts_add_up_to_the_whole(learned: Learned, parts: int) -> None:
    whole = known(total([learned.part(1 / parts)] * parts))
    assert whole.per_second == pytest.approx(learned.per_second)
    assert (whole.at_once is None) == (learned.at_once is None)
    assert abs((whole.at_once or 0) - (learned.at_once or 0)) <= parts
    assert whole.delay == learned.delay


def test_who_knows_nothing_adds_nothing() -> None:
    assert total([]) is None
    assert total([None, None]) is None
    assert total([None, Learned(20.0), Learned(at_once=5, delay=0.1)]) == Learned(20.0, 5, None, 0.1)


@given(LEARNED.filter(lambda one: bool(one.per_second or one.at_once or one.accepted_at_once)))
def test_json_holds_it_with_rounded_numbers(learned: Learned) -> None:
    read = known(from_json(json.loads(json.dumps(to_json(learned)))))
    assert read.per_second == pytest.approx(learned.per_second, abs=1e-4)
    assert (read.at_once, read.accepted_at_once) == (learned.at_once, learned.accepted_at_once)
    assert read.delay == pytest.approx(learned.delay, abs=1e-4)


@pytest.mark.parametrize(
    "value", [None, "80", True, -1, 0, math.nan, math.inf, 10**400, [80], {"per_second": 80}], ids=lambda v: repr(v)[:9]
)
def test_numbers_that_make_no_sense_are_not_known(value: Any) -> None:
    assert from_json(dict.fromkeys(("per_second", "at_once", "accepted_at_once", "delay"), value)) is None
    assert from_json({"per_second": 80, "at_once": value, "delay": value}) == Learned(80.0)
