"""What a run on Ray costs: processor seconds of each kind of process, against processes without Ray.

One process has the whole width; or there are as many as workers, each with a part of it and of the samples: processors
that are busy make a sample dearer, whatever it is made by.

Needs Ray, as `.ci/cluster` installs it::

    .venv-ray/bin/python -m tests.bench.cluster --samples 20000 --workers 2 4

Each run is compared with one of a few samples, so that the start doesn't count. The server's time isn't counted.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.server import Server, served
from tests.bench.started_run import start_run

# As many as make a shard for each worker, so that all of them are started.
_A_SHARD = 500
_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_EVERY = 0.1
_ROLES = {"WorkerActor": "workers", "KeeperActor": "keeper"}


def main() -> None:
    """Measure one process and clusters by turns, and print a row for each."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--samples", type=int, default=20_000)
    options.add_argument("--width", type=int, default=32)
    options.add_argument("--workers", type=int, nargs="*", default=[2, 4])
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--latency", type=float, default=0.02)
    options.add_argument("--rate", type=float, help="calls a second that the server allows")
    options.add_argument("--simulated", action="store_true", help="without a server")
    options.add_argument("--checked", action="store_true", help="with the usual checks, and duplicates looked for")
    asked = options.parse_args()
    if asked.samples <= _A_SHARD * max([1, *asked.workers]):
        options.error(f"--samples has to be more than {_A_SHARD} for each worker")
    faults = {"latency": asked.latency} | ({"requests_per_second": asked.rate} if asked.rate else {})
    sys.stdout.write("| processes | seconds | CPU ms a sample | of which | driver's peak MB | refused |\n")
    sys.stdout.write("|---|---|---|---|---|---|\n")
    for _ in range(asked.rounds):
        for number in sorted({1, *asked.workers}):
            for on_ray in (False, True) if number in asked.workers else (False,):
                with served(faults) as server:
                    wanted = _Wanted(None if asked.simulated else server, asked.width, asked.checked)
                    _row(wanted, asked.samples, number, on_ray=on_ray)


class _Wanted(NamedTuple):
    """What a run is to be like: the server that it asks, the calls at once, and whether samples are checked."""

    server: Server | None
    width: int
    checked: bool


def _row(wanted: _Wanted, samples: int, processes: int, *, on_ray: bool) -> None:
    """Measure and print one row."""
    fewest, server = _A_SHARD * processes, wanted.server
    few = _all_ran(wanted, fewest, processes, on_ray=on_ray)
    run = _all_ran(wanted, samples, processes, on_ray=on_ray)
    each = {role: 1000 * (run.cpu[role] - few.cpu[role]) / (samples - fewest) for role in run.cpu}
    parts = ", ".join(f"{role} {ms:.2f}" for role, ms in sorted(each.items())) if on_ray else ""
    refused = 0 if server is None else server.counts().get("rate_limited", 0)
    name = f"{processes}{' workers on Ray' * on_ray}"
    row = f"| {name} | {run.seconds:.1f} | {sum(each.values()):.3f} | {parts} | {run.peak:.0f} | {refused} |\n"
    sys.stdout.write(row)
    sys.stdout.flush()


class _Ran(NamedTuple):
    """The processor seconds of each role, the seconds, and the peak memory of the driver in MB."""

    cpu: Mapping[str, float]
    seconds: float
    peak: float


def _all_ran(wanted: _Wanted, samples: int, processes: int, *, on_ray: bool) -> _Ran:
    """Run so many samples, on Ray or by processes of their own."""
    if on_ray:
        return _ran(wanted, samples, processes)
    part = wanted._replace(width=wanted.width // processes)
    with ThreadPoolExecutor(processes) as pool:
        found = list(pool.map(lambda _: _ran(part, samples // processes, 0), range(processes)))
    cpu = {"driver": sum(one.cpu["driver"] for one in found)}
    return _Ran(cpu, max(one.seconds for one in found), max(one.peak for one in found))


def _ran(wanted: _Wanted, samples: int, workers: int) -> _Ran:
    """Run so many samples by workers, or by one process."""
    with tempfile.TemporaryDirectory() as place:
        began = time.monotonic()
        process = start_run(_config(wanted, place, samples, workers), place)
        seen: dict[int, tuple[str, float]] = {}
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _peak_mb(process.pid))
            for pid, (role, cpu) in _times(process.pid):
                seen[pid] = (seen[pid][0] if not role and pid in seen else role or "Ray"), cpu
            time.sleep(_LOOK_EVERY)
        seconds = time.monotonic() - began
        if process.returncode:
            raise SystemExit(process.stderr.read() if process.stderr else "the run failed")
    totals: dict[str, float] = defaultdict(float)
    for role, cpu in seen.values():
        totals[role] += cpu
    return _Ran(totals, seconds, peak)


def _config(wanted: _Wanted, place: str, samples: int, workers: int) -> dict[str, Any]:
    server = wanted.server
    llm = {"provider": "simulated", "model": "tea-1"}
    if server is not None:
        llm = {"provider": "openai", "model": "tea-1", "base_url": server.base_url}
    return {
        "topics": {"prompt": "Tea"},
        "generation": {"system_prompt": "You teach."},
        "llm": llm,
        "quality": {} if wanted.checked else {"checks": False, "duplicates": False},
        "output": {"save_as": f"{place}/dataset.jsonl", "num_samples": samples, "batch_size": wanted.width},
        "run": {"engine": "ray", "workers": workers} if workers else {},
    }


def _times(root: int) -> Iterator[tuple[int, tuple[str, float]]]:
    """Yield the role and the processor seconds of a process and of all that descend from it."""
    children: dict[int, list[int]] = defaultdict(list)
    known: dict[int, tuple[str, float]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                title = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            children[int(fields[1])].append(int(folder.name))
            known[int(folder.name)] = title, (int(fields[11]) + int(fields[12])) / _TICKS
    found = [root]
    while found:
        pid = found.pop()
        found += children[pid]
        if pid in known:
            title, cpu = known[pid]
            other = "Ray" if title else ""  # one that has ended has no title any more
            role = next((role for name, role in _ROLES.items() if name in title), other)
            yield pid, ("driver" if pid == root else role, cpu)


def _peak_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


if __name__ == "__main__":
    main()
