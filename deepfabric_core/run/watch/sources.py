"""A run that another process is doing, as its files show it: with a checkpoint, and without one."""

from __future__ import annotations

import glob
import time
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from deepfabric_core.errors import ConfigError
from deepfabric_core.events import (
    Ending,
    FileWritten,
    Notice,
    RunStarted,
    StageFinished,
    StageStarted,
    TopicExpanded,
    TopicsReady,
)
from deepfabric_core.run.event_sink import Feed
from deepfabric_core.run.job import Job, resume_command
from deepfabric_core.run.watch.journal_events import Retelling
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.checkpoint_files import Metadata, Place, read_metadata, recovered_metadata
from deepfabric_core.store.files import written_at
from deepfabric_core.store.tail import Tail, is_being_written, is_worked_on
from deepfabric_core.store.topics_file import TopicsFile, load_topics
from deepfabric_core.topics.grow import Growth
from deepfabric_core.topics.model import Topics
from deepfabric_core.wording import counted

Outcome = tuple[Ending, str]


class Followed(Protocol):
    """A run as its files show it."""

    @property
    def over(self) -> bool:
        """Whether no process works on it any more."""
        ...

    def read(self) -> None:
        """Tell what is new."""

    def end(self) -> Outcome:
        """Tell the rest, and how it ended."""
        ...

    def close(self) -> None:
        """Close the files."""


class Checkpointed:
    """A run that keeps a checkpoint; one that nobody works on is over at once."""

    def __init__(self, job: Job, feed: Feed, place: Place) -> None:
        self._known, _ = recovered_metadata(place)
        self._job, self._feed, self._place = _with_dataset(job, self._known.dataset), feed, place
        self._expansions, self._journal, self._failures = map(Tail, (place.expansions, place.samples, place.failures))
        self._growing = self._seen_unfinished = False
        self._topics: Topics | None = None
        self._samples: Retelling | None = None
        feed(_started(job, self._known.process_started_at))

    @property
    def over(self) -> bool:
        """Whether no process works on it any more."""
        return not self._place.exists or not is_worked_on(self._place)

    def read(self) -> None:
        """Tell what is new."""
        self._look_up()
        if self._topics is None:
            self._read_topics()
        if self._samples is None and self._topics is not None and self._journal.is_there:
            self._begin_samples(self._topics)
        if self._samples is not None:
            self._samples.go_on()

    def _look_up(self) -> None:
        """What the checkpoint says now; one that has been cleared says what it said last."""
        try:
            self._known = read_metadata(self._place)
        except ConfigError:
            if self._place.exists:
                raise

    def _read_topics(self) -> None:
        topics = _loaded(self._place.topics)
        grown_in_this_run = written_at(self._place.topics) >= self._known.process_started_at
        self._seen_unfinished |= topics is None
        if topics is None or self._growing or grown_in_this_run:
            self._grow(wait=topics is None)
        if topics is not None and self._known.topics == len(topics):  # else the metadata is about to be written
            self._ready(topics, source="" if self._growing else str(self._place.topics))

    def _grow(self, *, wait: bool) -> None:
        """Tell the expansions that are new; a run that loads its topics has none."""
        settings = self._job.config.topics
        for line in self._expansions.objects():
            self._begin_growing()
            children = tuple(str(child[0]) for child in line.get("children") or ())
            self._feed(TopicExpanded(tuple(line.get("path") or ()), children, settings.degree - len(children)))
        if wait and self._expansions.is_there:
            self._begin_growing()

    def _begin_growing(self) -> None:
        if not self._growing:
            self._growing = True
            settings, at = self._job.config.topics, self._known.process_started_at
            self._feed(StageStarted("topics", Growth(settings).total, settings.max_concurrent, at))

    def _ready(self, topics: Topics, source: str) -> None:
        self._topics = topics
        if self._growing:
            self._feed(StageFinished("topics", time.time()))
            self._feed(FileWritten("topics", str(self._job.topics)))
        self._feed(TopicsReady(topics.mode, len(topics), len(topics.leaves), source))

    def _begin_samples(self, topics: Topics) -> None:
        """Where topics were seen to grow, no sample was made before: each is told that isn't summed up yet."""
        self._samples = Retelling(self._job, self._feed, topics, self._journal, self._failures)
        settings = self._job.config.output.checkpoint
        retrying = "--retry-failed" in self._known.command or bool(settings and settings.retry_failed)
        until = self._known.samples_bytes if self._seen_unfinished else None
        self._samples.begin(self._known, until=until, failures=not retrying)

    def end(self) -> Outcome:
        """Tell the rest, and how it ended."""
        cleared = not self._place.exists
        if cleared and self._topics is None:
            self._topics_from(self._job.topics)
        delivered = written_at(self._job.dataset) >= self._known.process_started_at
        if self._samples is not None:
            self._samples.finish()
        elif delivered:
            _tell_dataset(self._feed, self._job, self._topics).finish()
        elif self._growing and self._topics is None:
            self._feed(StageFinished("topics", time.time()))
        if delivered:
            _tell_outputs(self._feed, self._job, since=self._known.process_started_at)
        return ("complete", "") if cleared else self._standing(delivered=delivered)

    def _topics_from(self, path: Path) -> None:
        """The topics of a run that ended before those of its checkpoint were seen."""
        self._grow(wait=False)
        topics = _loaded(path)
        if topics is not None:
            self._ready(topics, source="" if self._growing else str(path))

    def _standing(self, *, delivered: bool) -> Outcome:
        known = self._known
        spent = f"{counted(known.calls, 'call')}, {known.prompt_tokens:,} tokens in, {known.completion_tokens:,} out"
        self._feed(Notice(f"Counted by the run itself: {spent}"))
        ending, reason = self._outcome(delivered=delivered)
        if ending != "complete":
            self._feed(FileWritten("checkpoint", str(self._place.folder)))
        return ending, reason

    def _outcome(self, *, delivered: bool) -> Outcome:
        progress, known = self._feed.state.samples_progress, self._known
        if progress.total and progress.failed == progress.total:
            return (
                "aborted",
                f"every sample failed; try them again with: {resume_command(known.command, only_failures=True)}",
            )
        if delivered or (self._job.topic_only and self._topics):
            return _verdict(known.failed_expansions, progress.total - progress.done)
        return "stopped", f"nobody works on it; go on with: {resume_command(known.command)}"

    def close(self) -> None:
        """Close the files."""
        for tail in (self._expansions, self._journal, self._failures):
            tail.close()


class Journalled:
    """A run without a checkpoint. Its journal is there while samples are made, and after a kill."""

    def __init__(self, job: Job, feed: Feed, journal: Path, *, waited_since: float | None) -> None:
        self._job, self._feed, self._journal = job, feed, Tail(journal)
        self._waited_since = waited_since
        self._topics = _loaded(job.topics_load or job.topics)
        self._samples: Retelling | None = None
        feed(_started(job, waited_since or time.time()))
        if topics := self._topics:
            feed(TopicsReady(topics.mode, len(topics), len(topics.leaves), str(job.topics_load or "")))

    @property
    def over(self) -> bool:
        """Whether no process works on it any more."""
        return not (self._journal.path.exists() and is_being_written(self._job.dataset))

    def read(self) -> None:
        """Tell what is new."""
        if self._samples is None and self._journal.is_there:
            self._samples = Retelling(self._job, self._feed, self._topics, self._journal)
            self._samples.begin(Metadata(), until=None if self._waited_since is None else 0)
        if self._samples is not None:
            self._samples.go_on()

    def end(self) -> Outcome:
        """Tell the rest, and how it ended."""
        since = self._journal.written_at or self._waited_since or 0.0
        delivered = written_at(self._job.dataset) >= since
        if self._samples is None and delivered:
            self._samples = _tell_dataset(self._feed, self._job, self._topics)
        if self._samples is not None:
            if delivered and written_at(self._job.failures) >= since:
                self._samples.tell_failures(whole_lines(self._job.failures))
            self._samples.finish()
        if delivered:
            _tell_outputs(self._feed, self._job, since=since)
            return _verdict(_failed_topics(self._job.topics), self._feed.state.samples_failed)
        return self._undelivered(since)

    def _undelivered(self, since: float) -> Outcome:
        partial = newest(self._job.beside("partial"))
        if partial is None or written_at(partial) < since:
            return "stopped", "it ended without a sample"
        self._feed(FileWritten("partial dataset", str(partial)))
        return "stopped", f"what it made is in {partial}"

    def close(self) -> None:
        """Close the files."""
        self._journal.close()


def _started(job: Job, at: float) -> RunStarted:
    return RunStarted(job.config.topics.llm.name, job.config.generation.llm.name, at)


def _with_dataset(job: Job, dataset: str) -> Job:
    """The job as the run had it that wrote the checkpoint, wherever that was started."""
    output = job.config.output.model_copy(update={"save_as": dataset or job.config.output.save_as})
    return replace(job, config=job.config.model_copy(update={"output": output}))


def _loaded(path: Path) -> Topics | None:
    """The topics, where they are there and whole."""
    try:
        return load_topics(path)[0]
    except ConfigError:
        return None


def newest(path: Path) -> Path | None:
    """The file of that name, or of that name with a number, that was written last."""
    numbered = path.parent.glob(f"{glob.escape(path.stem)}-*{path.suffix}")
    found = [one for one in (path, *numbered) if one.exists()]
    return max(found, key=written_at, default=None)


def _tell_dataset(feed: Feed, job: Job, topics: Topics | None) -> Retelling:
    """The samples stage of a run that was too quick to be seen."""
    samples = Retelling(job, feed, topics, Tail(job.journal))
    samples.begin_with(job.dataset)
    return samples


def _tell_outputs(feed: Feed, job: Job, *, since: float) -> None:
    feed(FileWritten("dataset", str(job.dataset)))
    if written_at(job.failures) >= since:
        feed(FileWritten("failures", str(job.failures)))


def _failed_topics(topics: Path) -> int:
    """How many topics could not be expanded when these grew; an older list doesn't count."""
    listed = TopicsFile(topics, {}).failures_path
    return sum(1 for _ in whole_lines(listed)) if written_at(listed) >= written_at(topics) else 0


def _verdict(failed_topics: int, failed_samples: int) -> Outcome:
    if failed_topics:
        return "incomplete", f"{counted(failed_topics, 'topic')} could not be expanded when the topics grew"
    return ("incomplete", f"{counted(failed_samples, 'sample')} failed") if failed_samples else ("complete", "")
