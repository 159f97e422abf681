"""The screen of a run, drawn for terminals of every size, and what keys change on it."""

from __future__ import annotations

import re
import unicodedata
from functools import reduce as fold
from io import BytesIO, StringIO, TextIOWrapper

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from deepfabric_core.amounts import Amounts, Expected, Range
from deepfabric_core.cli.rich_view import RichView
from deepfabric_core.cli.screen.item_browser import ItemBrowser
from deepfabric_core.cli.screen.keyboard import Decoder
from deepfabric_core.cli.screen.panes import Screen
from deepfabric_core.cli.screen.screen_state import Heading, ScreenState
from deepfabric_core.cli.screen.style import ScreenStyle, style_of
from deepfabric_core.cli.screen.terminal import Terminal
from deepfabric_core.errors import FailureKind as Kind
from deepfabric_core.events import (
    BudgetChanged,
    CallAnswered,
    Event,
    ExpansionFailed,
    LimiterChanged,
    Paused,
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

PATH = ("The culture of tea in East Asia and far beyond", "Brewing and temperatures of many kinds", "Water below 80 °C")
CJK = "茶の文化は東アジアにおいて非常に重要であり" * 9
ARABIC = "مرحبا بالعالم هذا نص طويل " * 9
EMOJI = "👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 é̂̃ Z̴̧͔͑a̷͓l̶g̸o " * 9
MIXED = [CJK, ARABIC, EMOJI, "plain text", "w" * 400]


def made(number: int, text: str = "") -> SampleFinished:
    return SampleFinished(f"id{number}", PATH, 1, 1, text or f"question {number}", text or f"answer {number}")


def failed(number: int) -> SampleFailed:
    return SampleFailed(f"id{number}", PATH, 1, Kind.TIMEOUT, f"no answer to number {number}, " * 5)


def begun(total: int = 10_000) -> list[Event]:
    return [
        RunStarted("openai/small", "openai/large", 0.0),
        StageStarted("topics", 3, 4, 0.0),
        TopicExpanded(PATH[:2], ("a", "b", "c")),
        StageFinished("topics", 1.0),
        StageStarted("samples", total, 4, 1.0),
    ]


def of(*events: Event, keys: str = "", size: tuple[int, int] = (120, 40), encoding: str = "utf-8") -> list[str]:
    """The screen after these events and keys, as lines; keys are words."""
    state, browser, history = RunState(), ItemBrowser(), RateHistory()
    for number, event in enumerate(events):
        state = reduce(state, event)
        browser.take(event)
        history.note(state, float(number))
    for key in keys.split():
        browser.press(key)
        lines = drawn(state, browser, history, size, encoding)
    return drawn(state, browser, history, size, encoding) if not keys else lines


def drawn(
    state: RunState, browser: ItemBrowser, history: RateHistory, size: tuple[int, int], encoding: str = "utf-8"
) -> list[str]:
    console = Console(file=TextIOWrapper(BytesIO(), encoding=encoding), width=size[0], height=size[1])
    shown = ScreenState(Heading("conf/tea.yaml", "out/tea.jsonl"), state, 61.0, history, browser, keys=True)
    lines = console.render_lines(Screen(shown), console.options.update_dimensions(*size))
    return ["".join(segment.text for segment in line) for line in lines]


def written(*events: Event) -> str:
    """What goes to a terminal of 100 by 24 for a frame."""
    state, browser, stream = RunState(), ItemBrowser(), StringIO()
    for event in events:
        state = reduce(state, event)
        browser.take(event)
    console = Console(file=stream, force_terminal=True, width=100, height=24)
    terminal = Terminal(console, lambda: Screen(ScreenState(Heading(), state, 61.0, RateHistory(), browser)))
    terminal.open()
    frame = stream.getvalue()
    terminal.close()
    return frame


SIZES = [(80, 24), (120, 40), (200, 50), (40, 12), (20, 5), (60, 1), (1, 1), (10, 3)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("samples", [0, 1, 10, 1000])
def test_the_screen_is_exactly_as_large_as_the_terminal(size: tuple[int, int], samples: int) -> None:
    lines = of(*begun(), *(made(n, MIXED[n % 5]) for n in range(samples)), failed(1), size=size)
    assert len(lines) == size[1]
    assert {cell_len(line) for line in lines} == {size[0]}


@settings(max_examples=60)
@given(
    st.text(max_size=300),
    st.integers(1, 220),
    st.integers(1, 60),
    st.sampled_from(["", "f", "enter", "? ", "down down enter end"]),
)
def test_no_text_of_a_model_makes_it_larger(text: str, width: int, height: int, keys: str) -> None:
    sample = SampleFinished("id", (text, text), 1, 2, text, text)
    lost = ExpansionFailed((text,), Kind.TIMEOUT, text, 2)
    lines = of(RunStarted(text, text, 0.0), *begun()[1:], sample, lost, sample, keys=keys, size=(width, height))
    assert len(lines) == height
    assert all(cell_len(line) <= width for line in lines)
    assert all(unicodedata.category(character) != "Cc" for line in lines for character in line)


@pytest.mark.parametrize(("size", "least"), [((80, 24), 3), ((120, 40), 8), ((200, 50), 11)])
def test_as_many_samples_as_fit_are_shown(size: tuple[int, int], least: int) -> None:
    lines = of(*begun(), *map(made, range(100)), size=size)
    assert sum("Q: question" in line for line in lines) >= least
    assert "100 " in next(line for line in lines if "Water below" in line)


def test_a_long_path_shows_its_leaf_and_not_its_root() -> None:
    for size in ((80, 24), (120, 40), (40, 14)):
        lines = "\n".join(of(*begun(), *map(made, range(9)), size=size))
        assert "Water below 80 °C" in lines
        assert "The culture of tea" not in lines


def test_the_header_names_config_dataset_models_and_time() -> None:
    lines = of(*begun())
    assert lines[0].startswith("conf/tea.yaml → out/tea.jsonl ")
    assert lines[0].endswith(" 1 min 1 s")
    assert lines[1].startswith("topics: openai/small, samples: openai/large")


def test_a_header_without_room_keeps_the_end_of_the_file_and_the_time() -> None:
    line = of(*begun(), size=(21, 8))[0]
    assert line == "…/tea.yaml  1 min 1 s"


@pytest.mark.parametrize(
    ("event", "word"),
    [(Paused(30.0), "PAUSED"), (Stopping("q"), "STOPPING"), (RunFinished("stopped", "", 50.0), "STOPPED")],
)
def test_the_header_says_when_not_all_goes_on_as_usual(event: Event, word: str) -> None:
    assert f" {word} " in of(*begun(), event)[0]
    assert word not in of(*begun())[0]


def test_time_in_the_header_stands_still_in_a_pause() -> None:
    lines = of(*begun(), Paused(31.0))
    assert lines[0].endswith("PAUSED  31 s")
    assert lines[1].endswith("30 s of pause")


def test_the_stop_says_what_it_waits_for() -> None:
    text = " ".join("".join(of(*begun(), LimiterChanged(8, 7, 0), Stopping("why"), size=(200, 50))).split())
    assert "Stopping: at next checkpoint (waiting for 7 calls" in text


def test_on_a_single_line_there_is_progress() -> None:
    assert of(*begun(), *map(made, range(9)), size=(60, 1))[0].startswith("Samples 9/10,000 (0 %), 1.0/s ")


def test_a_low_screen_shows_the_stage_under_way() -> None:
    assert any("Samples 0/10,000" in line for line in of(*begun(), size=(40, 6)))


def test_failures_of_the_first_session_are_told_from_those_of_this_one() -> None:
    lines = of(RunStarted("m", "m", 0.0), Resumed(40, {Kind.TIMEOUT: 2}, 0, 10, 5, 0.5, calls=50, seconds=9.0))
    assert any("Resumed     40 samples were" in line for line in lines)
    assert any("2 timeout" in line for line in lines)


# The budget.


def spending(spent: float, limit: float = 5.0, likely: float = 4.1, name: str = "") -> list[Event]:
    """A run in its samples that has spent so much of a budget."""
    cost = Range(0.9 * likely, likely, 1.1 * likely)
    reckoned = Expected(cost, cost, cost, cost, cost)
    calls: list[Event] = [CallAnswered("m", 500, 100, spent / 10, 1.0), made(1)] * 10
    told = BudgetChanged(Amounts(cost=limit), Amounts(spent, 6000, 10, 9.0), Amounts(0.3, 900, 2), name)
    return [RunStarted("m", "m", 0.0), RunExpected(reckoned), StageStarted("samples", 20, 4, 0.0), *calls, told]


def test_on_a_low_screen_money_is_told_before_anything_else_about_the_run() -> None:
    before = Resumed(40, {Kind.TIMEOUT: 2}, 0, 10, 5, 0.5, calls=50, seconds=9.0)
    topics = TopicsReady("graph", 40, 27, "a topics file of an earlier run.jsonl")
    limit = LimiterChanged(16, 7, 9, None, "rate", 90.0)
    lines = of(*begun(), before, *spending(2.0)[1:], topics, limit, failed(1), size=(80, 24))
    labels = [match[1] for line in lines if (match := re.match(r"[│|] (Cost|Forecast|Limit|Structure) ", line))]
    assert labels[:2] == ["Cost", "Forecast"]


def bar_under(head: str, lines: list[str]) -> str:
    """The bar in the line below the one with this text, without its frame."""
    number = next(number for number, line in enumerate(lines) if head in line)
    return lines[number + 1].strip("│| ").split("││")[0].split("||")[0].strip()


def test_the_budget_is_a_bar_of_what_is_spent_and_reserved_with_a_mark_at_the_forecast() -> None:
    lines = of(*spending(2.0), size=(80, 24))
    bar = bar_under("Budget $2.00 of $5.00 (40 %)", lines)
    assert re.fullmatch("━+╍+─+┃─+", bar)
    assert (len(bar), bar.count("━"), bar.count("╍")) == (35, 14, 3)
    assert any("forecast $4.0" in line for line in lines)
    assert bar_under("Budget", of(*spending(2.0), size=(80, 24), encoding="ascii")).count("#") == 14


@pytest.mark.parametrize(
    ("spent", "limit", "bar"),
    [(0.0, 5.0, "╍{3}─+┃─+"), (0.001, 5.0, "━╍{3}─+┃─+"), (4.999, 5.0, "━{34}┃"), (9.0, 5.0, "━{34}┃")],
)
def test_anything_spent_takes_a_cell_and_only_a_budget_that_is_used_up_is_full(
    spent: float, limit: float, bar: str
) -> None:
    assert re.fullmatch(bar, bar_under("Budget", of(*spending(spent, limit), size=(80, 24))))


def test_a_forecast_above_the_budget_is_a_warning_in_its_colour() -> None:
    lines = of(*spending(2.0, 3.0), size=(80, 24))
    text = " ".join(" ".join(line[1:38] for line in lines).split())
    assert re.search(r"About \$4\.\d+ expected, \$3\.00 allowed: ends after about 1\d of 20 samples", text)
    assert "expected" not in "".join(of(*spending(2.0)))


def test_the_warning_has_the_colour_of_warnings() -> None:
    console = Console(file=StringIO(), force_terminal=True, color_system="256", width=120, height=40)
    state = fold(reduce, spending(2.0, 3.0), RunState())
    shown = ScreenState(Heading(), state, 61.0, RateHistory(), ItemBrowser())
    segments = [
        part for line in console.render_lines(Screen(shown)) for part in line if part.style and part.style.color
    ]
    colours = {part.style.color.name for part in segments if part.style and part.style.color and "allowed" in part.text}
    assert colours == {"color(130)"}


@pytest.mark.parametrize("width", [80, 120])
def test_at_the_end_of_a_budget_header_and_reason_say_so_and_a_command_stays_whole(width: int) -> None:
    command = "deepfabric generate tea.yaml --resume --max-cost 12"
    over = RunFinished("budget", f"$4.98 of $5.00 are spent, and the next call may cost $0.03; {command}", 50.0)
    lines = of(*spending(4.98), over, size=(width, 24))
    assert " BUDGET REACHED " in lines[0]
    said = " ".join(line.strip() for line in lines[2:5])
    assert said.startswith("Budget reached: $4.98 of $5.00 are spent, and the next call may cost $0.03; ")
    assert command in said
    assert re.fullmatch("━+─", bar_under("Budget $4.98 of $5.00 (99 %)", lines))
    assert not any("forecast" in line for line in lines)


@settings(max_examples=40)
@given(st.text(max_size=90), st.integers(1, 200), st.integers(1, 50), st.floats(0, 9), st.booleans())
def test_no_budget_makes_the_screen_larger(name: str, width: int, height: int, spent: float, over: bool) -> None:
    events = [*spending(spent, name=name), *([RunFinished("budget", name * 9, 50.0)] if over else [])]
    lines = of(*events, size=(width, height))
    assert len(lines) == height
    assert all(cell_len(line) <= width for line in lines)


# Keys.


def test_arrows_hold_the_list_still_and_go_through_it() -> None:
    events = (*begun(), *map(made, range(50)))
    assert "Latest samples" in "".join(of(*events))
    held = "".join(of(*events, keys="down down down"))
    assert "Samples: 3 of 50" in held


def test_what_is_held_does_not_move_when_more_arrives() -> None:
    browser = ItemBrowser()
    for number in range(10):
        browser.take(made(number))
    browser.press("down")
    before = browser.entries()
    for number in range(10, 500):
        browser.take(made(number))
    assert browser.entries() == before
    lines = "".join(drawn(RunState(), browser, RateHistory(), (120, 40)))
    assert "Samples: 1 of 10, 490 newer" in lines
    browser.press("home")
    assert browser.entries()[0].event == made(499)


@pytest.mark.parametrize("size", SIZES[:4])
def test_the_chosen_one_is_always_in_sight(size: tuple[int, int]) -> None:
    events, shown = [*begun(), *map(made, range(40))], []
    for steps in (1, 5, 20, 40):
        lines = of(*events, keys="down " * steps, size=size)
        shown.append(any(f"question {40 - steps}" in line for line in lines))
    assert all(shown)
    assert any("question 0" in line for line in of(*events, keys="end", size=size))
    assert any("question 39" in line for line in of(*events, keys="end home", size=size))


def test_pages_are_as_long_as_what_is_shown() -> None:
    events = [*begun(), *map(made, range(40))]
    browser = ItemBrowser()
    for event in events:
        browser.take(event)
    browser.press("down")
    drawn(RunState(), browser, RateHistory(), (120, 40))
    first, page = browser.index, browser.page
    browser.press("pagedown")
    assert browser.index == first + page > 5


def test_a_text_is_shown_whole_and_scrolled() -> None:
    text = "\n".join(f"line {n} of it" for n in range(100))
    events = (*begun(), made(1, text))
    opened = of(*events, keys="enter")
    assert any("line 0 of it" in line for line in opened)
    assert any("more lines" in line for line in opened)
    assert any("line 99 of it" in line for line in of(*events, keys="enter end"))
    assert any("The culture of tea in East Asia and far beyond" in line for line in opened)
    back = "".join(of(*events, keys="enter escape"))
    assert "Samples: 1 of 1" in back


def test_failures_are_a_key_away_with_their_full_reason() -> None:
    reason = "the provider said: " + "because " * 60 + "at last"
    lost = SampleFailed("id", PATH, 1, Kind.BAD_REQUEST, reason)
    events = (*begun(), made(1), failed(1), lost)
    listed = " ".join(of(*events, keys="f"))
    assert "Latest failures" in listed and "bad request: the provider said" in listed
    opened = "".join(line.split("│")[-2] for line in of(*events, keys="tab enter")[3:-2])
    assert "at last" in " ".join(opened.split())
    assert "Latest samples" in "".join(of(*events, keys="f f"))


def test_failures_say_so_when_there_are_none() -> None:
    assert any("Nothing has failed" in line for line in of(*begun(), made(1), keys="tab"))


def test_topics_are_shown_until_there_are_samples() -> None:
    growing = of(*begun()[:3])
    assert any("Latest topics" in line for line in growing) and any("a, b, c" in line for line in growing)
    assert any("Latest samples" in line for line in of(*begun(), made(1)))


def test_a_question_mark_lists_the_keys() -> None:
    lines = of(*begun(), made(1), keys="?")
    assert any("Tab, f" in line for line in lines)
    assert not any("Tab, f" in line for line in of(*begun(), made(1), keys="? escape"))


def test_only_so_much_is_kept_however_long_the_run() -> None:
    browser = ItemBrowser()
    for number in range(10_000):
        browser.take(made(number))
        browser.take(failed(number))
    assert len(browser.entries()) == 300
    assert browser.counts["failures"] == 10_000


@pytest.mark.parametrize(
    "keys", ["enter", "down", "end", "pagedown", "tab enter", "up", "left", "? ?", "x", "enter end up"]
)
def test_keys_do_no_harm_where_there_is_nothing(keys: str) -> None:
    assert len(of(*begun()[:1], keys=keys)) == 40


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"qp?", ["q", "p", "?"]),
        (b"\x1b[A\x1b[B\x1bOC\x1b[D", ["up", "down", "right", "left"]),
        (b"\x1b[5~\x1b[6~\x1b[H\x1b[4~", ["pageup", "pagedown", "home", "end"]),
        (b"\r\n\t\x7f", ["enter", "enter", "tab", "backspace"]),
        (b"\x1b", ["escape"]),
        (b"\x1bq", []),
        (b"\x1b[200~quit p\x1b[201~j", ["j"]),
        (b"\x1b[1;5A\x1b[<0;1;2M", []),
        ("ж茶".encode(), []),
        (b"", []),
    ],
)
def test_bytes_become_keys(data: bytes, keys: list[str]) -> None:
    assert list(Decoder().keys(data)) == keys


@given(st.lists(st.sampled_from([b"\x1b[A", b"\x1b[5~", b"q", b"\t", b"\x1bOH"]), max_size=8), st.data())
def test_sequences_may_arrive_in_pieces(keys: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(keys)
    cuts = [n for n in range(1, len(whole)) if whole[n - 1 : n] != b"\x1b"]
    cut = data.draw(st.sampled_from([0, *cuts]))
    decoder = Decoder()
    assert [*decoder.keys(whole[:cut]), *decoder.keys(whole[cut:])] == list(Decoder().keys(whole))


@given(st.binary(max_size=64))
def test_no_bytes_break_the_reading_of_keys(data: bytes) -> None:
    assert all(key.isprintable() for key in Decoder().keys(data))


# Sparklines.


def test_rate_and_calls_in_flight_are_drawn_as_sparklines() -> None:
    state, history = RunState(), RateHistory()
    for event in begun():
        state = reduce(state, event)
    for second in range(20):
        busy = max(0, second - 10)
        events: list[Event] = [LimiterChanged(16, busy, 0), *[made(1)] * busy]
        state = fold(reduce, events, state)
        history.note(state, float(second))
    lines = drawn(state, ItemBrowser(), history, (80, 24))
    rate, calls = (next(line for line in lines if f"│ {name}" in line) for name in ("Rate", "In flight"))
    assert "▁" in rate and "█" in rate
    assert "▁" in calls and "█" in calls
    assert "9 " in calls.split("││")[0]


def test_the_number_beside_the_sparkline_is_over_the_same_time_and_the_only_rate_of_a_stage_that_goes_on() -> None:
    state, history = fold(reduce, begun(), RunState()), RateHistory()
    for second in range(200):  # 10 a second, then 2 a second
        state = fold(reduce, [made(1)] * (10 if second < 100 else 2), state)
        history.note(state, float(second))
    shown = "\n".join(drawn(state, ItemBrowser(), history, (80, 24)))
    assert re.findall(r"[\d.]+/(?:s|min)", shown) == ["3.0/s", "2.0/s"]  # the topics are over


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("size", [(40, 24), (80, 24), (200, 50)])
def test_a_sparkline_of_any_width_has_the_whole_minute(size: tuple[int, int], encoding: str) -> None:
    state, history = fold(reduce, begun(), RunState()), RateHistory()
    for second in range(120):  # much in the first 20 seconds of the last minute
        state = fold(reduce, [made(1)] * (10 if 60 <= second < 80 else 1), state)
        history.note(state, float(second))
    line = next(line for line in drawn(state, ItemBrowser(), history, size, encoding) if " Rate " in line)
    assert ("#" if encoding == "ascii" else "█") in line
    assert "3.9/s" in line or "4.0/s" in line


# Terminals.


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("size", SIZES[:5])
def test_what_an_encoding_lacks_is_not_written(encoding: str, size: tuple[int, int]) -> None:
    events = (*begun(), *(made(n, MIXED[n % 5]) for n in range(9)), failed(1), LimiterChanged(4, 3, 0))
    lines = of(*events, size=size, encoding=encoding)
    "".join(lines).encode(encoding)
    assert len(lines) == size[1]
    assert all(len(line) <= size[0] for line in lines)


@pytest.mark.parametrize("colours", ["truecolor", "256"])
def test_each_colour_stands_out_from_white_and_from_black(colours: str) -> None:
    console = Console(file=StringIO(), force_terminal=True, color_system=colours)  # type: ignore[arg-type]
    look = style_of(console)
    for name in (look.accent, look.bad, look.warn, look.quiet):
        luminance = _luminance(name)
        assert (1.05) / (luminance + 0.05) >= 3.5
        assert (luminance + 0.05) / 0.05 >= 3.5


def _luminance(name: str) -> float:
    from rich.style import Style

    colour = Style.parse(name).color
    assert colour is not None
    parts = [value / 255 for value in colour.get_truecolor()]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_with_sixteen_colours_only_red_is_used_since_the_others_are_the_themes() -> None:
    look = style_of(Console(file=StringIO(), force_terminal=True, color_system="standard"))
    assert {look.accent, look.bad, look.warn, look.quiet} == {"bold", "red", "none"}


def test_without_colour_nothing_is_lost() -> None:
    stream = StringIO()
    with RichView(Console(file=stream, force_terminal=True, width=80, height=24, no_color=True)) as view:
        for event in (*begun(), made(1), failed(1)):
            view(event)
    styles = {code for codes in re.findall(r"\x1b\[([\d;]*)m", stream.getvalue()) for code in codes.split(";")}
    assert styles <= {"0", "1", "7"}
    assert "1 failed" in stream.getvalue()


@pytest.mark.parametrize("text", [CJK, ARABIC, EMOJI, "a\u0301" * 200, "🇩🇪" * 50])
def test_columns_stand_still_beside_any_writing(text: str) -> None:
    """On a real terminal, which may think a character wider or narrower than the screen does."""
    terminal = pyte.Screen(100, 24)
    pyte.Stream(terminal).feed(written(*begun(), *[made(1, text)] * 5, *[failed(1)] * 2))
    for row in range(3, 22):
        cells = terminal.buffer[row]
        assert [cells[column].data for column in (0, 38, 39, 99)] == ["│"] * 4


def test_writing_from_right_to_left_does_not_turn_round_what_is_beside_it() -> None:
    line = next(part for part in written(made(1, ARABIC)).split("\x1b[") if "مرحبا" in part)
    assert line.endswith("\u200e")


def test_a_look_cuts_by_columns_and_not_by_characters() -> None:
    look = ScreenStyle("utf-8", "", "", "", "")
    for cells in range(30):
        assert cell_len(look.start(CJK, cells)) <= cells
        assert cell_len(look.end(CJK, cells)) <= cells
        assert cell_len(look.path((CJK, "b", CJK), cells)) <= cells
    assert look.end("/a/long/folder/tea.yaml", 12) == "…er/tea.yaml"
