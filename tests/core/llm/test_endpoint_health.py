"""An endpoint that fails is left out, and tried again from time to time."""

from __future__ import annotations

import pytest

from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.endpoint_health import EndpointHealth, is_fault


def failure(kind: FailureKind = FailureKind.CONNECTION, *, never_sent: bool = False) -> ModelError:
    problem = ModelError("no", kind=kind)
    problem.never_sent = never_sent
    return problem


@pytest.mark.parametrize(
    ("kind", "times"), [(FailureKind.CONNECTION, 1), (FailureKind.TIMEOUT, 2), (FailureKind.SERVER_ERROR, 3)]
)
def test_it_is_left_out_after_so_many_failures_in_a_row(kind: FailureKind, times: int) -> None:
    health = EndpointHealth()
    told = [health.failed(failure(kind), begun=1.0, now=2.0) for _ in range(times)]
    assert told == [False] * (times - 1) + [True]
    assert health.is_out


def test_an_answer_between_failures_begins_the_count_anew() -> None:
    health = EndpointHealth()
    for _ in range(5):
        health.failed(failure(FailureKind.SERVER_ERROR), begun=1.0, now=2.0)
        health.failed(failure(FailureKind.SERVER_ERROR), begun=1.0, now=2.0)
        health.answered(begun=1.0)
    assert not health.is_out


def test_one_call_at_a_time_tries_whether_it_answers_again() -> None:
    health = EndpointHealth()
    health.failed(failure(), begun=0.0, now=0.0)
    assert not health.admits(0.1)
    assert health.admits(1.0)
    health.begin()
    assert not health.admits(1.0)
    assert health.answered(begun=1.0)
    assert health.admits(1.0)


def test_calls_of_before_say_nothing_of_an_endpoint_that_is_left_out() -> None:
    health = EndpointHealth()
    health.failed(failure(), begun=1.0, now=2.0)
    assert not health.answered(begun=1.5)
    assert not health.failed(failure(), begun=1.5, now=2.5)
    assert health.is_out
    assert health.admits(2.6)


@pytest.mark.parametrize(("never_sent", "longest"), [(True, 1.0), (False, 30.0)])
def test_it_is_tried_less_and_less_often(never_sent: bool, longest: float) -> None:
    health, now = EndpointHealth(), 0.0
    waits = []
    for _ in range(12):
        health.failed(failure(never_sent=never_sent), begun=now, now=now)
        waits.append(health.back_at - now)
        now = health.back_at
    assert waits == sorted(waits)
    assert waits[-1] == longest


def test_what_is_wrong_with_the_call_is_no_fault_of_the_endpoint() -> None:
    assert not is_fault(failure(FailureKind.BAD_REQUEST))
    assert not is_fault(failure(FailureKind.RATE_LIMITED))
    assert is_fault(failure(FailureKind.TIMEOUT))
