"""One process, and what exactly it took: its time, its processor time, its peak memory."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """How a process ended; `stopped` is whether that was for lack of patience."""

    exit_code: int
    stopped: bool
    wall: float
    cpu: float
    peak_mb: float
    last_words: str


def run_child(command: Sequence[str], place: Path, environment: Mapping[str, str], patience: float) -> Ended:
    """Run a command in a folder, where its output is left, for at most `patience` seconds.

    Linux counts the memory of the parent at the start as the child's, so the parent had better be small.
    """
    began, stopped = time.monotonic(), threading.Event()
    with (place / "stdout").open("wb") as out, (place / "stderr").open("wb") as err:
        process = subprocess.Popen(
            command,
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )

    def stop() -> None:
        stopped.set()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(patience, stop)
    timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except KeyboardInterrupt:
        stop()
        process.wait()
        raise
    finally:
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return Ended(
        process.returncode,
        stopped.is_set(),
        time.monotonic() - began,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
        _last_words(place),
    )


def _last_words(place: Path) -> str:
    """The last line on stderr, or else on stdout."""
    for name in ("stderr", "stdout"):
        lines = (place / name).read_text(encoding="utf-8", errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        if said:
            return said[-1][:300]
    return "it said nothing"
