"""The line above a run: figures while it goes on, and what was made."""

from __future__ import annotations

from functools import reduce as fold

from deepfabric_core.amounts import Expected, Range
from deepfabric_core.events import CallAnswered, Event, RunExpected, RunStarted, SampleRejected
from deepfabric_core.run.state import RunState, reduce
from deepfabric_nb.display.head_view import HeadView, head_view
from tests.nb.display.test_run_view import missed, over, run_of


def head(*events: Event, now: float = 20.0, is_over: bool = False) -> HeadView:
    return head_view(fold(reduce, events, RunState()), now, is_over=is_over)


def answered(cost: float | None) -> CallAnswered:
    return CallAnswered("samples", 100, 50, cost, 1.0)


def test_before_anything_has_begun_there_is_no_bar() -> None:
    assert head()["bar"] is None


def test_a_stage_that_is_finished_becomes_a_chip() -> None:
    running = head(*run_of(10, made_of_them=4))
    assert running["chips"] == [{"text": "✓ 3 topics, 5 s", "kind": "good", "opens": ""}]
    assert running["bar"] is not None
    assert (running["bar"]["count"], running["bar"]["label"]) == ("4 of 10", "Samples")
    assert running["bar"]["left"].endswith(" left")


def test_what_failed_or_was_rejected_is_a_chip_that_opens() -> None:
    rejected = SampleRejected("id", ("root", "a"), 1, "judge", "vague", "again")
    chips = head(*run_of(10, made_of_them=4), missed(), missed(), rejected)["chips"]
    assert [(chip["text"], chip["opens"]) for chip in chips[1:]] == [
        ("1 rejected", "rejected"),
        ("2 failed", "failures"),
    ]


def test_an_unknown_price_is_said_to_be_unknown() -> None:
    begun = RunStarted("m", "m", 4.0)
    assert head(begun, answered(None))["money"] == "cost unknown"
    assert head(begun, answered(None), answered(0.5))["money"] == "at least $0.50"
    assert head(begun, answered(0.0))["money"] == ""


def test_money_spent_stands_beside_what_is_expected() -> None:
    some = Range(10, 20, 30)
    expected = Expected(some, some, some, some, cost=Range(1.0, 1.45, 2.0))
    shown = head(RunStarted("m", "m", 4.0), answered(0.84), RunExpected(expected))
    assert shown["money"] == "$0.84" and shown["expected"].startswith("of about $")


def test_at_the_end_there_are_totals_and_no_bar() -> None:
    shown = head(*run_of(10), answered(0.91), *over("complete"), is_over=True)
    assert shown["bar"] is None and shown["money"] == "" and shown["totals"] == "16 s · $1.41"
