"""Whether refusals tell of a limit on the rate, or of one on the number of calls in flight."""

from __future__ import annotations

from deepfabric_core.llm.limits.recent import Call

# It is the rate if there are more than a few accepted calls, and of them more than the third number saw as many calls
# in flight as the lowest fifth of the refused ones; or if several calls before saw as many as the first refused one.
_FEW = 2
_LOW = 5
_HIGHER = 0.4
_SEVERAL_BEFORE = 20
TOGETHER = 0.01  # seconds

# A first refusal that saw fewer than this share of what an accepted call saw was by chance.
_BY_CHANCE = 0.5


def is_rate_at_first(calls: list[Call], first: Call) -> tuple[bool, int]:
    """Return whether the first refusals tell of a limit on the rate, and how many calls were one too many in flight.

    Args:
        calls: all calls, the latest first; those before the first refusal are removed.
        first: a call that was refused before others.
    """
    levels = list(zip(calls, _levels(calls), strict=True))
    level = next(level for call, level in levels if call is first)
    accepted = max((level for call, level in levels if not call.refused), default=0)
    before = 0
    while not calls[-1].refused:
        before += calls.pop().level >= level
    return before >= _SEVERAL_BEFORE or is_rate(calls), accepted if level < _BY_CHANCE * accepted else level


def is_rate(calls: list[Call]) -> bool:
    """Return whether calls since a refusal, the latest first, tell of a limit on the rate.

    Such a limit lets in calls that see as many others in flight as those that it refuses; one on the number in flight
    lets in only calls that see fewer.
    """
    return _is_higher_or_equal(calls, _levels(calls))


def is_rate_in_steady_state(calls: list[Call]) -> bool:
    """Return whether refusals long after the first tell of a limit on the rate.

    Calls that a learned rate held back tell of it. Else it is the same as at first; but refused calls may hold places.
    """
    return is_rate(calls) and _is_higher_or_equal(calls, [call.crowd for call in calls])


def lowest_refused(calls: list[Call]) -> int:
    """Return how many calls were in flight when one was refused, the fewest, unless that was by chance."""
    lowest = min((call for call in calls if call.refused), key=lambda call: call.level)
    later = (call.level for call in calls if not call.refused and call.began > lowest.began)
    return max(lowest.level, int(_BY_CHANCE * max(later, default=0)))


def _is_higher_or_equal(calls: list[Call], levels: list[int]) -> bool:
    accepted = [level for call, level in zip(calls, levels, strict=True) if not call.refused]
    refused = sorted(level for call, level in zip(calls, levels, strict=True) if call.refused)
    low = refused[len(refused) // _LOW]
    return len(accepted) > _FEW and sum(level >= low for level in accepted) > _HIGHER * len(accepted)


def _levels(calls: list[Call]) -> list[int]:
    """Return how many calls each of the calls saw in flight, the latest first.

    Calls that began together at first may have arrived in any order: those that were accepted came first.
    """
    together = calls[-1].began + TOGETHER
    first = sum(not call.refused and call.began <= together for call in calls)
    return [
        call.level if call.began > together else max(call.level, first + 1) if call.refused else min(call.level, first)
        for call in calls
    ]
