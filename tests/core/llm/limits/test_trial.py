"""What a trial shows: a limit, or that calls are refused by chance."""

import pytest

from deepfabric_core.llm.limits.recent import Call, Recent
from deepfabric_core.llm.limits.trial import Trial, share_refused


def shown(outcomes: str, *, known: float = 0.0, seconds: float = 0.02) -> str | None:
    """What a trial shows when calls are refused (x) or accepted (.) one after the other, after a tenth was refused."""
    recent = Recent()
    for number in range(100):
        recent.add(call := Call(number / 100, 10))
        call.refused = number % 10 == 0
    calls = list(recent.between(-1.0))
    trial = Trial(recent, calls, (share_refused(calls), known), 0.0, (50, 100.0), 1.0)
    now = 1.0
    for outcome in outcomes:
        now += seconds
        recent.add(call := Call(now, 10))
        call.refused = outcome == "x"
        if verdict := trial.verdict(now + recent.delay):
            return verdict
    return None


def test_it_is_a_limit_if_nothing_is_refused_any_more() -> None:
    assert shown("." * 50) == "limited"


def test_it_is_chance_if_as_many_are_refused_as_before() -> None:
    assert shown(".........x" * 5) == "overloaded"


def test_one_refusal_more_makes_it_longer() -> None:
    assert shown("." * 20 + "x" + "." * 25) is None
    assert shown("." * 20 + "x" + "." * 60) == "limited"


def test_it_is_a_limit_if_no_more_are_refused_than_chance_is_known_to_refuse() -> None:
    assert shown("...................x" * 20, known=0.05, seconds=0.01) == "limited"


@pytest.mark.parametrize("outcomes", ["xxx" + "." * 10, "..x"])
def test_a_row_of_refusals_alone_shows_nothing_yet(outcomes: str) -> None:
    assert shown(outcomes) is None
