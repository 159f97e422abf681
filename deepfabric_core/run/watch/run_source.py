"""`RunSource`: the protocol of a followed run, with or without a checkpoint; and events that both kinds emit."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from deepfabric_core.errors import ConfigError
from deepfabric_core.events import (
    Ending,
    FileWritten,
)
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.job import Job
from deepfabric_core.run.watch.journal_events import JournalEvents
from deepfabric_core.store.files import written_at
from deepfabric_core.store.tail import Tail
from deepfabric_core.store.topics_file import load_topics
from deepfabric_core.topics.model import Topics
from deepfabric_core.wording import counted

Outcome = tuple[Ending, str]


class RunSource(Protocol):
    """A run of another process, as seen through its files."""

    @property
    def over(self) -> bool:
        """Whether no process works on it any more."""
        ...

    def read(self) -> None:
        """Emit events for what is new."""

    def end(self) -> Outcome:
        """Emit the remaining events, and return how the run ended."""
        ...

    def close(self) -> None:
        """Close the files."""


def loaded_topics(path: Path) -> Topics | None:
    """Return the topics of a file, or None if it is missing or incomplete."""
    try:
        return load_topics(path)[0]
    except ConfigError:
        return None


def tell_dataset(sink: EventSink, job: Job, topics: Topics | None) -> JournalEvents:
    """Emit the beginning of the samples stage of a run that ended before its journal was seen."""
    samples = JournalEvents(job, sink, topics, Tail(job.journal), Tail(job.journal_files().rejected))
    samples.begin_with(job.dataset)
    return samples


def tell_outputs(sink: EventSink, job: Job, *, since: float) -> None:
    """Emit events for the files that were written since a time."""
    sink(FileWritten("dataset", str(job.dataset)))
    if written_at(job.failures) >= since:
        sink(FileWritten("failures", str(job.failures)))
    if written_at(job.rejected) >= since:
        sink(FileWritten("rejected samples", str(job.rejected)))


def verdict(failed_topics: int, failed_samples: int) -> Outcome:
    """Return how a delivered run ended, by what is missing."""
    if failed_topics:
        return "incomplete", f"{counted(failed_topics, 'topic')} could not be expanded when the topics grew"
    return ("incomplete", f"{counted(failed_samples, 'sample')} failed") if failed_samples else ("complete", "")
