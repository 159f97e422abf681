"""The whole command on a terminal: its keys, and that the terminal is as it was after every kind of end."""

from __future__ import annotations

import re
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import ROOT
from tests.core.conftest import local_llm, write_config
from tests.provider import Faults, LocalProvider
from tests.terminal import Terminal, deepfabric

ENDLESS = 90_000
_FRAME = "\x1b[?2026h"
# A library that warns once it is told to, from a thread of its own.
_WARNING = """
import logging, pathlib, threading, time

def warn():
    while not pathlib.Path("now").exists():
        time.sleep(0.02)
    logging.getLogger("library").warning("something odd")
    pathlib.Path("warned").touch()

threading.Thread(target=warn, daemon=True).start()
"""


def config(place: Path, samples: int = ENDLESS, *, latency: float = 0.05, **simulated: float) -> str:
    return write_config(
        place,
        llm={"provider": "simulated", "simulated": {"latency": latency, **simulated}},
        output={"num_samples": samples, "batch_size": 4},
    )


def running(place: Path, *arguments: str, size: tuple[int, int] = (100, 30), **environment: str) -> Terminal:
    """A run that makes samples and doesn't end by itself."""
    terminal = deepfabric(place, "generate", config(place), *arguments, size=size, **environment)
    terminal.wait_for_text("Latest samples")
    return terminal


def left_pane(terminal: Terminal) -> str:
    """Its text, however its lines are broken."""
    return " ".join(" ".join(line.split("│")[1] for line in terminal.lines if line.count("│") > 1).split())


def assert_given_back(terminal: Terminal) -> None:
    """The terminal echoes, wraps, shows its cursor and what it showed before; nothing is marked as pasted."""
    assert terminal.mode == terminal.mode_before
    for on, off in (("?1049h", "?1049l"), ("?25l", "?25h"), ("?7l", "?7h"), ("?2004h", "?2004l")):
        assert terminal.written.count(f"\x1b[{on}") > 0
        assert terminal.written.rindex(f"\x1b[{off}") > terminal.written.rindex(f"\x1b[{on}")


# However it ends.


def test_after_a_complete_run_the_terminal_is_as_before_and_the_last_state_stays(place: Path) -> None:
    with deepfabric(place, "generate", config(place, 20), size=(100, 40)) as terminal:
        assert terminal.end() == 0
        assert_given_back(terminal)
        left = terminal.written.rpartition("\x1b[?1049l")[2]
    assert "Run complete" in left
    assert "20 of 20 delivered" in left


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (lambda terminal: terminal.type("q"), 130),
        (lambda terminal: terminal.type("\x03"), 130),
        (lambda terminal: terminal.type("\x03\x03\x03"), 130),
        (lambda terminal: terminal.send(signal.SIGTERM), 130),
        (lambda terminal: terminal.type("\x1c"), -signal.SIGQUIT),
        (lambda terminal: terminal.send(signal.SIGHUP), 130),
    ],
    ids=["q", "Ctrl-C", "Ctrl-C thrice", "SIGTERM", "Ctrl-backslash", "SIGHUP"],
)
def test_however_a_run_is_ended_the_terminal_is_given_back(
    place: Path, how: Callable[[Terminal], None], code: int
) -> None:
    with running(place) as terminal:
        how(terminal)
        assert terminal.end() == code
        assert_given_back(terminal)


def test_after_an_error_the_terminal_is_given_back(place: Path) -> None:
    with running(place) as terminal:
        (place / "out/dataset.journal.jsonl").unlink()
        shutil.rmtree(place / "out")
        (place / "out").write_text("no folder any more")
        terminal.type("q")
        assert terminal.end() == 1
        assert_given_back(terminal)
    assert "Error: " in terminal.written.rpartition("\x1b[?1049l")[2]


def test_a_run_that_gives_up_leaves_its_reason_on_the_terminal(place: Path) -> None:
    write_config(place, llm={"simulated": {"server_errors": 1.0}}, topics={"max_retries": 0})
    with deepfabric(place, "generate", "config.yaml", size=(100, 40)) as terminal:
        assert terminal.end() == 1
        assert_given_back(terminal)
    assert "No topics could be grown" in terminal.written.rpartition("\x1b[?1049l")[2]


# Keys.


def test_q_stops_gently_and_the_screen_says_what_it_waits_for(place: Path, provider: LocalProvider) -> None:
    write_config(place, llm=local_llm(provider), output={"num_samples": 500, "batch_size": 3})
    with deepfabric(place, "generate", "config.yaml", size=(120, 30)) as terminal:
        terminal.wait_for_text("Latest samples")
        provider.faults = Faults(latency=3)
        before = provider.counts.requests
        terminal.wait_for(lambda: provider.counts.requests >= before + 3)
        terminal.type("q")
        terminal.wait_for_text("STOPPING")
        terminal.wait_for(lambda: "waiting for 3 calls in flight; Ctrl-C again leaves at once" in left_pane(terminal))
        terminal.type("q")
        assert terminal.end() == 130
        assert provider.counts.answered == provider.counts.requests


def test_p_pauses_and_goes_on(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(latency=0.05)
    write_config(place, llm=local_llm(provider), output={"num_samples": 2000, "batch_size": 3})
    with deepfabric(place, "generate", "config.yaml", size=(120, 30)) as terminal:
        terminal.wait_for_text("Latest samples")
        terminal.type("p")
        terminal.wait_for_text("PAUSED")
        terminal.wait_for(lambda: left_pane(terminal).startswith("Paused: no call is begun Topics"))
        requests = provider.counts.requests
        for key, shown in (("?", "this list"), ("?", "? keys"), ("f", "Nothing has failed"), ("f", "Latest samples")):
            terminal.type(key)
            terminal.wait_for_text(shown)
        assert provider.counts.requests == requests
        terminal.type("p")
        terminal.wait_for(lambda: provider.counts.requests > requests)
        terminal.wait_for(lambda: not terminal.shows("PAUSED"))
        terminal.type("p")
        terminal.wait_for_text("PAUSED")
        terminal.type("q")
        assert terminal.end() == 130
    assert "besides" in terminal.written.rpartition("\x1b[?1049l")[2]


def test_arrows_look_through_samples_and_enter_opens_one(place: Path) -> None:
    with running(place) as terminal:
        terminal.type("\x1b[B\x1b[B")
        terminal.wait_for_text("Samples: 2 of")
        terminal.type("\r")
        terminal.wait_for_text("q back")
        terminal.type("q")
        terminal.wait_for_text("Samples: 2 of")
        terminal.type("\x1b[H")
        terminal.wait_for_text("Latest samples")
        assert terminal.process.poll() is None


def test_nothing_that_is_typed_is_echoed_and_what_is_pasted_is_no_key(place: Path) -> None:
    with running(place) as terminal:
        terminal.type("zzyzx\x1b[200~quit now please\x1b[201~?")
        terminal.wait_for_text("this list")
        assert "zzyzx" not in terminal.written
        assert not terminal.shows("STOPPING") and not terminal.shows("PAUSED")


def test_what_was_typed_before_the_screen_opened_is_no_key(place: Path) -> None:
    with deepfabric(place, "generate", config(place), size=(100, 30)) as terminal:
        terminal.type("qqq\n")
        terminal.wait_for_text("Latest samples")
        terminal.type("?")
        terminal.wait_for_text("this list")
        assert not terminal.shows("STOPPING")


def test_without_a_keyboard_the_screen_offers_no_keys(place: Path) -> None:
    command = f"{sys.executable} -m deepfabric_core generate {config(place)} < /dev/null"
    with Terminal("sh", "-c", command, place=place, size=(100, 30)) as terminal:
        terminal.wait_for_text("Latest samples")
        terminal.wait_for_text("Ctrl-C stops")
        assert not terminal.shows("q stop")
        terminal.type("\x03")
        terminal.end()
        assert_given_back(terminal)


# Its size.


def test_a_width_that_the_environment_claims_is_not_believed(place: Path) -> None:
    with running(place, size=(110, 30), COLUMNS="70", LINES="10") as terminal:
        terminal.wait_for(lambda: _is_whole(terminal))


def test_after_any_change_of_size_the_frame_is_whole(place: Path) -> None:
    with running(place) as terminal:
        for columns, lines in ((20, 5), (140, 45), (60, 1), (81, 24), (3, 2), (200, 50), (80, 24)):
            terminal.resize(columns, lines)
            terminal.send(signal.SIGWINCH)
        terminal.wait_for(lambda: _is_whole(terminal))
        terminal.type("p")
        terminal.wait_for_text("PAUSED")
        assert _is_whole(terminal)


def _is_whole(terminal: Terminal) -> bool:
    """A header, two panes with all their borders, and the keys."""
    lines = terminal.lines
    panes = lines[2:-1]
    borders = [line[0] + line[-1] for line in panes]
    return (
        lines[0].startswith("config.yaml")
        and lines[-1].startswith("q stop")
        and borders == ["╭╮", *["││"] * (len(panes) - 2), "╰╯"]
    )


def test_each_frame_is_written_at_its_place_so_that_none_scrolls(place: Path) -> None:
    with running(place) as terminal:
        terminal.wait_for(lambda: terminal.written.count(_FRAME) > 8)
        first, *others = terminal.written.rpartition("\x1b[?1049h")[2].split(_FRAME)
    assert "\n" not in first.join(others)
    rows, later = ([int(row) for row in re.findall(r"\x1b\[(\d+);1H", frame)] for frame in (first, others[0]))
    assert rows == list(range(1, 31))
    assert 0 < len(later) <= 30


def test_ctrl_l_draws_everything_again(place: Path) -> None:
    with running(place) as terminal:
        opened = terminal.written.count("\x1b[?1049h")
        terminal.type("\x0c")
        terminal.wait_for(lambda: terminal.written.count("\x1b[?1049h") > opened)


# Others who use the terminal.


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_suspended_it_leaves_the_terminal_to_the_shell_and_comes_back(place: Path) -> None:
    command = f"{sys.executable} -m deepfabric_core generate {config(place)}"
    with Terminal("bash", "--norc", "--noediting", "-i", place=place, size=(100, 30), PS1="ready> ") as terminal:
        terminal.wait_for_text("ready>")
        usual = terminal.mode
        terminal.type(f"{command}\n")
        terminal.wait_for_text("Latest samples")
        assert terminal.mode != usual
        terminal.type("\x1a")
        terminal.wait_for(lambda: terminal.written.endswith("ready> ") and "Stopped" in terminal.written)
        assert terminal.mode == usual
        terminal.type("echo the $((6 * 7)) of the shell\n")
        terminal.wait_for(lambda: "the 42 of the shell" in terminal.written)
        written = len(terminal.written)
        terminal.type("fg\n")
        terminal.wait_for(lambda: "\x1b[?1049h" in terminal.written[written:])
        terminal.wait_for(lambda: terminal.mode != usual)  # keys that were typed before aren't meant for the screen
        terminal.type("p")
        terminal.wait_for_text("PAUSED")
        assert terminal.mode != usual
        terminal.type("q")
        terminal.wait_for(lambda: terminal.written.endswith("ready> "))
        assert terminal.mode == usual


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_in_the_background_it_draws_nothing_and_takes_no_keys(place: Path) -> None:
    command = f"{sys.executable} -m deepfabric_core generate {config(place, 60)}"
    with Terminal("bash", "--norc", "--noediting", "-i", place=place, size=(100, 30), PS1="ready> ") as terminal:
        terminal.wait_for_text("ready>")
        usual = terminal.mode
        terminal.type(f"{command} > summary.txt &\n")
        terminal.wait_for((place / "out/topics.jsonl").exists)
        terminal.type("echo q and p are $((6 * 7)) of the shell\n")
        terminal.wait_for(lambda: "q and p are 42 of the shell" in terminal.written)
        assert "\x1b[?1049h" not in terminal.written
        assert terminal.mode == usual
        terminal.type("wait; echo code $?\n")
        terminal.wait_for(lambda: "code 0" in terminal.written)
    assert "60 of 60 delivered" in (place / "summary.txt").read_text()


# Which terminals.


@pytest.mark.parametrize("kind", ["dumb", "unknown"])
def test_a_terminal_that_cannot_be_drawn_on_gets_lines(place: Path, kind: str) -> None:
    with deepfabric(place, "generate", config(place, 20), TERM=kind) as terminal:
        assert terminal.end() == 0
        assert "\x1b" not in terminal.written
        assert "Samples finished: 20/20" in terminal.written


def test_a_log_on_the_terminal_comes_with_lines_instead_of_a_screen(place: Path) -> None:
    with deepfabric(place, "generate", config(place, 20), "--debug") as terminal:
        assert terminal.end() == 0
        assert "\x1b[?1049h" not in terminal.written
        assert "Samples finished: 20/20" in terminal.written


def test_without_colour_none_is_used(place: Path) -> None:
    with deepfabric(place, "generate", config(place, 20), NO_COLOR="1") as terminal:
        assert terminal.end() == 0
    codes = {code for found in re.findall(r"\x1b\[([\d;]*)m", terminal.written) for code in found.split(";")}
    assert codes <= {"", "0", "1", "7"}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_of_another_encoding_gets_what_it_can_show(place: Path, encoding: str) -> None:
    config(place, 20)
    with deepfabric(place, "generate", "config.yaml", PYTHONIOENCODING=encoding) as terminal:
        assert terminal.end() == 0
        assert_given_back(terminal)
    assert terminal.written.isascii()
    assert "+- Progress" in re.sub(r"\x1b\[[\d;]*m", "", terminal.written)


def test_what_a_library_writes_waits_until_the_screen_is_gone(place: Path) -> None:
    (place / "sitecustomize.py").write_text(_WARNING)
    with running(place, PYTHONPATH=f"{place}:{ROOT}") as terminal:
        (place / "now").touch()
        terminal.wait_for((place / "warned").exists)
        frames = terminal.written.count(_FRAME)
        terminal.wait_for(lambda: terminal.written.count(_FRAME) > frames + 1)
        assert "something odd" not in terminal.written
        terminal.type("q")
        terminal.end()
    assert "something odd" in terminal.written.rpartition("\x1b[?1049l")[2]
