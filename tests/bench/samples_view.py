"""The time of the view of samples beside that of json.loads on its file: `python -m tests.bench.samples_view 20000`."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.frames import AGENT, big_run
from tests.nb.samples.page import Page


def taken(work: Callable[[], Any]) -> tuple[float, Any]:
    """The seconds of some work, and what came of it."""
    began = time.perf_counter()
    done = work()
    return time.perf_counter() - began, done


def parsed(path: Path) -> list[Any]:
    """The records of a dataset, parsed and nothing else."""
    with path.open("rb") as file:
        return [json.loads(line) for line in file]


def different(path: Path) -> None:
    """Make each record of a dataset another one: those of a big run are few, many times."""
    records = parsed(path)
    for number, record in enumerate(records):
        record["messages"][-1]["content"] += f" That is number {number}."
        record["final_answer"] = record["messages"][-1]["content"]
    path.write_text("".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records), encoding="utf-8")


def measure(samples: int, **generation: Any) -> str:
    """A few lines on a dataset of so many samples."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = big_run(Path(folder), samples, **generation).dataset
        different(dataset)
        loads, _ = taken(lambda: len(parsed(dataset)))
        found = {"index": taken(lambda: Page(dataset))}
        page = found["index"][1]
        found["open"] = taken(lambda: page.ask("open"))
        found["search"] = taken(lambda: page.ask("search", ask=1, text="nowhere to be found"))
        found["first decision"] = taken(lambda: page.ask("decide", row=1, action="accept"))
        found["decision"] = taken(lambda: page.ask("decide", row=2, action="reject"))
        found["alike"] = taken(lambda: page.ask("alike", row=3))
        rows = list(range(samples // 4))
        found["reject a quarter"] = taken(lambda: page.ask("decide_all", rows=rows, action="reject"))
        found["index, reviewed"] = taken(lambda: Page(dataset))
        sent = len(json.dumps(page.ask("open"))) / 1e6
        head = (
            f"{samples:,} samples, {dataset.stat().st_size / 1e6:.0f} MB: json.loads {loads:.2f} s, sent {sent:.1f} MB"
        )
    return "\n".join([head, *(f"  {name:18} {took:6.3f} s {took / loads:6.2f}" for name, (took, _) in found.items())])


if __name__ == "__main__":
    for count in map(int, sys.argv[1:] or ["20000"]):
        for kind in ({}, AGENT):
            sys.stdout.write(f"{measure(count, **kind)}\n")
