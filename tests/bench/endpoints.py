"""Three servers of one model, of which one fails for a while: the rate of answers, and how many calls it failed.

Workers need Ray, as `.ci/cluster` installs it::

    .venv-ray/bin/python -m tests.bench.endpoints --workers 0 4

The best is what the servers that live can serve together.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from tests.bench.server import Server, served
from tests.bench.started_run import start_run

# Seconds of a call; each server serves so many at once.
_LATENCIES = (0.1, 0.2, 0.4)
_AT_ONCE = 8
_FAILING = 1
_TIMEOUT = 4
_LOOK_EVERY = 0.02


def main() -> None:
    """Run one process and clusters by turns, and print a row for each."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--workers", type=int, nargs="*", default=[0, 4])
    options.add_argument("--width", type=int, default=64)
    options.add_argument("--seconds", type=float, default=10.0, help="of each of the three times")
    options.add_argument("--how", choices=("down", "reset", "hang"), default="reset")
    asked = options.parse_args()
    speeds = [_AT_ONCE / latency for latency in _LATENCIES]
    best = [sum(speeds), sum(speeds) - speeds[_FAILING], sum(speeds)]
    rates = " | ".join(f"of {rate:.0f}/s" for rate in best)
    sys.stdout.write(f"| workers | {rates} | used again after | failed in the first second | later |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|\n")
    for workers in asked.workers:
        seen = _measured(workers, asked.width, asked.seconds, asked.how)
        shares = " | ".join(f"{rate / most:.0%}" for rate, most in zip(seen.rates, best, strict=True))
        sys.stdout.write(f"| {workers} | {shares} | {seen.back_after:.1f} s | {seen.failed} | {seen.failed_later} |\n")
        sys.stdout.flush()


@dataclass
class _Seen:
    """Answers a second before, while and after a server fails; the calls that it failed aren't known if it is down."""

    rates: list[float] = field(default_factory=list)
    back_after: float = 0.0
    failed: int = 0
    failed_later: int = 0


@dataclass
class _Servers:
    """The servers, of which one can fail."""

    how: str
    opened: list[AbstractContextManager[Server]] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.opened = [served(_well(latency)) for latency in _LATENCIES]
        self.servers = [one.__enter__() for one in self.opened]
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.opened:
            one.__exit__(None, None, None)

    def answered(self) -> int:
        """Return how many calls were answered by those that are up."""
        return sum(_counts(server).get("answered", 0) for server in self.servers)

    def fail(self) -> None:
        """Let one fail."""
        if self.how == "down":
            self.opened[_FAILING].__exit__(None, None, None)
        else:
            _set_faults(self.servers[_FAILING], {**_well(_LATENCIES[_FAILING]), self.how: 1.0})

    def mend(self) -> None:
        """Let it answer again."""
        well = _well(_LATENCIES[_FAILING])
        if self.how != "down":
            _set_faults(self.servers[_FAILING], well)
            return
        port = urlsplit(self.servers[_FAILING].base_url).port
        self.opened[_FAILING] = served({**well, "port": port})
        self.opened[_FAILING].__enter__()

    def failed(self) -> int:
        """Return how many calls failed."""
        counts = _counts(self.servers[_FAILING])
        return int(counts.get("reset", 0) + counts.get("hung", 0))

    def answered_by_failing(self) -> int:
        """Return how many calls were answered by the one that fails for a while."""
        return int(_counts(self.servers[_FAILING]).get("answered", 0))


def _well(latency: float) -> dict[str, float]:
    return {"latency": latency, "at_once": _AT_ONCE, "jitter": 0.1}


def _measured(workers: int, width: int, seconds: float, how: str) -> _Seen:
    seen = _Seen()
    with (
        _Servers(how) as servers,
        tempfile.TemporaryDirectory() as place,
        start_run(_config(servers.servers, place, workers, width), place) as process,
    ):

        def rate() -> float:
            time.sleep(1.0)
            answered, began = servers.answered(), time.monotonic()
            time.sleep(seconds)
            if process.poll() is not None:
                raise SystemExit(process.stderr.read() if process.stderr else "the run ended")
            return (servers.answered() - answered) / (time.monotonic() - began)

        try:
            while servers.answered() < 2 * width and process.poll() is None:
                time.sleep(_LOOK_EVERY)
            seen.rates.append(rate())
            servers.fail()
            time.sleep(_TIMEOUT + 1.0 if how == "hang" else 1.0)
            seen.failed = servers.failed()
            seen.rates.append(rate())
            servers.mend()
            mended, answered = time.monotonic(), servers.answered_by_failing()
            while servers.answered_by_failing() == answered and process.poll() is None:
                time.sleep(_LOOK_EVERY)
            seen.back_after = time.monotonic() - mended
            seen.failed_later = servers.failed() - seen.failed
            seen.rates.append(rate())
        finally:
            process.terminate()
    return seen


def _counts(server: Server) -> Mapping[str, int]:
    try:
        return server.counts()
    except OSError:
        return {}


def _set_faults(server: Server, faults: Mapping[str, float]) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
    try:
        connection.request("POST", "/faults", json.dumps(faults), {"Content-Type": "application/json"})
        if (answer := connection.getresponse()).status != http.client.OK:
            raise RuntimeError(answer.read())
    finally:
        connection.close()


def _config(servers: Sequence[Server], place: str, workers: int, width: int) -> dict[str, Any]:
    addresses = [server.base_url for server in servers]
    return {
        "topics": {"prompt": "Tea"},
        "generation": {"system_prompt": "You teach."},
        "llm": {"provider": "openai", "model": "tea-1", "base_url": addresses, "timeout": _TIMEOUT},
        "quality": {"checks": False, "duplicates": False},
        "output": {"save_as": f"{place}/dataset.jsonl", "num_samples": 100_000, "batch_size": width},
        "run": {"engine": "ray", "workers": workers, "shard_size": 500} if workers else {},
    }


if __name__ == "__main__":
    main()
