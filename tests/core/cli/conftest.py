"""Commands in this process, which is quicker, and a provider that sends a bill."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deepfabric_core.cli.app import main
from tests.billing import BillingProvider


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Here = Callable[..., Done]


@pytest.fixture
def biller() -> Iterator[BillingProvider]:
    with BillingProvider() as server:
        yield server


@pytest.fixture
def unchanged() -> Iterator[None]:
    """Undoes what a command does to its process: to the log, and to the signal of a lost terminal."""
    handlers, level, hangup = [*logging.root.handlers], logging.root.level, signal.getsignal(signal.SIGHUP)
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    signal.signal(signal.SIGHUP, hangup)


@pytest.fixture
def here(place: Path, unchanged: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Runs a command in this process, which is quicker."""
    assert place.exists()

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["deepfabric", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    return run
