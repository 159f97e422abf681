"""The quota that headers state: followed while calls bear it out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from deepfabric_core.llm.limits.controller import AdaptiveController
from deepfabric_core.llm.limits.quota_headers import RemainingQuota
from deepfabric_core.llm.limits.recent import Call
from tests.core.llm.limits.virtual_provider import Crowd, Terms, Tokens


def left(remaining: float, reset: float) -> dict[str, RemainingQuota]:
    return {"requests": RemainingQuota(remaining, reset)}


def used(remaining: int = 0, reset: float = 30.0) -> AdaptiveController:
    """A controller that was told that so many calls are left."""
    controller = AdaptiveController(ceiling=10)
    controller.answered(controller.begin(-1.0), -0.5)
    controller.told(left(remaining, reset), Call(-1.0, 1), now=0.0)
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
    controller.told(left(0, 30.0), Call(1.9, 1), now=2.0)
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
        call = controller.begin(now)
        controller.answered(call, now + 0.01)
        now += 0.01
        controller.told(left(remaining, 60.0), call, now)
    assert now < 15.0


def test_no_quota_holds_calls_back_for_longer_than_the_patience_lasts() -> None:
    controller, now = AdaptiveController(ceiling=100), 0.0
    for step in range(40):
        now = step / 10
        call = controller.begin(now)
        controller.told(left(390 - 10 * step, 100.0 * step), call, now, patience=60.0)
        controller.answered(call, now)
    assert controller.per_second == pytest.approx(0.01, rel=0.2)
    assert 50.0 < controller.wait(now) <= 60.0
    assert controller.wait(now + 60.0) == 0


# ---- whole runs, in virtual time

HUNDRED = Terms(per_second=100, latency=0.5, spread=0.2, jitter=0.2, refusal=0.15)
BUCKET = replace(HUNDRED, burst=300)
A_MINUTES_BUCKET = replace(HUNDRED, per_second=10, burst=600)
A_MINUTES_WINDOW = replace(A_MINUTES_BUCKET, window=60.0)
HABITS = {
    "as of the answer": replace(BUCKET, headers="answer"),
    "as of the arrival": replace(BUCKET, headers="arrival"),
    "only where a call is refused": replace(HUNDRED, headers="refusal"),
    "always a second": replace(HUNDRED, headers="answer", constant=(0, 1.0)),
    "always the same": replace(HUNDRED, headers="arrival", constant=(10, 60.0)),
    "five too many": replace(BUCKET, headers="arrival", off=5),
    "five too few": replace(BUCKET, headers="answer", off=-5),
    "a minute's bucket": replace(A_MINUTES_BUCKET, headers="answer"),
    "a minute's bucket in whole seconds": replace(A_MINUTES_BUCKET, headers="arrival", rounded=True),
    "a minute's window": replace(A_MINUTES_WINDOW, headers="answer"),
    "a minute's window in whole seconds": replace(A_MINUTES_WINDOW, headers="arrival", rounded=True),
    "requests and tokens": replace(BUCKET, headers="arrival", tokens=(Tokens(90_000),)),
}

BOTH = Tokens(100_000)
PROMPTS, REPLIES = Tokens(40_000, "input"), Tokens(60_000, "output")
NO_REQUESTS = replace(HUNDRED, per_second=None, headers="arrival")
TOKENS = {
    "prompts and replies together": (BOTH,),
    "a minute of them": (replace(BOTH, per_second=20_000, seconds=60.0),),
    "input and output apart": (PROMPTS, REPLIES),
    "cached input not at all": (replace(PROMPTS, cached=2000.0),),
    "reserved for the longest reply": (replace(BOTH, reserved=2000.0),),
    "of calls of very different sizes": (replace(BOTH, spread=1.0),),
    "expected far too few": (replace(BOTH, expected=0.6),),
}


def served(terms: Terms, seed: int) -> Crowd:
    crowd = Crowd(terms, 2000, 256, seed).run()
    assert crowd.answered == 2000
    return crowd


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("habit", HABITS)
def test_whatever_headers_say_and_when_a_limit_is_used_and_hardly_ever_overstepped(habit: str, seed: int) -> None:
    crowd = served(HABITS[habit], seed)
    assert crowd.share_of_ideal >= 0.9
    assert crowd.refused_per_sample <= 0.06


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("headers", ["arrival", "answer"])
@pytest.mark.parametrize("kind", TOKENS)
def test_tokens_are_used_and_hardly_ever_too_many(kind: str, headers: Any, seed: int) -> None:
    crowd = served(replace(NO_REQUESTS, tokens=TOKENS[kind], headers=headers), seed)
    assert crowd.share_of_ideal >= 0.88
    assert crowd.refused_per_sample <= 0.06


@pytest.mark.parametrize("tokens", [(BOTH,), (PROMPTS, REPLIES)])
def test_a_limit_on_tokens_is_found_without_headers(tokens: tuple[Tokens, ...]) -> None:
    crowd = served(replace(NO_REQUESTS, tokens=tokens, headers=None), seed=1)
    assert crowd.share_of_ideal >= 0.88
    assert crowd.refused_per_sample <= 0.15


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_stated_limit_that_changes_is_followed_within_seconds(factor: float) -> None:
    terms = replace(BUCKET, headers="answer")
    crowd = Crowd(terms, 100_000, 256).run(until=15.0)
    crowd.provider.terms = replace(terms, per_second=100 * factor)
    crowd.run(until=20.0)
    answered, refused = crowd.answered, crowd.refused
    crowd.run(until=30.0)
    assert crowd.answered - answered >= 0.85 * 1000 * factor
    assert crowd.refused - refused <= 0.05 * 1000 * factor


@pytest.mark.parametrize("refusal", [0.003, 0.15])
def test_a_window_that_is_used_up_is_not_asked_again_and_again(refusal: float) -> None:
    terms = Terms(per_second=10, burst=600, window=60.0, latency=0.5, headers="answer", refusal=refusal, jitter=0.2)
    crowd = Crowd(terms, 1300, first_alone=True).run()
    assert crowd.share_of_ideal >= 0.95
    assert crowd.refused_per_sample <= 0.01
