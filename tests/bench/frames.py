"""The processor time that a frame takes, reading the files included: `python -m tests.bench.frames 20000 100000`."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deepfabric_core import Job
from deepfabric_core.chat.messages import Usage
from deepfabric_core.run.results import results
from deepfabric_core.samples.plan import Plan, count_samples
from deepfabric_core.samples.records import Provenance, with_metadata
from deepfabric_core.store.append_log import AppendLog
from deepfabric_core.store.checkpoint_files import Metadata, write_metadata
from deepfabric_core.store.files import replace_file
from deepfabric_core.store.journal import Journal
from deepfabric_core.topics.formats import format_topics, parse_topics
from deepfabric_nb.runs.dataframes import frame_of, load
from tests.core.run.test_results import dataset, job, run

AGENT = {"tools": {"components": {"builtin": []}}, "scenario_seed": {"files": {"a.txt": "hello"}}}


def big_run(place: Path, samples: int, **generation: Any) -> Job:
    """The checkpoint of a run of so many samples in half as many topics, each sample like one of nine real ones."""
    generation = {"system_prompt": "You teach.", **generation}
    small = job(place / "small", generation=generation)
    run(small)
    records = dataset(small)
    output = {"num_samples": samples, "save_as": str(place / "data.jsonl")}
    work = job(place, generation=generation, output=output)
    paths = "".join(f'{{"path": ["Bicycles", "part {n // 100}", "screw {n}"]}}\n' for n in range(samples // 2))
    topics, _ = parse_topics(paths, source="here")
    plan = Plan(topics, count_samples(samples, samples // 2))
    files = work.checkpoint_files()
    write_metadata(files, Metadata(samples_done=samples))
    replace_file(files.topics, [format_topics(topics, {}).encode()])
    journal = Journal(AppendLog(files.samples), plan)
    for item in plan:
        making = Provenance("tiny", 1, Usage(120, 480, 0.001), simulated=True, at=1.8e9 + item.index)
        journal.append(item, with_metadata(records[item.index % 9], item, making), making.as_line())
    journal.deliver(work.dataset)
    journal.lines.close()
    return work


def taken(work: Callable[[], Any]) -> tuple[float, Any]:
    """The processor seconds of some work, and what came of it."""
    began = time.process_time()
    done = work()
    return time.process_time() - began, done


def measure(samples: int, kind: str, generation: Mapping[str, Any]) -> str:
    """A line on a run of so many samples."""
    with tempfile.TemporaryDirectory() as folder:
        work = big_run(Path(folder), samples, **generation)
        reading, found = taken(lambda: results(work))
        framing, frame = taken(lambda: frame_of(found, {}))
        loading, _ = taken(lambda: load(work.dataset))
        size = work.dataset.stat().st_size / 1e6
    assert len(frame) == samples
    return (
        f"{samples:>7,} {kind:5} ({size:3.0f} MB): results {reading:.2f} s + frame {framing:.2f} s "
        f"= {reading + framing:.2f} s, load {loading:.2f} s"
    )


if __name__ == "__main__":
    for count in map(int, sys.argv[1:] or ["20000", "100000"]):
        for kind, generation in {"basic": {}, "agent": AGENT}.items():
            sys.stdout.write(f"{measure(count, kind, generation)}\n")
