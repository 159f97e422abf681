"""One contestant in one case: a server, a process, and a row of the table."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.cases import Case
from tests.bench.child import Ended, run_child
from tests.bench.contestants import OURS, Contestant, Task
from tests.bench.server import served
from tests.bench.table import Row


@dataclass
class Bench:
    """What one run learns on the way: the request of ours, and the processor time of each start-up."""

    body: Mapping[str, Any] | None = None
    start_up: dict[str, float] = field(default_factory=dict)

    def measure(self, case: Case, contestant: Contestant) -> Row:
        """Put a contestant in a case."""
        with served({**case.faults, "terse": True}) as server, tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            task = Task(case, place, server.base_url, self.body)
            ended = run_child(contestant.command(task), place, contestant.environment(task), case.patience)
            counts = server.counts()
            if contestant is OURS and counts["requests"] and case.kind == "samples":
                self.body = server.last_request()
            made = counts["answered"] if ended.stopped or case.kind == "topics" else contestant.delivered(place)
        return self._row(case, contestant.name, ended, counts, made)

    def calibrate(self, case: Case, contestant: Contestant) -> Row:
        """Measure a run of one sample, whose processor time is taken off in all other cases."""
        row = self.measure(case, contestant)
        self.start_up[contestant.name] = row.cpu
        return row

    def _row(self, case: Case, name: str, ended: Ended, counts: Mapping[str, Any], made: int) -> Row:
        until = time.monotonic() if ended.stopped else counts["last_answer_at"]  # one clock for all processes
        seconds = until - counts["first_at"] if counts["last_answer_at"] else 0.0
        return Row(
            case=case.name,
            contestant=name,
            asked=case.samples,
            samples=made,
            seconds=seconds if seconds > 0 and case.samples > 1 else None,
            ideal=case.ideal(made) if made else None,
            refused=counts["rate_limited"],
            cpu=ended.cpu,
            start_up=0.0 if case.kind in ("help", "validate") else self.start_up.get(name, 0.0),
            peak_mb=ended.peak_mb,
            wall=ended.wall,
            exit_code=ended.exit_code,
            stopped=ended.stopped,
            last_words=ended.last_words,
            counts=counts,
        )
