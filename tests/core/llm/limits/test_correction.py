"""What the refusals soon after a cut tell of the limit."""

from __future__ import annotations

import pytest

from deepfabric_core.llm.limits.correction import Correction
from deepfabric_core.llm.limits.overload import Overload
from deepfabric_core.llm.limits.recent import Call, Recent


def after(refused: str, *, paced: bool = True, overload: Overload | None = None) -> tuple[Correction, Call]:
    """A correction that begins with the first of some calls, ten milliseconds apart, of which an x is a refused one."""
    recent = Recent()
    calls = [Call(number / 100, 50, paced=paced, tries_rate=not number) for number in range(len(refused))]
    for call, mark in zip(calls, refused, strict=True):
        recent.add(call)
        call.refused = mark == "x"
    correction = Correction(recent, overload or Overload())
    correction.begin(calls[0], 0.1, idle=0.0)
    return correction, calls[-1]


def test_what_is_accepted_between_two_refusals_is_the_limit() -> None:
    correction, call = after("x" + 20 * ".x")
    assert correction.measured(call, idle=0.0) == pytest.approx(50.0, rel=0.06)


@pytest.mark.parametrize(
    "refused", ["x" + 99 * "." + "x", "xxxxx.....x", "x" + 40 * "." + "x"], ids=["rare", "too few yet", "only two"]
)
def test_a_few_refusals_correct_nothing(refused: str) -> None:
    correction, call = after(refused)
    assert correction.measured(call, idle=0.0) is None


def test_nothing_is_corrected_where_other_reasons_hold_calls_back() -> None:
    correction, call = after("x" + 20 * ".x", paced=False)
    assert correction.measured(call, idle=0.0) is None
    correction, call = after("x" + 20 * ".x")
    assert correction.measured(call, idle=0.1) is None


def test_nothing_is_corrected_while_refusals_are_known_to_come_by_chance() -> None:
    overload = Overload()
    overload.found(40, 100)
    correction, call = after("x" + 20 * ".x", overload=overload)
    assert correction.measured(call, idle=0.0) is None


def test_no_cut_is_needed_while_a_correction_may_follow() -> None:
    correction, call = after("x.x.x")
    assert correction.is_awaited(call)
    correction.forget()
    assert not correction.is_awaited(call)


def test_refusals_by_chance_do_not_lower_the_rate_without_end() -> None:
    correction, call = after("x" + 20 * ".x")
    for _ in range(3):
        correction.corrected(call, now=0.5, idle=0.0)
    correction.begin(Call(0.5, 50, paced=True), now=0.6, idle=0.0)
    assert correction.measured(call, idle=0.0) is None
