"""What holds calls back lately, and the share of them that is refused."""

from __future__ import annotations

import asyncio

import pytest

from deepfabric_core.config.schema import RateLimit
from deepfabric_core.events import Bound
from deepfabric_core.llm.limits.binding import BoundLately, RefusedLately
from deepfabric_core.llm.limits.limiter import Limiter
from tests.core.llm.limits.test_limiter import PLAIN, Canned, Stage, ask, broken, busy, failing, stage
from tests.core.llm.limits.virtual_loop import run_in_virtual_time, virtual_now


def test_nothing_binds_at_first() -> None:
    assert BoundLately().most(5.0) == "nothing"


def test_what_bound_the_longest_is_named_although_it_lets_a_call_go_now_and_then() -> None:
    lately = BoundLately()
    for tenth in range(40):
        lately.note("rate" if tenth % 4 else "nothing", tenth / 10)
    assert lately.most(4.0) == "rate"


def test_what_no_longer_binds_is_soon_forgotten() -> None:
    lately = BoundLately()
    lately.note("rate", 0.0)
    lately.note("ceiling", 100.0)
    assert lately.most(100.5) == "rate"
    assert lately.most(102.0) == "ceiling"


def test_a_share_is_told_of_enough_calls_and_sinks_with_time() -> None:
    lately = RefusedLately()
    for _ in range(10):
        lately.note(0.0, refused=True)
    assert lately.share(0.0) == 0.0
    for _ in range(30):
        lately.note(0.0, refused=False)
    assert lately.share(0.0) == 0.25
    for second in range(1, 100):
        for _ in range(4):
            lately.note(float(second), refused=False)
    assert lately.share(100.0) < 0.01


def told(at: Stage) -> tuple[Bound, float]:
    """What the last event in the middle of the work said."""
    event = [change for change in at.changes if change.waiting][-1]
    return event.bound, event.limit


@pytest.mark.parametrize(
    ("limits", "bound", "limit"),
    [
        (PLAIN, "ceiling", 4),
        (RateLimit(requests_per_minute=30, jitter=False), "requests_per_minute", 30),
        (RateLimit(tokens_per_minute=120, jitter=False), "tokens_per_minute", 120),
    ],
)
def test_what_the_config_says_is_told_while_it_binds(limits: RateLimit, bound: Bound, limit: float) -> None:
    async def main() -> None:
        with stage(Canned(seconds=1.0), Limiter(virtual_now), 4, limits) as at:
            await ask(at.limited, 40)
            said = told(at)
            assert said[0] == bound
            assert said[1] == pytest.approx(limit)

    run_in_virtual_time(main())


def test_the_number_at_once_that_a_provider_accepts_is_told_long_after_the_last_refusal() -> None:
    async def main() -> None:
        with stage(Canned(at_once=8, seconds=1.0), Limiter(virtual_now), 64) as at:
            await ask(at.limited, 400)
            bound, limit = told(at)
            assert bound == "places"
            assert limit == pytest.approx(8, abs=1)

    run_in_virtual_time(main())


def test_nothing_binds_if_no_call_waits() -> None:
    async def main() -> None:
        with stage(Canned(seconds=1.0), Limiter(virtual_now), 64) as at:
            for _ in range(4):
                await ask(at.limited, 10)
            assert {change.bound for change in at.changes} == {"nothing"}

    run_in_virtual_time(main())


def test_two_stages_are_told_their_own_ceilings() -> None:
    async def main() -> None:
        limiter = Limiter(virtual_now)
        with stage(Canned(seconds=1.0), limiter, 4) as one, stage(Canned(seconds=1.0), limiter, 2) as other:
            await asyncio.gather(ask(one.limited, 40), ask(other.limited, 20))
            assert (told(one), told(other)) == (("ceiling", 4), ("ceiling", 2))

    run_in_virtual_time(main())


def test_a_provider_that_refuses_some_calls_whatever_is_done_is_overloaded() -> None:
    limiter = Limiter(virtual_now)

    async def main() -> None:
        with stage(failing(), limiter, 4) as at:
            for number in range(400):
                limiter.ended(refused=number % 8 == 0)
            event = limiter.state(at.stage_limiter.queue)
            assert event.bound == "overload"
            assert event.limit == pytest.approx(1 / 8, rel=0.05)

    run_in_virtual_time(main())


def test_it_is_told_as_a_pause_that_all_calls_were_refused_and_wait_to_be_repeated() -> None:
    async def main() -> None:
        with stage(failing(busy(20.0), busy(30.0)), Limiter(virtual_now), 4) as at:
            await ask(at.limited, 2)
            paused = [change.limit for change in at.changes if change.bound == "pause"]
            assert max(paused) == pytest.approx(20, abs=2.5)
            assert at.changes[-1].bound == "nothing"

    run_in_virtual_time(main())


def test_a_call_that_waits_after_another_failure_was_not_refused() -> None:
    async def main() -> None:
        with stage(failing(broken()), Limiter(virtual_now), 4) as at:
            await ask(at.retrying(), 1)
            assert {change.bound for change in at.changes} == {"nothing"}

    run_in_virtual_time(main())
