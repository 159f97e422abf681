"""`JournalledRun`: follow a run without a checkpoint."""

from __future__ import annotations

import glob
import time
from pathlib import Path

from deepfabric_core.events import (
    FileWritten,
    TopicsReady,
)
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.job import Job, run_started
from deepfabric_core.run.watch.journal_events import JournalEvents
from deepfabric_core.run.watch.run_source import Outcome, loaded_topics, tell_dataset, tell_outputs, verdict
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.checkpoint_files import Metadata
from deepfabric_core.store.failure_log import of_samples
from deepfabric_core.store.files import written_at
from deepfabric_core.store.tail import Tail, is_being_written
from deepfabric_core.store.topics_file import TopicsFile


class JournalledRun:
    """A run without a checkpoint. Its journal exists while samples are made, and after a kill."""

    def __init__(self, job: Job, sink: EventSink, journal: Path, *, waited_since: float | None) -> None:
        self._job, self._sink, self._journal = job, sink, Tail(journal)
        self._rejected = Tail(job.journal_files().rejected)
        self._waited_since = waited_since
        self._topics = loaded_topics(job.topics_load or job.topics)
        self._samples: JournalEvents | None = None
        sink(run_started(job, waited_since or time.time()))
        if topics := self._topics:
            sink(TopicsReady(topics.mode, len(topics), len(topics.leaves), str(job.topics_load or "")))

    @property
    def over(self) -> bool:
        """Whether no process works on it any more."""
        return not (self._journal.path.exists() and is_being_written(self._job.dataset))

    def read(self) -> None:
        """Emit events for what is new."""
        if self._samples is None and self._journal.is_there:
            self._samples = JournalEvents(self._job, self._sink, self._topics, self._journal, self._rejected)
            self._samples.begin(Metadata(), until=None if self._waited_since is None else 0)
        if self._samples is not None:
            self._samples.go_on()

    def end(self) -> Outcome:
        """Emit the remaining events, and return how the run ended."""
        since = self._journal.written_at or self._waited_since or 0.0
        delivered = written_at(self._job.dataset) >= since
        if self._samples is None and delivered:
            self._samples = tell_dataset(self._sink, self._job, self._topics)
        if self._samples is not None:
            if delivered and written_at(self._job.failures) >= since:
                self._samples.tell_failures(of_samples(whole_lines(self._job.failures)))
            self._samples.finish()
        if delivered:
            tell_outputs(self._sink, self._job, since=since)
            return verdict(_failed_topics(self._job.topics), self._sink.state.samples_failed)
        return self._undelivered(since)

    def _undelivered(self, since: float) -> Outcome:
        partial = newest(self._job.beside("partial"))
        if partial is None or written_at(partial) < since:
            return "stopped", "it ended without a sample"
        self._sink(FileWritten("partial dataset", str(partial)))
        return "stopped", f"what it made is in {partial}"

    def close(self) -> None:
        """Close the files."""
        self._journal.close()
        self._rejected.close()


def newest(path: Path) -> Path | None:
    """Return the latest of the files with that name, or with that name and a number; None if there is none."""
    numbered = path.parent.glob(f"{glob.escape(path.stem)}-*{path.suffix}")
    found = [one for one in (path, *numbered) if one.exists()]
    return max(found, key=written_at, default=None)


def _failed_topics(topics: Path) -> int:
    """Return how many topics couldn't be expanded when these topics grew; an older list doesn't count."""
    listed = TopicsFile(topics, {}).failures_path
    return sum(1 for _ in whole_lines(listed)) if written_at(listed) >= written_at(topics) else 0
