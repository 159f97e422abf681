"""What the simple and the rich view show, and what they never let through."""

from __future__ import annotations

import re
import time
from io import BytesIO, StringIO, TextIOWrapper

import pytest
from rich.cells import cell_len
from rich.console import Console

from deepfabric_core.amounts import Amounts, Expected, Range
from deepfabric_core.cli.rich_view import RichView
from deepfabric_core.errors import FailureKind as Kind
from deepfabric_core.events import (
    BudgetChanged,
    CallAnswered,
    CallFailed,
    Event,
    ExpansionFailed,
    FileWritten,
    LimiterChanged,
    Notice,
    Paused,
    ReplyRejected,
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
    WentOn,
)
from deepfabric_core.printable import printable, printable_path
from deepfabric_core.redaction import redact
from deepfabric_core.text.simple_view import SimpleView

HOSTILE = "[red]x[/red] [/] \x1b[31m\x9b2J\r\n\x07\u202egnp.exe\u2066 \ud800 مرحبا 你好 " + "w" * 300


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def made(text: str = "text") -> SampleFinished:
    return SampleFinished("id", ("root", text), 1, 1, text, text)


def run_of(samples: int, text: str = "text", failed: int = 0) -> list[Event]:
    return [
        RunStarted(text, text, 0.0),
        StageStarted("topics", 2, 4, 0.0),
        TopicExpanded((text,), (text,), 1),
        ExpansionFailed((text,), Kind.TIMEOUT, text, 1),
        StageFinished("topics", 1.0),
        TopicsReady("tree", 2, 1, text),
        StageStarted("samples", samples, 4, 1.0),
        CallFailed(Kind.RATE_LIMITED, text, 2.0),
        CallFailed(Kind.TIMEOUT, text, None),
        ReplyRejected((text,), Kind.INVALID_JSON),
        LimiterChanged(2, 1, 3, None, "places", 2),
        CallAnswered(text, 10, 5, 0.5, 1.0),
        *[made(text)] * (samples - failed),
        *[SampleFailed("id", (text,), 1, Kind.TIMEOUT, text)] * failed,
        Notice(text),
        Stopping(text),
        StageFinished("samples", 9.0),
        FileWritten("dataset", text),
        RunFinished("stopped", text, 9.0),
    ]


def simple(events: list[Event], clock: Clock | None = None) -> list[str]:
    stream = StringIO()
    with SimpleView(stream, clock or Clock()) as view:
        for event in events:
            view(event)
    return stream.getvalue().splitlines()


def drawn(events: list[Event], width: int, height: int = 30) -> tuple[list[str], str]:
    """The pane as plain lines, and everything that went to the terminal."""
    stream = StringIO()
    console = Console(file=stream, width=width, height=height, force_terminal=True)
    with RichView(console, lambda: 9.0) as view:
        for event in events:
            view(event)
        plain = Console(file=StringIO(), width=width, height=height, color_system=None)
        with plain.capture() as capture:
            plain.print(view.render())
    return capture.get().splitlines(), stream.getvalue()


@pytest.mark.parametrize("character", ["\x1b", "\x9b", "\x07", "\u202e", "\u2066", "\u2069", "\ud800", "\n", "\u2028"])
def test_no_character_that_steers_a_terminal_stays(character: str) -> None:
    assert character not in printable(f"a{character}b")


def test_a_long_text_is_cut_to_the_width_with_an_ellipsis() -> None:
    assert printable("abcdef", 4) == "abc…"
    assert printable("abcd", 4) == "abcd"
    assert printable("abcd", 0) == ""


def test_a_long_path_keeps_its_last_topics() -> None:
    assert printable_path(("root topic", "middle", "leaf"), 20) == "… > middle > leaf"


@pytest.mark.parametrize("secret", ["sk-abcdef123456", "Bearer abcdef123456", "api_key=abcdef123456"])
def test_a_key_quoted_by_a_provider_is_hidden(secret: str) -> None:
    assert "abcdef" not in redact(f"refused: {secret}, see the docs")


@pytest.mark.parametrize("samples", [0, 1, 10_000])
def test_the_simple_view_writes_plain_lines_for_any_number_of_samples(samples: int) -> None:
    lines = simple(run_of(samples, HOSTILE))
    assert all(character.isprintable() for line in lines for character in line)
    assert len(lines) < 40
    assert any(line.startswith(f"Samples finished: {samples:,}/{samples:,}") for line in lines)


def test_the_simple_view_tells_progress_pace_and_trouble_in_one_line() -> None:
    clock = Clock()
    clock.now = 10.0
    lines = simple([*run_of(100, failed=2)[6:8], *[made()] * 40], clock)
    assert lines[-1] == "samples 40/100 (40 %), 4.4/s, about 14 s left, 1 retry"
    assert [line.split("(")[1][:2] for line in lines if line.startswith("samples ")] == ["10", "20", "30", "40"]


def test_the_simple_view_tells_what_is_spent_and_what_is_expected_in_its_lines_of_progress() -> None:
    cost, tokens = Range(3.0, 4.0, 5.0), Range(1e6, 1.2e6, 1.4e6)
    reckoned = RunExpected(Expected(tokens, tokens, tokens, tokens, cost))
    begun = StageStarted("samples", 10, 4, 0.0)
    calls: list[Event] = [CallAnswered("m", 90_000, 30_000, 0.4, 1.0), made()]
    assert ", forecast $4.0" in simple([reckoned, begun, *calls])[-1]
    limited = BudgetChanged(Amounts(cost=5.0), Amounts(0.4, 120_000, 1, 9.0))
    assert re.search(
        r", \$0\.40 of \$5\.00 spent, forecast \$\d\.\d+ \(", simple([reckoned, begun, limited, *calls])[-1]
    )
    assert "forecast" not in simple([begun, *calls])[-1]


def test_the_simple_view_says_that_the_budget_is_reached() -> None:
    assert simple([RunFinished("budget", "$5.00 are spent", 1.0)]) == ["Finished: budget reached: $5.00 are spent"]


def test_the_simple_view_gives_a_sign_of_life_after_ten_seconds() -> None:
    clock, stream = Clock(), StringIO()
    view = SimpleView(stream, clock)
    view(StageStarted("samples", 1000, 4, 0.0))
    for now in (1.0, 9.0, 10.5, 11.0):
        clock.now = now
        view(made())
    assert [line for line in stream.getvalue().splitlines() if line.startswith("samples")] == [
        "samples 3/1,000 (0 %), 17.1/min, about 58 min 10 s left"
    ]


def test_the_simple_view_names_the_first_failures_and_counts_the_others() -> None:
    lines = simple(run_of(100, failed=50))
    assert sum(line.startswith("Failed sample") for line in lines) == 10
    assert "50 failed (50 timeout)" in next(line for line in lines if line.startswith("Samples finished"))


def test_the_simple_view_names_the_first_twenty_topics_and_then_only_tenths() -> None:
    grown: list[Event] = [TopicExpanded(("r", str(n)), ("c",) * 10) for n in range(100)]
    lines = simple([StageStarted("topics", 1000, 4, 0.0), *grown])
    assert sum(line.startswith("Topic r") for line in lines) == 20
    assert next(line for line in lines if line.startswith("topics ")).startswith("topics 300/1,000 (30 %)")


def test_the_simple_view_announces_the_first_retry_of_each_kind_only() -> None:
    kinds = [Kind.TIMEOUT, Kind.RATE_LIMITED, Kind.TIMEOUT, Kind.TIMEOUT]
    lines = simple([CallFailed(kind, "why", 1.0) for kind in kinds])
    assert lines == ["Retry: timeout, again in 1.0 s: why", "Retry: rate limited, again in 1.0 s: why"]


def test_the_simple_view_says_at_once_that_it_is_stopping() -> None:
    assert simple([Stopping("Ctrl-C")]) == ["Stopping: at next checkpoint (Ctrl-C)"]


def test_the_simple_view_says_that_a_budget_stops_the_run_and_not_that_calls_that_wait_for_it_are_in_flight() -> None:
    lines = simple([LimiterChanged(16, 7, 0), Stopping("the budget is reached")])
    assert lines == ["Stopping: the budget is reached; calls in flight finish"]


def test_the_simple_view_says_how_many_calls_a_stop_still_waits_for() -> None:
    lines = simple([LimiterChanged(16, 7, 0), Stopping("Ctrl-C again leaves at once")])
    assert lines == ["Stopping: at next checkpoint (waiting for 7 calls in flight; Ctrl-C again leaves at once)"]


def test_the_simple_view_names_a_limit_once_and_with_each_progress_while_it_binds() -> None:
    clock = Clock()
    limits = [LimiterChanged(64, 9, 9, None, "rate", rate) for rate in (90.0, 96.0)]
    free = LimiterChanged(64, 64, 9, None, "ceiling", 64)
    lines = simple([StageStarted("samples", 10, 64, 0.0), *limits, made(), free, made()], clock)
    assert lines[1] == "Limit: about 90 calls a second; the provider allows no more"
    assert lines[2].endswith(" (limit: about 96 calls a second; the provider allows no more)")
    assert "limit" not in lines[3]
    assert len(lines) == 4


def test_the_simple_view_tells_a_pause_and_its_end() -> None:
    lines = simple([LimiterChanged(16, 1, 3), Paused(10.0), LimiterChanged(16, 0, 4), WentOn(75.0)])
    assert lines == [
        "Paused: no call is begun, waiting for 1 call in flight",
        "Going on after 1 min 5 s of pause",
    ]


def test_the_simple_view_accounts_for_every_topic() -> None:
    events: list[Event] = [
        StageStarted("topics", 12, 4, 0.0),
        TopicExpanded(("r",), ("a", "b"), missing=1, below=3),
        ExpansionFailed(("r", "a"), Kind.TIMEOUT, "slow", 3),
        StageFinished("topics", 2.0),
    ]
    lines = simple(events)
    assert lines[1] == "Topic r: 2 subtopics, 1 missing and 3 below"
    assert lines[-1] == "Topics finished: 2/12 (16 %) in 2 s, 7 missing, 3 left to make"


def test_the_simple_view_copes_with_a_terminal_that_knows_only_ascii() -> None:
    raw = BytesIO()
    stream = TextIOWrapper(raw, encoding="ascii")
    SimpleView(stream, Clock())(Notice("naïve 你好"))
    assert raw.getvalue().splitlines() == [b"Note: na\\xefve \\u4f60\\u597d"]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 160])
@pytest.mark.parametrize("samples", [0, 1, 10_000])
def test_the_rich_view_never_leaves_its_box(width: int, samples: int) -> None:
    lines, _ = drawn(run_of(samples, HOSTILE), width)
    assert all(cell_len(line) <= width for line in lines)
    assert len(lines) == 30


@pytest.mark.parametrize("height", [1, 2, 5, 6, 10, 24])
@pytest.mark.parametrize("width", [40, 160])
def test_the_rich_view_is_as_high_as_the_terminal(width: int, height: int) -> None:
    lines, _ = drawn(run_of(100, HOSTILE, failed=3), width, height)
    assert len(lines) == height


@pytest.mark.parametrize("width", [40, 160])
def test_the_rich_view_shows_hostile_text_as_text(width: int) -> None:
    lines, terminal = drawn([*run_of(1)[:7], made(HOSTILE)], width)
    assert "[red]x[/red]" in "\n".join(lines)
    for sequence in ("\x1b[31m\\x9b", "\x9b", "\x07", "\u202e", "\u2066", "\ud800"):
        assert sequence not in terminal


def test_the_panes_stand_side_by_side_when_there_is_room() -> None:
    wide, _ = drawn(run_of(10), 160)
    narrow, _ = drawn(run_of(10), 60)
    assert any("Progress" in line and "Latest" in line for line in wide)
    assert not any("Progress" in line and "Latest" in line for line in narrow)
    assert any("Progress" in line for line in narrow)
    assert any("Latest" in line for line in narrow)


def test_the_rich_view_tells_every_number() -> None:
    text = "\n".join(drawn(run_of(10, failed=2)[:-4], 160)[0])
    for part in (
        "Samples 8/10 (80 %), 2 failed",
        "3 timeout",
        "1 rate limited",
        "10 in, 5 out",
        "$0.50",
        "about 0 s left",
        "1 of at most 2 under way, 3 waiting",
        "Limit       2 calls at once; the provider allows no",
    ):
        assert part in text


def test_the_rich_view_says_that_it_is_stopping() -> None:
    lines, _ = drawn([StageStarted("samples", 3, 1, 0.0), Stopping("Ctrl-C")], 160)
    assert any("Stopping: at next checkpoint (Ctrl-C)" in line for line in lines)


def test_an_event_does_not_draw_so_a_flood_of_them_is_cheap() -> None:
    stream = StringIO()
    started = time.monotonic()
    with RichView(Console(file=stream, width=120, height=30, force_terminal=True)) as view:
        for event in run_of(10_000):
            view(event)
    frames = stream.getvalue().count("Progress")
    assert frames <= 4 + 9 * (time.monotonic() - started)
    assert view.state.samples_done == 10_000


def test_the_last_state_stays_on_the_screen() -> None:
    _, terminal = drawn(run_of(10), 160)
    assert "Run stopped" in terminal.rsplit("\x1b[?1049l", 1)[-1]
