"""How a limit on the rate is tried out again, after it was measured."""

from __future__ import annotations

# At most a twentieth more than the limit is tried out, and less where that would be more than so many calls until a
# refusal is heard; but at least the last share.
_MOST_MORE = 0.05
_CALLS_MORE = 2.0
_LEAST_MORE = 0.03

# So many seconds after the most was reached, it must have been refused if the limit is what it was; or the second
# number, where the provider may have saved more, as at the start of a run. Then the rate grows by this factor in each
# second, for so many seconds at most.
_HOLDS = 0.8
_HOLDS_WHERE_SAVED = 2.5
_GROWS = 2.0
_LONGEST = 20.0


def multiple_of_limit(since: float, seconds: float, *, below: float, beyond: float, saved: bool = False) -> float:
    """Return where the rate is so many seconds after a refusal, as a multiple of the limit.

    At first it is below the limit, so that what comes late is let in and a little is saved. It is back after `seconds`,
    slow around the limit, and after as long again it is beyond it by a small step, by which the little is used up. So
    a refusal is expected then, and few calls are under way when it is heard. If there is none, the limit has risen.

    Args:
        since: the seconds since the refusal.
        seconds: how long it takes to return to the limit.
        below: how far it is below the limit at first.
        beyond: how far it is beyond it at last.
        saved: whether more may be saved than is by this.
    """
    phase = min(since / seconds - 1, 1.0)
    multiple = 1 + (below if phase < 0 else beyond) * phase**3
    holds = _HOLDS_WHERE_SAVED if saved else _HOLDS
    return multiple * float(_GROWS ** min(max(0.0, since - 2 * seconds - holds), _LONGEST))


def small_step(per_second: float, delay: float) -> float:
    """Return how far to go beyond a limit whose refusals are heard after a delay."""
    return min(_MOST_MORE, max(_LEAST_MORE, _CALLS_MORE / (per_second * delay)))
