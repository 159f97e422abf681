"""The trace of a run, where its job asks for one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deepfabric_core.chat.trace import VERSION, TraceHeader
from deepfabric_core.config.secret_keys import redactor
from deepfabric_core.errors import ConfigError
from deepfabric_core.run.job import Job
from deepfabric_core.store.trace_log import TraceLog, check_traceable


def check_trace(job: Job) -> None:
    """Check that the trace can be written; a run that is resumed adds to an existing one.

    Raises:
        ConfigError: it can't, it exists already, or it is another file of the run.
    """
    if job.trace is None:
        return
    if job.trace.absolute() in {path.absolute() for path in _other_files(job)}:
        raise ConfigError(f"--trace: {job.trace} is another file of this run; give the trace a name of its own.")
    check_traceable(job.trace, append=job.resume)


def _other_files(job: Job) -> Iterator[Path]:
    yield from (job.dataset, job.topics, job.journal, job.failures)
    yield from filter(None, (job.config_file, job.topics_load))
    recorded = (job.config.topics.llm.recorded.path, job.config.generation.llm.recorded.path)
    yield from map(Path, filter(None, recorded))


@contextmanager
def opened_trace(job: Job) -> Iterator[TraceLog | None]:
    """Open the trace for as long as the run goes on; None if the job asks for none.

    Raises:
        OutputError: it can't be written.
    """
    if job.trace is None:
        yield None
        return
    name = job.config_file.name if job.config_file else ""
    header = TraceHeader(VERSION, round(time.time(), 3), name)
    trace = TraceLog(job.trace, header, redactor(job.config, os.environ))
    try:
        yield trace
    finally:
        trace.close()
