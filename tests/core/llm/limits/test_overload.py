"""Whether refusals are more than chance explains."""

from deepfabric_core.llm.limits.overload import Overload


def test_nearly_only_refusals_are_no_chance_however_little_is_known_of_the_share() -> None:
    overload = Overload()
    overload.found(7, 10)

    assert overload.exceeded(90, 100, 0.5)
    assert not overload.exceeded(70, 100, 0.5)
