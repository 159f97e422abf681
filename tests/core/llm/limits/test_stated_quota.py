"""The quota that headers state: followed while calls bear it out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from deepfabric_core.llm.limits.controller import AdaptiveController
from tests.core.llm.limits.virtual_provider import Crowd, Terms

A_MINUTE = Terms(per_second=5, window=60.0, latency=0.2, jitter=0.2, refusal=0.1)


def used(remaining: int = 0, reset: float = 30.0) -> AdaptiveController:
    """A controller that was told that so many calls are left."""
    controller = AdaptiveController(ceiling=10)
    controller.answered(controller.begin(-1.0), -0.5)
    controller.told(remaining, reset, now=0.0)
    return controller


def begin_when_allowed(controller: AdaptiveController, now: float, until: float) -> list[float]:
    """Begin calls as soon as they may, and have all be accepted after a second; when they began."""
    began = []
    while (wait := controller.wait(now)) + now < until:
        now += wait
        if wait == 0:
            began.append(now)
            controller.begin(now)
            controller.ended()
            now += 1e-3
    return began


def test_a_used_quota_is_tried_by_one_call_before_it_is_full_again() -> None:
    controller = used()
    assert 0 < controller.wait(0.0) < 1.0
    controller.begin(0.5)
    assert controller.wait(0.5) > 0


def test_a_quota_whose_try_is_accepted_is_ignored_from_then_on() -> None:
    controller = used()
    assert len(begin_when_allowed(controller, 0.0, 2.0)) > 100
    controller.told(0, 30.0, now=2.0)
    assert controller.wait(2.0) == 0
    assert controller.quota_full_at < 2.0


def test_a_quota_whose_tries_are_refused_is_tried_ever_more_rarely() -> None:
    controller, now, tried = used(reset=60.0), 0.0, []
    while now < 60.0:
        now += controller.wait(now)
        if controller.wait(now) == 0:
            tried.append(now)
            assert not controller.refused(controller.begin(now), now + 0.1, 1.0)
            now += 0.1
    assert 3 <= len(tried) <= 10
    gaps = [late - early for early, late in pairwise(tried)]
    assert gaps[:-1] == sorted(gaps[:-1])


@pytest.mark.parametrize("remaining", [0, 1, 100])
def test_headers_that_always_say_the_same_do_not_hold_back_a_run(remaining: int) -> None:
    controller, now = AdaptiveController(ceiling=10), 0.0
    for _ in range(1000):
        while (wait := controller.wait(now)) > 0:
            now += wait
        controller.answered(controller.begin(now), now + 0.01)
        now += 0.01
        controller.told(remaining, 60.0, now)
    assert now < 15.0


@pytest.mark.parametrize("headers", ["answer", "arrival"])
def test_a_quota_of_a_minute_is_not_overstepped_where_headers_tell_of_it(headers: str) -> None:
    terms = replace(A_MINUTE, headers=headers, retry_after=None)  # type: ignore[arg-type]
    crowd = Crowd(terms, 900, ceiling=16).run()
    assert crowd.answered == 900
    assert crowd.now < 135.0
    assert crowd.refused <= 45
