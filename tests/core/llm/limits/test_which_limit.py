"""Which limit refusals tell of, and which number in flight."""

from __future__ import annotations

from deepfabric_core.llm.limits.recent import Call
from deepfabric_core.llm.limits.which_limit import is_rate_at_first, lowest_refused


def calls(*levels: int, refused: tuple[int, ...] = ()) -> list[Call]:
    """Calls that saw so many in flight, the latest first; those at some positions were refused."""
    begun = [Call(number / 10, level, refused=number in refused) for number, level in enumerate(levels)]
    return begun[::-1]


def test_the_first_refused_call_tells_how_many_were_one_too_many() -> None:
    seen = calls(48, 49, 50, 51, 51, 51, refused=(3, 4, 5))
    assert is_rate_at_first(seen, seen[2]) == (False, 51)


def test_a_first_refusal_by_chance_does_not_tell_how_many_were_too_many() -> None:
    seen = calls(1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11, 11, refused=(1, 11, 12, 13))
    assert is_rate_at_first(seen, seen[-2])[1] == 10


def test_the_fewest_in_flight_of_the_refused_calls_count_unless_many_more_were_accepted_later() -> None:
    assert lowest_refused(calls(30, 31, 26, 25, refused=(1, 2))) == 26
    assert lowest_refused(calls(40, 3, 20, 21, 22, refused=(1, 4))) == 10
