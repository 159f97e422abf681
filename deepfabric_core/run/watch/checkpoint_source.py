"""`CheckpointedRun`: follow a run that keeps a checkpoint."""

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
from deepfabric_core.run.budget import budget_of_checkpoint
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.job import Job, resume_command, run_started
from deepfabric_core.run.larger_budget import larger_for_checkpoint
from deepfabric_core.run.watch.journal_events import JournalEvents
from deepfabric_core.run.watch.run_source import Outcome, loaded_topics, tell_dataset, tell_outputs, verdict
from deepfabric_core.store.checkpoint_files import CheckpointFiles, read_metadata, recovered_metadata
from deepfabric_core.store.files import written_at
from deepfabric_core.store.tail import Tail, is_worked_on
from deepfabric_core.topics.grow import Growth
from deepfabric_core.topics.model import Topics
from deepfabric_core.wording import counted


class CheckpointedRun:
    """A run with a checkpoint. If no process works on it, it is over at once."""

    def __init__(self, job: Job, sink: EventSink, files: CheckpointFiles) -> None:
        self._known, _ = recovered_metadata(files)
        self._job, self._sink, self._files = _with_dataset(job, self._known.dataset), sink, files
        self._expansions, self._journal, self._failures = map(Tail, (files.expansions, files.samples, files.failures))
        self._rejected = Tail(files.rejected)
        self._growing = self._seen_unfinished = False
        self._topics: Topics | None = None
        self._samples: JournalEvents | None = None
        sink(run_started(job, self._known.process_started_at))

    @property
    def over(self) -> bool:
        """Whether no process works on it any more."""
        return not self._files.exists or not is_worked_on(self._files)

    def read(self) -> None:
        """Emit events for what is new."""
        self._look_up()
        if self._topics is None:
            self._read_topics()
        if self._samples is None and self._topics is not None and self._journal.is_there:
            self._begin_samples(self._topics)
        if self._samples is not None:
            self._samples.go_on()

    def _look_up(self) -> None:
        """Read the checkpoint's metadata; after the checkpoint was deleted, keep the last one."""
        try:
            self._known = read_metadata(self._files)
        except ConfigError:
            if self._files.exists:
                raise

    def _read_topics(self) -> None:
        topics = loaded_topics(self._files.topics)
        grown_in_this_run = written_at(self._files.topics) >= self._known.process_started_at
        self._seen_unfinished |= topics is None
        if topics is None or self._growing or grown_in_this_run:
            self._grow(wait=topics is None)
        if topics is not None and self._known.topics == len(topics):  # otherwise the metadata is about to be written
            self._ready(topics, source="" if self._growing else str(self._files.topics))

    def _grow(self, *, wait: bool) -> None:
        """Emit events for new expansions; a run that loads its topics has none."""
        settings = self._job.config.topics
        for line in self._expansions.objects():
            self._begin_growing()
            children = tuple(str(child[0]) for child in line.get("children") or ())
            self._sink(TopicExpanded(tuple(line.get("path") or ()), children, settings.degree - len(children)))
        if wait and self._expansions.is_there:
            self._begin_growing()

    def _begin_growing(self) -> None:
        if not self._growing:
            self._growing = True
            settings, at = self._job.config.topics, self._known.process_started_at
            self._sink(StageStarted("topics", Growth(settings).total, settings.max_concurrent, at))

    def _ready(self, topics: Topics, source: str) -> None:
        self._topics = topics
        if self._growing:
            self._sink(StageFinished("topics", time.time()))
            self._sink(FileWritten("topics", str(self._job.topics)))
        self._sink(TopicsReady(topics.mode, len(topics), len(topics.leaves), source))

    def _begin_samples(self, topics: Topics) -> None:
        """Begin the samples stage.

        If topics were seen growing, no sample was made before: each one that isn't in the metadata yet gets an event.
        """
        self._samples = JournalEvents(self._job, self._sink, topics, self._journal, self._rejected, self._failures)
        settings = self._job.config.output.checkpoint
        retrying = "--retry-failed" in self._known.command or bool(settings and settings.retry_failed)
        until = self._known.samples_bytes if self._seen_unfinished else None
        self._samples.begin(self._known, until=until, failures=not retrying)

    def end(self) -> Outcome:
        """Emit the remaining events, and return how the run ended."""
        cleared = not self._files.exists
        if cleared and self._topics is None:
            self._topics_from(self._job.topics)
        delivered = written_at(self._job.dataset) >= self._known.process_started_at
        if self._samples is not None:
            self._samples.finish()
        elif delivered:
            tell_dataset(self._sink, self._job, self._topics).finish()
        elif self._growing and self._topics is None:
            self._sink(StageFinished("topics", time.time()))
        if delivered:
            tell_outputs(self._sink, self._job, since=self._known.process_started_at)
        return ("complete", "") if cleared else self._standing(delivered=delivered)

    def _topics_from(self, path: Path) -> None:
        """Read the topics of a run that ended before its checkpoint's topics were seen."""
        self._grow(wait=False)
        topics = loaded_topics(path)
        if topics is not None:
            self._ready(topics, source="" if self._growing else str(path))

    def _standing(self, *, delivered: bool) -> Outcome:
        known = self._known
        spent = f"{counted(known.calls, 'call')}, {known.prompt_tokens:,} tokens in, {known.completion_tokens:,} out"
        self._sink(Notice(f"Counted by the run itself: {spent}"))
        ending, reason = self._outcome(delivered=delivered)
        if ending != "complete":
            self._sink(FileWritten("checkpoint", str(self._files.folder)))
        return ending, reason

    def _outcome(self, *, delivered: bool) -> Outcome:
        progress, known = self._sink.state.samples_progress, self._known
        if progress.total and progress.failed == progress.total:
            return (
                "aborted",
                f"every sample failed; try them again with: {resume_command(known.command, retry_failed=True)}",
            )
        if delivered or (self._job.topic_only and self._topics):
            return verdict(known.failed_expansions, progress.total - progress.done)
        budget = budget_of_checkpoint(self._job.config.budget, known)
        larger = larger_for_checkpoint(self._job, budget, progress.done)
        return "stopped", f"nobody works on it; go on with: {resume_command(known.command, instead=larger)}"

    def close(self) -> None:
        """Close the files."""
        for tail in (self._expansions, self._journal, self._failures, self._rejected):
            tail.close()


def _with_dataset(job: Job, dataset: str) -> Job:
    """Return the job with the dataset of the run that wrote the checkpoint, wherever that was started."""
    output = job.config.output.model_copy(update={"save_as": dataset or job.config.output.save_as})
    return replace(job, config=job.config.model_copy(update={"output": output}))
