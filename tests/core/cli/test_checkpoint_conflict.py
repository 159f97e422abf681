"""A checkpoint that nobody said what to do with: the question on a real terminal, and none elsewhere."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests import ROOT
from tests.core.conftest import Run
from tests.core.run.checkpoint.test_resume import (
    EXPANSIONS,
    checkpoint,
    config,
    dataset,
    finish,
    halfway,
    paid_again,
    whole,
)
from tests.provider import Faults, LocalProvider

# As the specification has it, word for word.
QUESTION = """\
⚠ Existing checkpoint found for this configuration

  1) Resume from checkpoint
  2) Clear checkpoint and start fresh
  3) Abort

Choose an option [1/2/3] (1): """
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """The command line on a terminal of its own, started with some signals ignored."""

    def __init__(self, place: Path, *arguments: str, ignored: Sequence[signal.Signals] = ()) -> None:
        def begin() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)

        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deepfabric_core", "generate", "config.yaml", *arguments],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=begin,  # noqa: PLW1509 - nothing else runs in the child
        )
        os.close(theirs)
        self.shown = ""

    def wait_for(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds, and read all the while: a full terminal would stop the run."""
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, self.shown
            if select.select([self._ours], [], [], 0.01)[0] and not self._more():
                time.sleep(0.01)

    def wait_for_text(self, text: str) -> None:
        """Wait until that is on the screen."""
        self.wait_for(lambda: text in self.shown)

    def _more(self) -> bool:
        try:
            new = os.read(self._ours, 65536)
        except OSError:  # Linux says so when the other side has closed
            return False
        self.shown += CONTROL.sub("", new.decode("utf-8", "replace"))
        return bool(new)

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def end(self) -> int:
        """Read to the end; answers the exit code."""
        self.wait_for(lambda: self.process.poll() is not None)
        while select.select([self._ours], [], [], 0.1)[0] and self._more():
            pass
        return self.process.wait(timeout=30)

    def hang_up(self) -> int:
        """Close the terminal's own side, as a lost connection does; answers the exit code."""
        os.close(self._ours)
        try:
            return self.process.wait(timeout=60)
        finally:
            self.process.kill()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.fixture
def asked(place: Path, provider: LocalProvider) -> Iterator[Terminal]:
    """A run on a terminal that has just asked the question."""
    halfway(place, provider)
    terminal = Terminal(place)
    terminal.wait_for_text("(1): ")
    # Python misses a Ctrl-C between its prompt and its first wait for a key, until the next key.
    state = Path(f"/proc/{terminal.process.pid}/stat")
    terminal.wait_for(lambda: not state.exists() or ") S " in state.read_text())
    yield terminal
    terminal.close()


def test_the_question_is_the_one_of_the_specification(asked: Terminal) -> None:
    assert asked.shown.endswith(QUESTION)


def test_above_the_question_is_what_it_is_about(place: Path, asked: Terminal) -> None:
    made = len(whole(checkpoint(place, "jsonl")))
    about = asked.shown.removesuffix(QUESTION)
    assert f"{place / 'out/dataset.jsonl'}, {made} of 9 samples, last saved just now" in about
    assert "moves it aside and deletes nothing" in about


@pytest.mark.parametrize("keys", ["1\n", "\n", "x\n1\n", "resume\n\n"])
def test_one_or_enter_resumes_and_anything_else_is_asked_again(
    place: Path, provider: LocalProvider, asked: Terminal, keys: str
) -> None:
    asked.type(keys)
    assert asked.end() == 0, asked.shown
    assert asked.shown.count("Choose an option") == keys.count("\n")
    dataset(place, 9)
    assert paid_again(provider, 9) == 0


def test_two_starts_fresh_and_deletes_nothing(place: Path, provider: LocalProvider, asked: Terminal) -> None:
    before, journal = provider.counts.requests, checkpoint(place, "jsonl").read_bytes()
    asked.type("2\n")
    assert asked.end() == 0, asked.shown
    dataset(place, 9)
    assert provider.counts.requests == before + EXPANSIONS + 9
    assert [path.read_bytes() for path in place.rglob("*/*/dataset.checkpoint.jsonl")] == [journal]


@pytest.mark.parametrize("keys", ["3\n", "\x03", "\x04"])
def test_three_ctrl_c_and_the_end_of_input_leave_everything_as_it_is(
    place: Path, provider: LocalProvider, asked: Terminal, keys: str
) -> None:
    before, made = provider.counts.requests, whole(checkpoint(place, "jsonl"))
    asked.type(keys)
    assert asked.end() == 130, asked.shown
    assert "Traceback" not in asked.shown
    assert provider.counts.requests == before
    assert whole(checkpoint(place, "jsonl")) == made


@pytest.mark.parametrize("flag", ["--resume", "--fresh"])
def test_a_flag_answers_the_question(place: Path, provider: LocalProvider, flag: str) -> None:
    halfway(place, provider)
    terminal = Terminal(place, flag)
    assert terminal.end() == 0, terminal.shown
    assert "Choose" not in terminal.shown
    dataset(place, 9)
    terminal.close()


def test_without_a_checkpoint_nothing_is_asked(place: Path, provider: LocalProvider) -> None:
    config(place, provider)
    terminal = Terminal(place)
    assert terminal.end() == 0, terminal.shown
    assert "Choose" not in terminal.shown
    terminal.close()


def test_a_stop_on_the_terminal_shows_that_it_is_pending(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(latency=0.1)
    config(place, provider, output={"num_samples": 100})
    terminal = Terminal(place)
    terminal.wait_for(lambda: provider.counts.answered >= EXPANSIONS + 2)
    provider.faults = Faults(latency=1)
    before = provider.counts.requests
    terminal.wait_for(lambda: provider.counts.requests >= before + 2)
    terminal.type("\x03")
    terminal.wait_for_text("Stopping: at next checkpoint")
    assert terminal.end() == 130
    assert "Go on with: deepfabric generate config.yaml --resume" in terminal.shown
    terminal.close()
    provider.faults = Faults()
    finish(place)
    dataset(place, 100)
    assert paid_again(provider, 100) == 0


@pytest.mark.parametrize("stdin", [subprocess.DEVNULL, subprocess.PIPE])
def test_without_a_terminal_it_does_not_wait_for_an_answer(place: Path, provider: LocalProvider, stdin: int) -> None:
    halfway(place, provider)
    before = provider.counts.requests
    process = subprocess.Popen(
        [sys.executable, "-m", "deepfabric_core", "generate", "config.yaml"],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=stdin,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.wait(timeout=20) == 2  # though nobody closed its input
    finally:
        process.send_signal(signal.SIGKILL)
        err = process.communicate()[1]
    assert "--resume" in err and "--fresh" in err
    assert provider.counts.requests == before


def test_resume_and_fresh_together_are_refused(place: Path, provider: LocalProvider, deepfabric: Run) -> None:
    halfway(place, provider)
    before, made = provider.counts.requests, checkpoint(place, "jsonl").read_bytes()
    done = deepfabric("generate", "config.yaml", "--resume", "--fresh")
    assert done.returncode == 2
    assert "--resume and --fresh" in done.stderr
    assert provider.counts.requests == before
    assert checkpoint(place, "jsonl").read_bytes() == made
