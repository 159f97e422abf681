"""What a notebook shows of a run, and what never gets there."""

from __future__ import annotations

import json
from functools import reduce as fold

import pytest

from deepfabric_core.amounts import Amounts, Expected, Range
from deepfabric_core.errors import FailureKind as Kind
from deepfabric_core.events import (
    PREVIEW,
    BudgetChanged,
    CallAnswered,
    CallFailed,
    Ending,
    Event,
    ExpansionFailed,
    FileWritten,
    LimiterChanged,
    Notice,
    Paused,
    ReplyRejected,
    Resumed,
    RunExpected,
    RunFinished,
    RunStarted,
    SampleFailed,
    SampleFinished,
    StageFinished,
    StageStarted,
    Stopping,
    TopicExpanded,
    TopicsReady,
)
from deepfabric_core.run.state import RunState, reduce
from deepfabric_core.text.rate_history import RateHistory
from deepfabric_nb.display.run_view import Phase, RunHandle, RunView, run_view

KEY = "sk-abcdef123456"
HOSTILE = f"<img src=x onerror=alert(1)> </script> \x1b[31m\x9b2J\x07\u202e\u2066\ud800 {KEY} مرحبا 你好 " + "w" * 3000


def view_of(*events: Event, now: float = 20.0, phase: Phase = "running", name: str = "first") -> RunView:
    return run_view(fold(reduce, events, RunState()), RunHandle("run-1", name, phase), now=now)


def made(number: int = 0, text: str = "text", attempts: int = 1) -> SampleFinished:
    return SampleFinished("id", ("root", text), 1, attempts, f"{text} {number}", text)


def missed(kind: Kind = Kind.TIMEOUT, message: str = "slow") -> SampleFailed:
    return SampleFailed("id", ("root", "leaf"), 1, kind, message)


def run_of(samples: int, *, made_of_them: int | None = None, text: str = "text") -> list[Event]:
    """A run up to its last sample."""
    return [
        RunStarted("a/topics", "b/samples", 0.0),
        StageStarted("topics", 3, 4, 0.0),
        TopicExpanded(("root",), ("x", "y"), 1),
        StageFinished("topics", 5.0),
        TopicsReady("tree", 3, 2),
        FileWritten("topics", "out_topics.jsonl"),
        StageStarted("samples", samples, 4, 10.0),
        LimiterChanged(24, 12, 3, None, "rate", 96.0),
        CallFailed(Kind.RATE_LIMITED, text, 2.0),
        CallAnswered("m", 1200, 34, 0.5, 1.0),
        *(made(number, text) for number in range(samples if made_of_them is None else made_of_them)),
    ]


def over(ending: Ending, reason: str = "") -> list[Event]:
    return [StageFinished("samples", 15.0), RunFinished(ending, reason, 16.0)]


def facts(view: RunView) -> dict[str, str]:
    return {fact["label"]: fact["value"] for fact in view["facts"]}


def every_line(value: object) -> list[str]:
    """All texts of a view, line by line."""
    if isinstance(value, dict):
        return [line for part in value.values() for line in every_line(part)]
    if isinstance(value, list):
        return [line for part in value for line in every_line(part)]
    return value.split("\n") if isinstance(value, str) else []


@pytest.mark.parametrize(
    ("events", "headline"),
    [
        ([], "Starting"),
        (run_of(1)[:2], "Growing topics"),
        (run_of(10, made_of_them=3), "Writing samples"),
        ([*run_of(10), StageFinished("samples", 15.0)], "Saving the dataset"),
        ([*run_of(10), Stopping("button")], "Stopping: calls in flight finish"),
        ([*run_of(10), Paused(5.0)], "Paused: calls in flight finish"),
    ],
)
def test_the_headline_says_what_goes_on(events: list[Event], headline: str) -> None:
    assert view_of(*events)["headline"] == headline


@pytest.mark.parametrize(
    ("events", "headline"),
    [
        ([*run_of(100), *over("complete")], "Complete: 100 samples"),
        ([*run_of(1), *over("complete")], "Complete: 1 sample"),
        ([*run_of(4), *over("complete", PREVIEW)], "Preview: 4 samples"),
        ([*run_of(100, made_of_them=12), *over("stopped", "by the user")], "Stopped: 12 of 100 samples"),
        ([*run_of(1)[:3], RunFinished("stopped", "by the user", 9.0)], "Stopped: 2 of 3 topics"),
        (
            [*run_of(4, made_of_them=2), missed(), missed(), *over("incomplete", "2 samples failed")],
            "2 of 4 samples failed: timeout",
        ),
        (
            [*run_of(1, made_of_them=0), missed(), *over("incomplete", "1 failed")],
            "1 of 1 sample failed: timeout",
        ),
        (
            [*run_of(4), *over("incomplete", "1 topic is missing")],
            "Incomplete: 1 topic is missing",
        ),
        ([*run_of(4, made_of_them=0), *over("aborted", f"wrong key {KEY}")], "Gave up: wrong key [hidden]"),
        ([RunFinished("stopped", "", 1.0)], "Stopped: nothing was begun"),
        ([TopicsReady("tree", 31, 25, "t.jsonl"), RunFinished("complete", "", 1.0)], "Complete: 31 topics"),
        (run_of(10, made_of_them=3), "Not finished: 3 of 10 samples"),
    ],
)
def test_the_headline_of_a_run_that_is_over_says_how_it_ended(events: list[Event], headline: str) -> None:
    assert view_of(*events, phase="over")["headline"] == headline


def test_a_run_that_was_asked_to_stop_says_so_before_its_engine_does() -> None:
    assert view_of(*run_of(10, made_of_them=3), phase="stopping")["headline"] == "Stopping: calls in flight finish"


def test_a_stage_tells_how_far_it_is_and_how_fast() -> None:
    topics, samples = view_of(*run_of(10, made_of_them=4), missed())["stages"]
    assert (topics["count"], topics["lost"], topics["left"], topics["active"]) == (
        "2 of 3 (66 %)",
        "1 missing",
        "",
        False,
    )
    assert samples == {
        "label": "Samples",
        "active": True,
        "done": 4,
        "failed": 1,
        "total": 10,
        "percent": 40,
        "count": "4 of 10 (40 %)",
        "lost": "1 failed",
        "rate": "24.0/min",
        "rates": [],
        "left": "about 10 s left",
        "elapsed": "10 s",
    }


def test_a_stopping_run_does_not_tell_how_long_the_rest_would_take() -> None:
    assert view_of(*run_of(10, made_of_them=4), phase="stopping")["stages"][1]["left"] == ""
    assert view_of(*run_of(10, made_of_them=4), Stopping("button"))["stages"][1]["left"] == ""


def test_a_stage_with_nothing_to_do_is_full() -> None:
    (stage,) = view_of(StageStarted("samples", 0, 4, 0.0))["stages"]
    assert (stage["percent"], stage["count"]) == (100, "nothing to do")


def test_a_stage_that_goes_on_has_its_rate_over_the_last_minute_in_a_number_and_a_picture() -> None:
    history, state = RateHistory(), fold(reduce, run_of(1000, made_of_them=0), RunState())
    for second in range(101):
        history.note(state, float(second))
        state = fold(reduce, [made()] * (8 if second < 60 else 2), state)
    topics, samples = run_view(state, RunHandle("1", "", "running"), now=111.0, history=history)["stages"]
    assert (topics["rates"], samples["rate"]) == ([], "4.0/s")
    assert (len(samples["rates"]), samples["rates"][0], samples["rates"][-1]) == (60, 100, 25)
    over = run_view(state, RunHandle("1", "", "over"), now=111.0, history=history)["stages"][1]
    assert (over["rates"], over["rate"]) == ([], "5.6/s")


def test_the_facts_are_in_plain_words() -> None:
    resumed = Resumed(40, {Kind.TIMEOUT: 2}, 0, 1, 1, None)
    view = view_of(
        *run_of(10, made_of_them=4), CallFailed(Kind.TIMEOUT, "", None), ReplyRejected((), Kind.TRUNCATED), resumed
    )
    assert facts(view) == {
        "Calls": "12 of at most 24 under way, 3 waiting",
        "Limit": "about 96 calls a second; the provider allows no more",
        "Retried calls": "1 rate limited",
        "Calls given up": "1 timeout",
        "Replies asked again": "1 truncated reply",
        "Tokens": "1,201 in, 35 out in all sessions",
        "Cost": "at least $0.50 (earlier sessions of unknown price)",
        "Structure": "tree of 3 topics, 2 leaves",
        "Resumed": "40 samples were there already; had failed: 2 timeout",
        "Models": "topics: a/topics, samples: b/samples",
    }


def test_a_run_that_is_over_has_no_calls_in_flight() -> None:
    assert "Calls" not in facts(view_of(*run_of(3), *over("complete"), phase="over"))


def test_failures_stand_by_category_the_most_frequent_first_with_examples() -> None:
    lost = ExpansionFailed(("root", "x"), Kind.INVALID_JSON, "no JSON", 3)
    view = view_of(lost, *[missed()] * 5, missed(Kind.AUTHENTICATION, f"Incorrect API key provided: {KEY}"))
    assert view["trouble"] == "7 (5 timeout, 1 authentication, 1 invalid JSON)"
    assert [(failure["kind"], failure["count"], len(failure["examples"])) for failure in view["failures"]] == [
        ("timeout", 5, 3),
        ("authentication", 1, 1),
        ("invalid JSON", 1, 1),
    ]
    assert view["failures"][1]["examples"][0]["message"] == "Incorrect API key provided: [hidden]"
    assert view["failures"][2]["examples"] == [{"path": "root > x", "message": "no JSON", "request": "", "reply": ""}]


def test_the_newest_sample_comes_first_and_each_keeps_its_number() -> None:
    view = view_of(*run_of(10_000))
    assert [sample["number"] for sample in view["samples"]] == list(range(10_000, 9_992, -1))
    assert view["samples"][0]["question"] == "text 9999"


def test_a_sample_keeps_its_lines_and_its_indents() -> None:
    view = view_of(made(text="def f():\r\n    return 1\n"))
    assert view["samples"][0]["answer"] == "def f():\n    return 1\n"


def test_the_latest_topic_is_shown_until_there_are_samples() -> None:
    assert view_of(*run_of(1)[:3])["topic"] == "root"
    assert view_of(*run_of(1))["topic"] == ""


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("data/my out.jsonl", "data/my%20out.jsonl"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("/home/out.jsonl", ""),
        ("../out.jsonl", ""),
    ],
)
def test_a_file_below_the_notebook_has_a_link(path: str, link: str) -> None:
    assert view_of(FileWritten("dataset", path))["files"] == [{"role": "Dataset", "path": path, "link": link}]


def test_a_folder_has_no_link() -> None:
    assert view_of(FileWritten("checkpoint", "out.checkpoint"))["files"][0]["link"] == ""


@pytest.mark.parametrize("samples", [0, 1, 10_000])
def test_a_view_is_small_json_of_printable_text_without_keys(samples: int) -> None:
    trouble = [missed(kind, HOSTILE) for kind in Kind for _ in range(5)]
    notices = [Notice(HOSTILE)] * 30
    budget = BudgetChanged(Amounts(1.0, 10, 10, 1.0), Amounts(0.1, 1, 1, 1.0), Amounts(), HOSTILE)
    events = [*run_of(samples, text=HOSTILE), *trouble, *notices, budget, LimiterChanged(1, 1, 1), Stopping(HOSTILE)]
    text = json.dumps(view := view_of(*events, name=HOSTILE), ensure_ascii=False)
    assert json.loads(text) == view
    assert len(text) < 20_000
    assert all(line.isprintable() for line in every_line(view))
    shown = [*view["notices"], *every_line(view["failures"]), *every_line(view["budget"]), *facts(view).values()]
    assert not [line for line in shown if "abcdef" in line]


# The budget.


def spent_of(limits: Amounts, *, name: str = "", cost: float | None = 0.1, likely: float = 4.0) -> list[Event]:
    """10 of 40 samples are made, for $1 and 12,000 tokens."""
    money = None if cost is None else Range(likely, likely, likely)
    tokens = Range(48_000, 48_000, 48_000)
    sample: list[Event] = [CallAnswered("m", 900, 300, cost, 1.0), made()]
    return [
        RunStarted("m", "m", 0.0),
        RunExpected(Expected(Range(40, 40, 40), tokens, tokens, tokens, money)),
        StageStarted("samples", 40, 4, 0.0),
        *sample * 10,
        BudgetChanged(limits, Amounts(cost and 10 * cost, 12_000, 10, 20.0), Amounts(0.5, 6000, 2), name),
    ]


def test_each_limit_of_a_budget_has_a_bar_in_percent() -> None:
    cost, tokens = view_of(*spent_of(Amounts(cost=5.0, tokens=120_000)))["budget"]["limits"]
    assert (cost["label"], cost["told"], cost["reservation"]) == ("Cost", "$1.00 of $5.00 (20 %)", "$0.50 reserved")
    assert (cost["spent"], cost["reserved"]) == (20.0, 10.0)
    assert cost["expected"] == pytest.approx(80, abs=1)
    assert cost["forecast"].startswith("forecast $4.00")
    assert (tokens["told"], tokens["spent"], tokens["warned"]) == ("12 k of 120 k tokens (10 %)", 10.0, False)


def test_a_run_without_a_budget_has_no_bars_and_its_forecast_among_the_facts() -> None:
    events = spent_of(Amounts())[:-1]
    view = view_of(*events)
    assert not any(view["budget"].values())
    assert facts(view)["Forecast"].startswith("about $4.00")
    assert "Forecast" not in facts(view_of(*events, *over("complete"), phase="over"))


def test_only_the_limit_that_will_be_reached_is_marked() -> None:
    budget = view_of(*spent_of(Amounts(cost=2.0, tokens=900_000), name="tea"))["budget"]
    assert [limit["warned"] for limit in budget["limits"]] == [True, False]
    assert budget["warning"].startswith(
        "About $4.00 expected with the other runs, $2.00 allowed: ends after about 20 of"
    )
    assert budget["shared"] == "shared with other runs: tea"


def test_at_the_end_of_a_budget_the_reason_is_told_whole_and_the_limit_is_marked() -> None:
    reason = f"$4.98 of $5.00 are spent; go on with: deepfabric generate {'folder/' * 40}tea.yaml --resume --max-cost 9"
    view = view_of(*spent_of(Amounts(cost=1.0, tokens=900_000)), *over("budget", reason), phase="over")
    assert (view["headline"], view["reason"]) == ("Budget reached: 10 of 40 samples", reason)
    assert [limit["warned"] for limit in view["budget"]["limits"]] == [True, False]
    assert view["budget"]["limits"][0]["expected"] is None


def test_what_a_percentage_does_not_say_stands_beside_it() -> None:
    events: list[Event] = [
        RunStarted("m", "m", 0.0),
        BudgetChanged(Amounts(1.0), Amounts(3.0), unanswered=Amounts(0.5)),
    ]
    (limit,) = view_of(*events)["budget"]["limits"]
    assert limit["told"] == (
        "$3.00 of $1.00 (100 %), more than allowed was spent before, up to $0.50 of it for calls without an answer"
    )


def test_other_endings_have_no_reason_below_their_headline() -> None:
    assert view_of(*run_of(4), *over("incomplete", "2 samples failed"), phase="over")["reason"] == ""


def test_money_is_not_told_of_where_its_price_is_unknown() -> None:
    view = view_of(*spent_of(Amounts(tokens=120_000), cost=None))
    assert facts(view)["Cost"] == "unknown"
    assert not [line for line in every_line(view["budget"]) if "$" in line]
