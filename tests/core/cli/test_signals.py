"""Signals that stop a run, those that it was started to ignore, and a terminal that is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.core.cli.test_checkpoint_conflict import Terminal
from tests.core.commands import lines, start, wait_for
from tests.core.conftest import local_llm, write_config
from tests.core.run.checkpoint.test_resume import (
    EXPANSIONS,
    checkpoint,
    config,
    dataset,
    finish,
    paid_again,
    until,
    whole,
)
from tests.provider import Faults, LocalProvider

STOPPING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("flags", [(), ("--tui", "simple"), ("--debug",)])
def test_a_lost_terminal_stops_the_run_and_nothing_is_paid_twice(
    place: Path, provider: LocalProvider, flags: tuple[str, ...]
) -> None:
    provider.faults = Faults(latency=0.1)
    config(place, provider, output={"num_samples": 40})
    terminal = Terminal(place, *flags)
    terminal.wait_for(lambda: provider.counts.answered >= EXPANSIONS + 3)
    assert terminal.hang_up() == 130
    assert not (place / "out/dataset.jsonl").exists()
    assert len(whole(checkpoint(place, "jsonl"))) == provider.counts.requests - EXPANSIONS < 40
    assert provider.counts.abandoned == 0
    finish(place)
    dataset(place, 40)
    assert paid_again(provider, 40) == 0


def test_with_nohup_a_lost_terminal_changes_nothing(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(latency=0.1)
    config(place, provider, output={"num_samples": 20})
    terminal = Terminal(place, ignored=[signal.SIGHUP])
    terminal.wait_for(lambda: provider.counts.answered >= EXPANSIONS + 3)
    assert terminal.hang_up() == 0
    dataset(place, 20)
    assert paid_again(provider, 20) == 0


def test_a_terminal_that_was_lost_is_told_of_twice_and_calls_in_flight_still_finish(
    place: Path, provider: LocalProvider
) -> None:
    provider.faults = Faults(latency=0.1)
    config(place, provider)
    process = start(place)
    until(process, provider, answered=EXPANSIONS + 3)
    provider.faults = Faults(latency=1.0)
    until(process, provider, requests=provider.counts.requests + 1)
    for _ in range(3):
        process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "Stopping" in err
    assert provider.counts.abandoned == 0
    finish(place)
    dataset(place, 9)
    assert paid_again(provider, 9) == 0


@pytest.mark.parametrize("by", STOPPING)
def test_a_signal_that_was_ignored_when_the_run_began_stays_ignored(
    place: Path, provider: LocalProvider, by: signal.Signals
) -> None:
    """So do nohup, and `&` in a script, whose Ctrl-C is meant for what runs in the foreground."""
    provider.faults = Faults(latency=0.1)
    name = write_config(place, llm=local_llm(provider), output={"num_samples": 30})
    command = f"trap '' {by.name.removeprefix('SIG')}; exec {sys.executable} -m deepfabric_core generate {name}"
    process = subprocess.Popen(
        ["bash", "-c", command],  # noqa: S607
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(provider, EXPANSIONS + 5)
    process.send_signal(by)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert "Stopping" not in out
    assert len(lines(place / "out/dataset.jsonl")) == 30


def test_where_one_signal_is_ignored_another_stops_the_run(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(latency=0.1)
    config(place, provider, output={"num_samples": 40})
    terminal = Terminal(place, ignored=[signal.SIGHUP, signal.SIGINT])
    terminal.wait_for(lambda: provider.counts.answered >= EXPANSIONS + 3)
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.end() == 130
    terminal.close()
    assert "Stopped" in terminal.shown
    finish(place)
    assert paid_again(provider, 40) == 0
