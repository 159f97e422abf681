"""`follow`: emit the events of a run of another process, by reading its files.

A checkpoint shows topics as they grow, samples and failures. Without a checkpoint there is a journal beside the dataset
while samples are made, and failures are listed when the run ends.
"""

from __future__ import annotations

import threading
import time

from deepfabric_core.errors import ConfigError
from deepfabric_core.events import Emit, RunFinished
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.job import Job
from deepfabric_core.run.state import RunState
from deepfabric_core.run.watch.checkpoint_source import CheckpointedRun
from deepfabric_core.run.watch.journal_source import JournalledRun, newest
from deepfabric_core.run.watch.run_source import Outcome, RunSource
from deepfabric_core.stop import Stop
from deepfabric_core.store.files import written_at

_NO_LONGER: Outcome = ("stopped", "no longer followed; the run itself is left alone")


def follow(job: Job, *, emit: Emit, stop: Stop, every: float = 0.25, patience: float = 10.0) -> RunState:
    """Follow the run of this job in another process on this machine to its end, and return the final state.

    Files are read `every` so many seconds. If no run is in progress, one may still begin within `patience` seconds; for
    an interrupted run, its last state is reported. `stop` ends the following and doesn't affect the run.

    Raises:
        ConfigError: there is nothing to follow, or it can't be read.
    """
    sink, halt = EventSink(emit), threading.Event()
    forget = stop.listen(halt.set)
    if stop.requested:
        halt.set()
    try:
        followed = _wait_for_a_run(job, sink, halt, every, patience)
        ending, reason = _to_its_end(followed, halt, every) if followed else _NO_LONGER
    finally:
        forget()
    sink(RunFinished(ending, reason, time.time()))
    return sink.state


def _wait_for_a_run(
    job: Job, sink: EventSink, halt: threading.Event, every: float, patience: float
) -> RunSource | None:
    began, at_first = time.time(), True
    while not halt.is_set():
        files = job.checkpoint_files()
        if files.exists:
            return CheckpointedRun(job, sink, files)
        journal = newest(job.journal)
        if journal and time.time() - written_at(journal) < patience:
            return JournalledRun(job, sink, journal, waited_since=None if at_first else began)
        if written_at(job.dataset) > began:
            return JournalledRun(job, sink, job.journal, waited_since=began)
        if time.time() - max(began, written_at(job.topics)) > patience:
            raise ConfigError(
                f"No run of this config is under way: in {patience:g} s there was no checkpoint in {files.folder} and "
                f"nothing new in {job.journal}; start it, or name its output with the flags that it was started with."
            )
        at_first = False
        halt.wait(every)
    return None


def _to_its_end(followed: RunSource, halt: threading.Event, every: float) -> Outcome:
    """Follow to the end, or until it is halted. `over` is read before the files, so that nothing is missed."""
    try:
        while True:
            over = followed.over
            followed.read()
            if over:
                return followed.end()
            if halt.wait(every):
                followed.read()
                return _NO_LONGER
    finally:
        followed.close()
