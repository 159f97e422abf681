"""What `AdaptiveController` makes of each kind of limit, in virtual time; and what holds whatever happens."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.llm.limits.controller import AdaptiveController
from deepfabric_core.llm.limits.recent import Call
from tests.core.llm.limits.virtual_provider import Crowd, Terms

HUNDRED = Terms(per_second=100, burst=10)
BURSTS = replace(HUNDRED, burst=100)
WINDOWS = replace(HUNDRED, window=1.0)
COUNTING = replace(HUNDRED, refused_count=True)
FIFTY = Terms(at_once=50)
MINUTE = Terms(per_second=1, burst=10)

SEEDS = (1, 2, 3)


def served(terms: Terms, samples: int = 2000, ceiling: int = 256, seed: int = 1) -> Crowd:
    crowd = Crowd(terms, samples, ceiling, seed).run()
    assert crowd.answered == samples
    return crowd


def case(terms: Terms, least: float = 0.9, **terms_too: Any) -> Any:
    told = {key: value for key, value in vars(terms).items() if value != getattr(Terms(), key)} | terms_too
    return pytest.param(replace(terms, **terms_too), least, id=" ".join(f"{key}={told[key]}" for key in told))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("terms", "least"),
    [
        *(
            case(terms, latency=latency, headers=headers)
            for terms in (HUNDRED, BURSTS, WINDOWS, COUNTING)
            for latency in (0.05, 0.2, 0.5)
            for headers in (None, "answer")
        ),
        *(case(terms, latency=0.05, headers="arrival") for terms in (HUNDRED, BURSTS, WINDOWS, COUNTING)),
        *(case(terms, 0.85, latency=0.2, headers="arrival") for terms in (HUNDRED, WINDOWS, COUNTING)),
        *(case(terms, 0.85, latency=0.5, headers="arrival") for terms in (HUNDRED, WINDOWS)),
        case(BURSTS, latency=0.2, headers="arrival"),
        case(BURSTS, latency=0.5, headers="arrival"),
        case(COUNTING, 0.8, latency=0.5, headers="arrival"),
        case(HUNDRED, latency=0.2, spread=0.5),
        case(FIFTY, 0.85, latency=0.2),
        case(FIFTY, latency=0.5),
        case(FIFTY, 0.85, latency=0.5, spread=0.3),
    ],
)
def test_a_limit_is_used_nearly_whole_and_hardly_ever_overstepped(terms: Terms, least: float, seed: int) -> None:
    crowd = served(terms, seed=seed)
    assert crowd.share_of_ideal >= least
    assert crowd.refused_per_sample <= 0.05


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("latency", [0.2, 1.0])
@pytest.mark.parametrize("burst", [10, 60])
def test_sixty_a_minute_are_used_and_not_pressed_against(burst: int, latency: float, seed: int) -> None:
    crowd = served(replace(MINUTE, burst=burst, latency=latency), 300, 64, seed)
    assert crowd.share_of_ideal >= 0.95
    assert crowd.refused_per_sample <= 0.3


@pytest.mark.parametrize("ceiling", [8, 32, 128, 256])
def test_where_there_is_no_limit_none_is_felt(ceiling: int) -> None:
    crowd = served(Terms(), 10 * ceiling, ceiling)
    assert crowd.share_of_ideal >= 0.95
    assert crowd.peak == ceiling


def test_a_ceiling_that_rises_late_in_a_run_is_reached_as_quickly_as_at_first() -> None:
    crowd = Crowd(Terms(), 10_000, ceiling=32).run(until=20.0)
    crowd.controller.ceiling = 256
    assert crowd.run(until=20.5).controller.in_flight > 250


def test_no_more_calls_are_under_way_than_the_ceiling() -> None:
    assert max(served(terms, ceiling=20).peak for terms in (Terms(), HUNDRED, FIFTY)) == 20


@pytest.mark.parametrize("latency", [0.001, 0.05, 0.2, 0.5])
@pytest.mark.parametrize("burst", [10, 100])
def test_a_provider_that_counts_refused_calls_is_left_alone_long_enough_to_go_on(burst: int, latency: float) -> None:
    crowd = served(replace(COUNTING, burst=burst, latency=latency))
    pauses = [late - early for early, late in zip(crowd.began, crowd.began[1:], strict=False)]
    assert max(pauses) < 1.5
    assert crowd.now < 30


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("retry_after", [0.05, 1.0])
@pytest.mark.parametrize(("share", "seconds"), [(0.1, 60), (0.3, 300)])
def test_refusals_that_have_no_reason_do_not_end_the_work(
    share: float, seconds: float, retry_after: float, seed: int
) -> None:
    terms = Terms(latency=0.05, refused_at_random=share, retry_after=retry_after)
    assert served(terms, 500, 32, seed).now < seconds


def cut_once(calls: int = 40) -> tuple[AdaptiveController, float]:
    """A controller whose opening was refused at 30 calls and that has got going again; and the time."""
    controller = AdaptiveController(ceiling=100)
    opening = [controller.begin(0.1) for _ in range(calls)]
    for call in opening[:30]:
        controller.answered(call, 1.0)
    for call in opening[30:]:
        controller.refused(call, 1.0, 1.0)
    return controller, 3.0


def test_a_burst_of_refusals_is_one_decrease() -> None:
    controller, now = cut_once()
    calls = [controller.begin(now) for _ in range(30)]
    assert [controller.refused(call, now + 0.1, 1.0) for call in calls] == [True] + [False] * 29


def test_refusals_of_calls_from_before_the_cut_leave_the_limits_as_they_are() -> None:
    controller, now = cut_once()
    second = [controller.begin(now) for _ in range(60)]
    for call in second[:40]:
        controller.answered(call, now + 1)
    assert controller.refused(second[59], now + 1, 1.0)  # cuts the number at once for the second time
    after = controller.allowed
    assert not any(controller.refused(call, now + 1.01, 1.0) for call in second[40:59])
    assert controller.allowed == after


@pytest.mark.parametrize("way", [0.003, 0.1])
def test_when_all_is_refused_nothing_begins_before_the_provider_asks_for_it(way: float) -> None:
    crowd = Crowd(Terms(refused_at_random=1.0, retry_after=5.0, way=way), 200).run(until=60.0)
    first = crowd.refused_at[0]
    assert crowd.began
    assert not [at for at in crowd.began if first < at < first + 5.0]
    assert max(crowd.began) > first + 5.0


def test_when_the_limit_is_lifted_the_number_at_once_grows_back_to_the_ceiling() -> None:
    crowd = Crowd(replace(FIFTY, latency=0.5), 100_000).run(until=10.0)
    assert crowd.controller.allowed < 60
    crowd.provider.terms = Terms(latency=0.5)
    assert crowd.run(until=40.0).controller.allowed == 256


def test_when_the_limit_is_lifted_the_rate_grows_back() -> None:
    crowd = Crowd(HUNDRED, 100_000, ceiling=64).run(until=10.0)
    before = sum(at > 9.0 for at in crowd.began)
    crowd.provider.terms = Terms()
    crowd.run(until=40.0)
    assert before < 120
    assert sum(at > 39.0 for at in crowd.began) >= 300


def test_when_the_limit_falls_to_a_third_it_is_found_again() -> None:
    crowd = Crowd(replace(HUNDRED, per_second=300, burst=30), 100_000).run(until=5.0)
    crowd.provider.terms = HUNDRED
    refused, answered = crowd.refused, crowd.answered
    crowd.run(until=15.0)
    assert crowd.answered - answered >= 0.85 * 1000
    assert crowd.refused - refused <= 0.1 * 1000


def test_what_the_provider_says_is_left_is_not_overstepped() -> None:
    controller = AdaptiveController(ceiling=10)
    controller.told(2, 30.0, now=0.0)
    for _ in range(2):
        assert controller.wait(0.0) == 0
        controller.begin(0.0)
    assert 0 < controller.wait(0.0) <= 30.0
    assert controller.wait(30.0) == 0


def test_what_the_provider_says_is_left_includes_calls_that_it_cannot_know_of_yet() -> None:
    controller = AdaptiveController(ceiling=10)
    controller.answered(controller.begin(0.0), 0.5)
    for _ in range(3):
        controller.begin(9.8)
    controller.told(5, 30.0, now=10.0)
    for _ in range(2):
        assert controller.wait(10.0) == 0
        controller.begin(10.0)
    assert controller.wait(10.0) > 0


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "begin", "begin", "answer", "refuse", "end", "told"]),
        st.one_of(st.just(0.0), st.floats(0, 5)),
        st.integers(0, 30),
        st.floats(0, 900),
    ),
    max_size=60,
)


def happen(
    controller: AdaptiveController, what: str, now: float, calls: list[Call], which: int, seconds: float
) -> None:
    """One event; calls are only begun when they may, and ended when there are any."""
    if what == "begin" and controller.wait(now) == 0:
        calls.append(controller.begin(now))
    elif what == "told":
        controller.told(which, seconds, now)
    elif what != "begin" and calls:
        call = calls.pop(which % len(calls))
        match what:
            case "answer":
                controller.answered(call, now)
            case "refuse":
                controller.refused(call, now, seconds)
            case _:
                controller.ended()


def check_sane(controller: AdaptiveController, now: float, calls: list[Call]) -> None:
    assert controller.in_flight == len(calls)
    assert 1 <= controller.allowed <= controller.ceiling
    wait = controller.wait(now)
    assert wait >= 0  # and so isn't NaN
    assert wait < math.inf or calls


@given(ceiling=st.integers(1, 40), events=EVENTS)
def test_whatever_happens_the_pace_stays_sane_and_goes_on(
    ceiling: int, events: list[tuple[str, float, int, float]]
) -> None:
    controller, now, calls = AdaptiveController(ceiling=ceiling), 0.0, list[Call]()
    for what, later, which, seconds in events:
        now += later
        happen(controller, what, now, calls, which, seconds)
        check_sane(controller, now, calls)
    for call in calls:
        controller.answered(call, now)
    for _ in range(3):  # one reason to wait may come after another
        now += controller.wait(now) + 1e-6
    assert now < math.inf
    assert controller.wait(now) == 0


@given(ceiling=st.integers(1, 40), refusals=st.integers(1, 200), seconds=st.floats(0, 900))
def test_after_any_number_of_refusals_in_a_row_there_is_a_next_call(
    ceiling: int, refusals: int, seconds: float
) -> None:
    controller, now = AdaptiveController(ceiling=ceiling), 0.0
    for _ in range(refusals):
        now += controller.wait(now) + 1e-6
        controller.refused(controller.begin(now), now + 0.1, seconds)
        now += 0.1
        assert controller.wait(now) <= max(seconds, 60.0) + 1e-6
