"""Follow a run that another process is doing, from the files it writes: they are read, and nothing else.

A checkpoint tells of topics as they grow, of samples and of failures. Without one there is a journal beside the dataset
while samples are made, and the failures are listed when the run ends.
"""

from __future__ import annotations

import threading
import time

from deepfabric_core.errors import ConfigError
from deepfabric_core.events import Emit, RunFinished
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.job import Job
from deepfabric_core.run.state import RunState
from deepfabric_core.run.watch.checkpointed import CheckpointedRun
from deepfabric_core.run.watch.journalled import JournalledRun, newest
from deepfabric_core.run.watch.sources import Outcome, RunSource
from deepfabric_core.stop import Stop
from deepfabric_core.store.files import written_at

_NO_LONGER: Outcome = ("stopped", "no longer followed; the run itself is left alone")


def follow(job: Job, *, emit: Emit, stop: Stop, every: float = 0.25, patience: float = 10.0) -> RunState:
    """Tell `emit` what the run of this job does elsewhere on this machine, to its end, and answer the final state.

    Files are looked at `every` so many seconds. Where nothing is under way, a run may still begin within `patience`
    seconds; of an interrupted one it is told where it stands. `stop` ends the following and leaves the run alone.

    Raises:
        ConfigError: there is nothing to follow, or it can't be read.
    """
    feed, halt = EventSink(emit), threading.Event()
    forget = stop.listen(halt.set)
    if stop.requested:
        halt.set()
    try:
        followed = _wait_for_a_run(job, feed, halt, every, patience)
        ending, reason = _to_its_end(followed, halt, every) if followed else _NO_LONGER
    finally:
        forget()
    feed(RunFinished(ending, reason, time.time()))
    return feed.state


def _wait_for_a_run(
    job: Job, feed: EventSink, halt: threading.Event, every: float, patience: float
) -> RunSource | None:
    began, at_first = time.time(), True
    while not halt.is_set():
        place = job.checkpoint_place()
        if place.exists:
            return CheckpointedRun(job, feed, place)
        journal = newest(job.journal)
        if journal and time.time() - written_at(journal) < patience:
            return JournalledRun(job, feed, journal, waited_since=None if at_first else began)
        if written_at(job.dataset) > began:
            return JournalledRun(job, feed, job.journal, waited_since=began)
        if time.time() - max(began, written_at(job.topics)) > patience:
            raise ConfigError(
                f"No run of this config is under way: in {patience:g} s there was no checkpoint in {place.folder} and "
                f"nothing new in {job.journal}; start it, or name its output with the flags that it was started with."
            )
        at_first = False
        halt.wait(every)
    return None


def _to_its_end(followed: RunSource, halt: threading.Event, every: float) -> Outcome:
    """Whether it is over is asked before its files are read, so that nothing of it is missed."""
    try:
        while True:
            over = followed.over
            followed.read()
            if over:
                return followed.end()
            if halt.wait(every):
                return _NO_LONGER
    finally:
        followed.close()
