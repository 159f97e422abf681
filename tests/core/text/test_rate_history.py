"""The rate over the last minute: numbers for one second each, and their picture."""

from __future__ import annotations

from functools import reduce as fold

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.events import Event, LimiterChanged, Paused, SampleFinished, StageFinished, StageStarted, WentOn
from deepfabric_core.run.state import RunState, reduce
from deepfabric_core.text.rate_history import WINDOW, RateHistory, heights, sparkline

MADE = SampleFinished("id", ("a",), 1, 1, "question", "answer")


def begun(done: int = 0, stage: StageStarted | None = None) -> RunState:
    return reduce(RunState(), stage or StageStarted("samples", 100_000, 4, 0.0, done))


def after(state: RunState, samples: int, *events: Event) -> RunState:
    return fold(reduce, [*[MADE] * samples, *events], state)


def of(samples: list[int], state: RunState | None = None) -> RateHistory:
    """The history of a stage that makes so many samples in each second."""
    history, state = RateHistory(), state or begun()
    history.note(state, 0.0)
    for second, number in enumerate(samples, 1):
        state = after(state, number)
        history.note(state, float(second))
    return history


def test_nothing_is_known_in_the_first_second() -> None:
    history = RateHistory()
    history.note(RunState(), 0.0)
    history.note(begun(), 0.0)
    history.note(after(begun(), 10), 0.9)
    assert history.rate is None
    assert history.rates(60) == history.in_flight(60) == []
    assert sparkline(history.rates(60), 8, "12345678") == [" " * 8]


@pytest.mark.parametrize("samples", [0, 1, 10, 10_000])
def test_the_rate_is_what_was_made_in_the_time_that_is_shown(samples: int) -> None:
    history = of([samples, 0, 0, 0])
    assert history.rate == samples / 4
    assert history.rates(60)[0] == samples
    assert max(heights(history.rates(60), 100)) == (100 if samples else 0)


def test_after_a_minute_the_rate_is_that_of_the_last_minute() -> None:
    history = of([10] * 100 + [2] * 60)
    assert history.rate == 2.0
    assert len(history.rates(200)) == WINDOW


@pytest.mark.parametrize("columns", [1, 7, 15, 20, 30, 35, 59, 60, 90])
def test_fewer_columns_show_the_same_minute(columns: int) -> None:
    history = of([1] * 60 + [9] * 10 + [1] * 50)
    shown = history.rates(columns)
    seconds = -(-WINDOW // columns)
    assert len(shown) <= columns
    assert len(shown) * seconds >= WINDOW - seconds
    assert shown[0] > shown[-1] == 1.0 or columns == 1


def test_a_column_keeps_its_seconds_while_the_picture_moves_on() -> None:
    steps = [n % 7 for n in range(90)]
    earlier, later = of(steps[:60]).rates(20), of(steps[:63]).rates(20)
    assert later[-4:-1] == earlier[-3:]


def test_samples_of_an_earlier_run_are_not_of_this_minute() -> None:
    history = of([0, 0], begun(done=5000))
    assert history.rate == 0.0


def test_a_second_in_which_nothing_is_drawn_counts_as_well() -> None:
    history, state = RateHistory(), begun()
    history.note(state, 100.0)
    history.note(after(state, 8), 104.0)
    assert history.rates(60) == [2.0] * 4


def test_moments_at_which_it_is_drawn_do_not_matter() -> None:
    history, state = RateHistory(), begun()
    for tick in range(241):  # four times a second, a bit late, with 5 samples each time
        history.note(state, tick * 0.26)
        state = after(state, 5)
    assert history.rate == pytest.approx(5 / 0.26, rel=0.02)
    assert heights(history.rates(60), 8) == [8] * len(history.rates(60))


def test_in_a_pause_it_stands_still_once_the_calls_in_flight_have_ended() -> None:
    history, state = RateHistory(), begun()
    history.note(state, 0.0)
    state = after(state, 8, LimiterChanged(4, 2, 0), Paused(1.0))
    history.note(state, 1.0)
    state = after(state, 2, LimiterChanged(4, 0, 0))
    for tick in range(5, 2400):
        history.note(state, tick / 4)
    assert history.rates(60) == [8.0]
    state = after(state, 0, WentOn(600.0))
    history.note(after(state, 8), 600.75)
    assert history.rates(60) == [8.0, 8.0]


def test_a_clock_that_is_set_back_costs_a_second_and_no_more() -> None:
    history, state = RateHistory(), begun()
    for second in (5000.0, 5001.0, 5002.0, 100.0, 101.0, 102.0):
        history.note(state, second)
        state = after(state, 3)
    assert history.rates(60) == [3.0] * 4
    assert history.rate == 3.0


def test_a_clock_that_is_set_forward_leaves_a_minute_at_most() -> None:
    history, state = of([3, 3]), after(begun(), 6)
    history.note(after(state, 3), 1e9)
    assert len(history.rates(60)) == len(history.in_flight(60)) == WINDOW
    assert min(history.rates(60)) >= 0


def test_each_stage_begins_anew_and_what_lies_between_is_not_counted() -> None:
    history, state = of([3, 3]), after(begun(), 6)
    history.note(after(state, 0, StageFinished("samples", 3.0)), 3.0)
    history.note(begun(stage=StageStarted("topics", 5, 2, 4.0)), 4.0)
    assert history.rate is None


@given(st.lists(st.floats(0, 1e6), max_size=50), st.integers(0, 60), st.integers(1, 5))
def test_a_sparkline_has_its_size_and_its_highest_value_at_the_top(values: list[float], width: int, rows: int) -> None:
    lines = sparkline(values, width, "12345678", rows)
    assert [len(line) for line in lines] == [width] * rows
    shown = values[-width:] if width else []
    if shown and max(shown) > 0:
        assert "8" in lines[0]
