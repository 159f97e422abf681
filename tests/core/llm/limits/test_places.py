"""How many calls may be in flight, by what refusals tell."""

from __future__ import annotations

from deepfabric_core.llm.limits.overload import Overload
from deepfabric_core.llm.limits.places import Places
from deepfabric_core.llm.limits.recent import Call, Recent


def fifty() -> Places:
    """Places that were tried again and again, and never more than fifty of them accepted."""
    places = Places(Recent(known_delay=0.1), Overload())
    places.set(50, 0.0, step=1)
    for second in range(3):
        assert places.tries(51, float(second))
        assert places.refused(Call(float(second), 51, tries_places=True), second + 0.1)
    assert places.number == 50
    return places


def test_a_number_that_was_refused_before_is_taken_after_six_tries_and_not_after_three() -> None:
    places = fifty()
    for number in range(6):
        places.tries(51, 30.0 + number)
        places.wait(50, 30.5 + number)
        assert places.number == (50 if number < 5 else 51)


def test_a_number_that_was_accepted_by_chance_is_given_up_at_the_first_refusal() -> None:
    places = fifty()
    places.number = 51
    call = Call(40.0, 45)
    call.crowd = 51
    assert places.falls_back(call, 40.1)
    assert places.number == 50
    assert not places.falls_back(call, 40.2)


def test_a_call_that_saw_no_more_than_was_accepted_says_nothing_of_the_number() -> None:
    places = fifty()
    places.number = 51
    call = Call(40.0, 45)
    call.crowd = 50
    assert not places.falls_back(call, 40.1)


def test_where_nothing_is_accepted_any_more_the_number_falls_to_what_was() -> None:
    places = fifty()
    assert places.is_near(50, 50.0, in_vain=True)
    places.lower(30, 50.0)
    assert places.number == 49
    assert not places.is_near(45, 50.2)
    assert places.is_near(45, 50.2, in_vain=True)
    places.lower(30, 50.2)
    assert places.number == 30


def test_after_a_far_lower_number_more_are_tried_soon() -> None:
    for number, soon in ((40, False), (30, True)):
        places = fifty()
        places.set(number, 10.0, step=1)
        places.recent.begun += 20
        assert (places.wait(number, 13.0) == 0.0) == soon


def test_only_a_confirmed_number_has_fallen_when_far_fewer_are_refused() -> None:
    places = fifty()
    assert places.has_fallen(30) and not places.has_fallen(45)
    places.begin_again(3, 10.0)
    assert not places.has_fallen(1)
    assert places.wait(2, 10.0) == places.wait(3, 10.0) == 0.0


def test_more_calls_than_are_tried_do_not_keep_the_number_from_rising() -> None:
    places = fifty()
    for call in range(20):
        places.tries(51 + call, 30.0)
    places.wait(50, 31.0)
    assert places.number == 51


def test_the_number_rises_by_steps_and_never_beyond_what_was_in_flight() -> None:
    places = fifty()
    for number in range(6):
        places.tries(51, 30.0 + number)
    in_flight, now = 50, 36.0
    while now < 38.0:
        if places.wait(in_flight, now) == 0 and in_flight < 60:
            in_flight += 1
            places.tries(in_flight, now)
        now += 0.01
    assert 51 < places.number <= 60


def test_a_step_rises_one_call_after_the_other() -> None:
    places = Places(Recent(known_delay=0.2), Overload())
    places.set(40, 0.0)
    assert places.wait(40, 0.0) == 0
    assert places.tries(41, 0.0)
    assert 0 < places.wait(41, 0.0) < 0.2 / 10 + 1e-9


def test_where_tries_are_not_wanted_a_call_waits_for_another_to_end() -> None:
    places = fifty()
    assert places.wait(50, 90.0, tries=False) == float("inf")
    assert places.wait(49, 90.0, tries=False) == 0


def test_a_refusal_that_is_heard_later_of_an_earlier_try_tells_the_number() -> None:
    places = Places(Recent(known_delay=0.1), Overload())
    places.set(40, 0.0)
    for level in range(41, 50):
        places.tries(level, level / 1000)
    assert places.refused(Call(0.047, 47, tries_places=True), 0.15)
    assert places.number == 40
    places.number = 46
    places.refused_too(Call(0.048, 42, tries_places=True))
    assert places.number == 46
    places.refused_too(Call(0.045, 45, tries_places=True))
    assert places.number == 44


def test_tries_that_are_not_yet_heard_of_do_not_hide_that_too_many_were_refused() -> None:
    recent, overload = Recent(known_delay=0.3), Overload()
    overload.found(40, 100)
    places = Places(recent, overload)
    places.set(50, 0.0)
    calls = [Call(number / 100, 51, tries_places=True) for number in range(100)]
    for call in calls:
        recent.add(call)
        assert places.tries(51, call.began)
    for call in calls[:29]:
        recent.refused(call, call.began + 0.3)
    recent.refused(calls[29], 0.59)
    assert places.refused(calls[29], 0.59)
