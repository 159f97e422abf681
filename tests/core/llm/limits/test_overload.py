"""Whether refusals are more than chance explains."""

from deepfabric_core.llm.limits.overload import Overload


def test_nearly_only_refusals_are_no_chance_however_little_is_known_of_the_share() -> None:
    overload = Overload()
    overload.found(7, 10)

    assert overload.exceeded(90, 100, 0.5)
    assert not overload.exceeded(70, 100, 0.5)


def test_the_share_may_turn_out_to_be_a_little_higher_than_in_the_few_calls_that_told_of_it() -> None:
    overload = Overload()
    overload.found(3, 12)
    for number in range(200):
        overload.observe(refused=number % 5 < 2)

    assert abs(overload.share - 0.4) < 0.03


def test_the_share_does_not_rise_far_above_the_one_that_was_found() -> None:
    overload = Overload()
    overload.found(10, 100)
    for _ in range(100):
        overload.observe(refused=True)

    assert overload.share < 0.2


def test_many_refusals_lately_are_not_hidden_by_few_before() -> None:
    overload = Overload()
    overload.found(30, 150)
    refused = [True] * 30 + [False] * 10 + [False, False, False, True] * 100

    assert not overload.exceeded(sum(refused), len(refused), 0.5)
    assert overload.lately_exceeded(refused, 0.5)
