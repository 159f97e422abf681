"""What `AdaptiveController` makes of each kind of limit, in virtual time; and what holds whatever happens."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.llm.limits.controller import AdaptiveController
from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.quota_headers import RemainingQuota
from deepfabric_core.llm.limits.recent import Call
from tests.core.llm.limits.virtual_provider import Crowd, Terms, any_provider

# Answers and refusals take now a little more, now less.
HUNDRED = Terms(per_second=100, burst=10, latency=0.5, spread=0.2, jitter=0.2)
FIFTY = Terms(at_once=50, latency=0.5, spread=0.2, jitter=0.2)
HELD = replace(FIFTY, holds_place=True)
BURSTS = replace(HUNDRED, burst=100)
WINDOWS = replace(HUNDRED, window=1.0)
COUNTING = replace(HUNDRED, refused_count=True)
MINUTE = Terms(per_second=1, burst=10, jitter=0.2)

SEEDS = (1, 2)
HEARD_AFTER = (0.003, 0.05, 0.15, 0.3)


def served(terms: Terms, samples: int = 2000, ceiling: int = 256, seed: int = 1) -> Crowd:
    crowd = Crowd(terms, samples, ceiling, seed).run()
    assert crowd.answered == samples
    return crowd


def case(terms: Terms, most: float = 0.05, **others: Any) -> Any:
    told = {key: value for key, value in vars(terms).items() if value != getattr(Terms(), key)} | others
    return pytest.param(replace(terms, **others), most, id=" ".join(f"{key}={told[key]}" for key in told))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("refusal", HEARD_AFTER)
@pytest.mark.parametrize(
    ("terms", "most"),
    [
        *(case(terms, headers=headers) for terms in (HUNDRED, HELD) for headers in (None, "refusal")),
        case(HUNDRED, retry_after=None),
        case(HUNDRED, headers="answer"),
        case(FIFTY),
        case(HELD, retry_after=None),
        case(Terms(at_once=8, latency=0.5, jitter=0.2, holds_place=True)),
        case(HUNDRED, 0.11, per_second=20),
    ],
)
def test_a_limit_is_used_nearly_whole_and_hardly_ever_overstepped(
    terms: Terms, most: float, refusal: float, seed: int
) -> None:
    crowd = served(replace(terms, refusal=refusal), seed=seed)
    assert crowd.share_of_ideal >= 0.9
    assert crowd.refused_per_sample <= most * (1 if refusal < 0.2 else 1.6)


@pytest.mark.parametrize("refusal", HEARD_AFTER)
@pytest.mark.parametrize("terms", [HUNDRED, FIFTY, HELD])
def test_it_is_the_same_if_all_others_wait_for_the_first_answer(terms: Terms, refusal: float) -> None:
    crowd = Crowd(replace(terms, refusal=refusal), 2000, first_alone=True).run()
    assert crowd.share_of_ideal >= 0.88
    assert crowd.refused_per_sample <= 0.06 * (1 if refusal < 0.2 else 1.6)


@pytest.mark.parametrize("refusal", HEARD_AFTER)
@pytest.mark.parametrize("terms", [HUNDRED, FIFTY, HELD, replace(HUNDRED, headers="refusal")])
def test_after_the_first_seconds_nearly_all_is_used_and_next_to_nothing_is_refused(
    terms: Terms, refusal: float
) -> None:
    crowd = served(replace(terms, refusal=refusal), 5000)
    for since in range(5, int(crowd.now) - 9, 5):
        begun = sum(since <= at < since + 5 for at in crowd.began)
        refused = sum(since <= at < since + 5 for at in crowd.refused_at)
        assert begun - refused >= 0.95 * 500 * math.exp(-(0.2**2) / 2)
        assert refused <= 0.01 * 500


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("refusal", HEARD_AFTER)
def test_a_thousand_a_second_are_used_for_the_most_part_in_ten_seconds(refusal: float, seed: int) -> None:
    terms = replace(HUNDRED, per_second=1000, burst=100, refusal=refusal)
    crowd = served(terms, 10_000, 1024, seed)
    assert crowd.share_of_ideal >= 0.65
    assert crowd.refused_per_sample <= 0.15


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("refusal", HEARD_AFTER)
@pytest.mark.parametrize("terms", [HUNDRED, FIFTY, HELD])
def test_in_short_runs_most_of_a_limit_is_used(terms: Terms, refusal: float, seed: int) -> None:
    crowd = served(replace(terms, refusal=refusal), 500, seed=seed)
    assert crowd.share_of_ideal >= 0.65
    assert crowd.refused_per_sample <= 0.3


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("refusal", HEARD_AFTER)
@pytest.mark.parametrize(
    ("terms", "least", "most"),
    [
        (BURSTS, 0.9, 0.25),
        (WINDOWS, 0.7, 0.36),
        (COUNTING, 0.45, 0.2),
    ],
)
def test_windows_bursts_and_refusals_that_count_are_borne(
    terms: Terms, least: float, most: float, refusal: float, seed: int
) -> None:
    crowd = served(replace(terms, refusal=refusal), seed=seed)
    assert crowd.share_of_ideal >= least
    assert crowd.refused_per_sample <= most


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("refusal", HEARD_AFTER)
@pytest.mark.parametrize("burst", [10, 60])
def test_sixty_a_minute_are_used_and_not_pressed_against(burst: int, refusal: float, seed: int) -> None:
    crowd = served(replace(MINUTE, burst=burst, refusal=refusal), 300, 64, seed)
    assert crowd.share_of_ideal >= 0.8
    assert crowd.refused <= 60 + 150 + 300 * refusal


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("refusal", HEARD_AFTER)
@pytest.mark.parametrize(("share", "least"), [(0.1, 0.6), (0.4, 0.35)])
def test_refusals_at_random_do_not_hold_back_the_others(share: float, least: float, refusal: float, seed: int) -> None:
    crowd = served(Terms(latency=0.5, refused_at_random=share, refusal=refusal, jitter=0.2), seed=seed)
    again = 2.0 * share / (1 - share)  # seconds that one call waits for its repetitions, about
    assert crowd.now * least <= 2000 * 0.5 / 256 / (1 - share) + 0.5 + 3 * again


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_first_call_that_is_refused_by_chance_does_not_slow_down_the_others(seed: int) -> None:
    terms = Terms(latency=0.5, refused_at_random=0.4, refusal=0.15, jitter=0.2)
    assert Crowd(terms, 1000, seed=seed, first_alone=True).run(until=40.0).answered == 1000


@pytest.mark.parametrize("seed", [109, 114, 176, 179])
def test_rare_refusals_by_chance_do_not_make_a_long_run_slower_and_slower(seed: int) -> None:
    terms, ceiling = any_provider(seed)
    crowd = Crowd(terms, 3000, ceiling, seed, first_alone=True).run(until=1000.0)
    assert crowd.answered == 3000
    assert crowd.now <= 3.5 * terms.ideal(3000, ceiling) + 3 * (terms.retry_after or 1.0)


@given(st.lists(st.booleans(), min_size=2, max_size=60), st.floats(0.003, 0.5))
def test_whichever_of_calls_that_begin_in_the_same_instant_are_refused_there_is_a_next_one(
    refused: list[bool], delay: float
) -> None:
    controller = AdaptiveController(ceiling=2 * len(refused))
    calls = [controller.begin(0.0) for _ in refused]
    for call, is_refused in zip(calls, refused, strict=True):
        if is_refused:
            controller.refused(call, delay, 1.0)
    now = delay
    while (wait := controller.wait(now)) > 0:
        now += max(wait, 1e-6)
        assert now <= 10.0


@pytest.mark.parametrize("seed", range(1, 4))
def test_many_refusals_by_chance_beside_a_limit_do_not_end_the_work_if_the_first_call_goes_alone(seed: int) -> None:
    terms = replace(HUNDRED, spread=0.0, refusal=0.3, refused_at_random=0.4)
    assert Crowd(terms, 600, seed=seed, first_alone=True).run(until=60.0).answered == 600


@pytest.mark.parametrize("refusal", HEARD_AFTER)
@pytest.mark.parametrize("then", [25, 100])
def test_a_number_in_flight_that_halves_or_doubles_is_found_within_five_seconds(then: int, refusal: float) -> None:
    crowd = Crowd(replace(HELD, refusal=refusal), 100_000).run(until=20.0)
    crowd.provider.terms = replace(crowd.provider.terms, at_once=then)
    crowd.run(until=32.0)
    begun, refused = (sum(25 <= at < 30 for at in times) for times in (crowd.began, crowd.refused_at))
    assert begun - refused >= (0.9 if refusal < 0.2 else 0.6) * 10 * then * math.exp(-(0.2**2) / 2)
    assert refused <= 0.1 * 10 * then


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("refusal", HEARD_AFTER)
def test_a_few_calls_in_flight_that_become_fewer_are_not_taken_for_a_slow_rate(refusal: float, seed: int) -> None:
    crowd = Crowd(replace(HELD, at_once=8, refusal=refusal), 100_000, 256, seed, first_alone=True)
    crowd.run(until=20.0 + 0.37 * seed)
    crowd.provider.terms, changed = replace(crowd.provider.terms, at_once=4), crowd.now
    crowd.run(until=changed + 12.0)
    begun, refused = (sum(5 <= at - changed < 10 for at in times) for times in (crowd.began, crowd.refused_at))
    assert begun - refused >= 0.8 * 10 * 4 * math.exp(-(0.2**2) / 2)
    assert refused <= 6


@pytest.mark.parametrize("seed", SEEDS)
def test_a_learned_rate_is_hardly_overstepped_where_the_provider_has_saved_a_few_calls(seed: int) -> None:
    crowd = Crowd(replace(HUNDRED, refusal=0.3), 2000, 256, seed)
    crowd.controller.start_from(Learned(100.0, None, 66, 0.55), 0.0)
    crowd.run()
    assert crowd.share_of_ideal >= 0.95
    assert crowd.refused_per_sample <= 0.01


@pytest.mark.parametrize("refusal", HEARD_AFTER)
def test_no_call_is_refused_near_the_end_which_all_would_wait_for(refusal: float) -> None:
    crowd = Crowd(replace(HELD, refusal=refusal, spread=0.0), 500, first_alone=True).run()
    assert max(crowd.refused_at) < crowd.now - 1.5
    assert crowd.share_of_ideal >= 0.85


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("refusal", HEARD_AFTER)
@pytest.mark.parametrize("share", [0.1, 0.4])
def test_refusals_at_random_beside_a_limit_do_not_end_the_work(share: float, refusal: float, seed: int) -> None:
    crowd = served(replace(HUNDRED, refused_at_random=share, refusal=refusal), seed=seed)
    assert crowd.share_of_ideal >= (0.6 if share < 0.2 else 0.2)


@pytest.mark.parametrize("refusal", HEARD_AFTER)
@pytest.mark.parametrize(("ceiling", "latency"), [(8, 0.2), (32, 0.2), (128, 0.2), (256, 0.5), (1024, 0.5)])
def test_where_there_is_no_limit_none_is_felt(ceiling: int, latency: float, refusal: float) -> None:
    crowd = served(Terms(latency=latency, refusal=refusal), int(5 / latency) * ceiling, ceiling)
    assert crowd.share_of_ideal >= 0.89
    assert crowd.peak == ceiling


def test_a_ceiling_that_rises_late_in_a_run_is_reached_as_quickly_as_at_first() -> None:
    crowd = Crowd(Terms(), 10_000, ceiling=32).run(until=20.0)
    crowd.controller.ceiling = 256
    assert crowd.run(until=20.5).controller.in_flight > 250


def test_no_more_calls_are_under_way_than_the_ceiling() -> None:
    assert max(served(terms, ceiling=20).peak for terms in (Terms(), HUNDRED, FIFTY)) == 20


@pytest.mark.parametrize("way", [0.003, 0.1])
def test_when_all_is_refused_nothing_begins_before_the_provider_asks_for_it(way: float) -> None:
    crowd = Crowd(Terms(refused_at_random=1.0, retry_after=5.0, way=way), 200).run(until=60.0)
    first = crowd.refused_at[0]
    assert crowd.began
    assert not [at for at in crowd.began if first + 0.1 < at < first + 5.0]
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


@pytest.mark.parametrize("refusal", HEARD_AFTER)
@pytest.mark.parametrize("terms", [HUNDRED, replace(HUNDRED, burst=50)])
def test_a_limit_that_halves_and_doubles_is_found_within_five_seconds(terms: Terms, refusal: float) -> None:
    crowd = Crowd(replace(terms, refusal=refusal), 100_000).run(until=20.0)
    for per_second in (50, 100):
        crowd.provider.terms, changed = replace(crowd.provider.terms, per_second=per_second), crowd.now
        crowd.run(until=changed + 12.0)
        begun = sum(changed + 5 <= at < changed + 10 for at in crowd.began)
        refused = sum(changed + 5 <= at < changed + 10 for at in crowd.refused_at)
        assert begun - refused >= 0.93 * per_second * 5
        assert refused <= 0.12 * per_second * 5


def test_a_burst_of_refusals_is_one_decrease_and_those_heard_after_it_change_nothing() -> None:
    controller = AdaptiveController(ceiling=256)
    controller.start_from(Learned(at_once=50, delay=0.1), 0.0)
    calls = [controller.begin(number / 1000) for number in range(50)]
    cuts = [controller.refused(call, 0.15, 1.0) for call in calls[-8:]]
    assert sum(cuts) == 1
    assert controller.allowed == 49


def left(remaining: float, reset: float) -> dict[str, RemainingQuota]:
    return {"requests": RemainingQuota(remaining, reset)}


def test_what_the_provider_says_is_left_is_not_overstepped() -> None:
    controller = AdaptiveController(ceiling=10)
    controller.told(left(2, 30.0), Call(0.0, 1), now=0.0)
    for _ in range(2):
        assert controller.wait(0.0) == 0
        controller.begin(0.0)
    assert 0 < controller.wait(0.0) <= 30.0
    assert controller.wait(30.0) == 0


def test_what_the_provider_says_is_left_includes_calls_that_it_cannot_know_of_yet() -> None:
    controller = AdaptiveController(ceiling=10)
    answered = controller.begin(9.5)
    controller.answered(answered, 10.0)
    for _ in range(3):
        controller.begin(9.8)
    controller.told(left(5, 30.0), answered, now=10.0)
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
        controller.told(left(which, seconds), Call(now, 1), now)
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


@pytest.mark.parametrize("seed", range(40))
def test_no_provider_brings_a_run_to_a_halt(seed: int) -> None:
    terms, ceiling = any_provider(seed)
    crowd = Crowd(terms, 500, ceiling, seed).run()
    assert crowd.answered == 500
    assert max(late - early for early, late in pairwise(crowd.began)) <= 15.0
