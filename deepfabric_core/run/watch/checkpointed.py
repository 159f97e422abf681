"""Follow a run that keeps a checkpoint."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from deepfabric_core.errors import ConfigError
from deepfabric_core.events import (
    FileWritten,
    Notice,
    StageFinished,
    StageStarted,
    TopicExpanded,
    TopicsReady,
)
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.job import Job, resume_command
from deepfabric_core.run.watch.journal_events import JournalEvents
from deepfabric_core.run.watch.sources import Outcome, loaded_topics, started, tell_dataset, tell_outputs, verdict
from deepfabric_core.store.checkpoint_files import CheckpointFiles, read_metadata, recovered_metadata
from deepfabric_core.store.files import written_at
from deepfabric_core.store.tail import Tail, is_worked_on
from deepfabric_core.topics.grow import Growth
from deepfabric_core.topics.model import Topics
from deepfabric_core.wording import counted


class CheckpointedRun:
    """A run that keeps a checkpoint; one that nobody works on is over at once."""

    def __init__(self, job: Job, feed: EventSink, place: CheckpointFiles) -> None:
        self._known, _ = recovered_metadata(place)
        self._job, self._feed, self._place = _with_dataset(job, self._known.dataset), feed, place
        self._expansions, self._journal, self._failures = map(Tail, (place.expansions, place.samples, place.failures))
        self._growing = self._seen_unfinished = False
        self._topics: Topics | None = None
        self._samples: JournalEvents | None = None
        feed(started(job, self._known.process_started_at))

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
        topics = loaded_topics(self._place.topics)
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
        self._samples = JournalEvents(self._job, self._feed, topics, self._journal, self._failures)
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
            tell_dataset(self._feed, self._job, self._topics).finish()
        elif self._growing and self._topics is None:
            self._feed(StageFinished("topics", time.time()))
        if delivered:
            tell_outputs(self._feed, self._job, since=self._known.process_started_at)
        return ("complete", "") if cleared else self._standing(delivered=delivered)

    def _topics_from(self, path: Path) -> None:
        """The topics of a run that ended before those of its checkpoint were seen."""
        self._grow(wait=False)
        topics = loaded_topics(path)
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
            return verdict(known.failed_expansions, progress.total - progress.done)
        return "stopped", f"nobody works on it; go on with: {resume_command(known.command)}"

    def close(self) -> None:
        """Close the files."""
        for tail in (self._expansions, self._journal, self._failures):
            tail.close()


def _with_dataset(job: Job, dataset: str) -> Job:
    """The job as the run had it that wrote the checkpoint, wherever that was started."""
    output = job.config.output.model_copy(update={"save_as": dataset or job.config.output.save_as})
    return replace(job, config=job.config.model_copy(update={"output": output}))
