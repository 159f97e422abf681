"""One run's hold on its checkpoint: what an earlier run left there, and keeping it up to date.

A run that isn't asked to keep one has a checkpoint all the same, beside its dataset, until everything is delivered.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from deepfabric_core.chat.messages import Usage
from deepfabric_core.config.fingerprint import changed, fingerprint, part_of_topics, without_topics
from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.events import FileWritten, Notice, Resumed, TopicsReady
from deepfabric_core.run.checkpoint.autosave import Autosave
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.job import Job, save_topics
from deepfabric_core.samples.plan import Plan
from deepfabric_core.store.append_log import AppendLog
from deepfabric_core.store.checkpoint_files import (
    CheckpointFiles,
    CheckpointLock,
    Metadata,
    beside,
    clear,
    recovered_metadata,
    write_metadata,
)
from deepfabric_core.store.expansion_log import Expansions
from deepfabric_core.store.failure_log import Failures
from deepfabric_core.store.files import holds_something
from deepfabric_core.store.finished_mark import FinishedMark, digest_of_file, digests, write_mark
from deepfabric_core.store.journal import Journal
from deepfabric_core.store.keyed_hash import keyed_hash
from deepfabric_core.store.topics_file import TopicsFile, load_topics
from deepfabric_core.store.usage_totals import with_unsaved
from deepfabric_core.topics.model import Topics
from deepfabric_core.wording import counted

# In samples, where only a flag asks for a checkpoint.
_USUAL_INTERVAL = 100


class Checkpoint:
    """An open checkpoint. Every sample is a line in a file at once; now and then that is made safe from power cuts."""

    def __init__(self, job: Job, feed: EventSink, place: CheckpointFiles, held: CheckpointLock | None) -> None:
        self.place = place
        self._job = job
        self._feed = feed
        self._held = held
        self._began = time.time()
        settings = job.config.output.checkpoint
        self._retry_failed = job.retry_failed or bool(settings and settings.retry_failed)
        self._journal: Journal | None = None
        self._steps: AppendLog | None = None
        self._autosave = Autosave(place, settings.interval if settings else _USUAL_INTERVAL, self._now)
        self._going_on = place.exists
        self._base = with_unsaved(self._resumed(), place) if self._going_on else self._new()
        self.failures = Failures(place.failures)
        self._autosave.add(self.failures.lines)  # type: ignore[arg-type]
        self._autosave.write_metadata()

    def _new(self) -> Metadata:
        if self._job.resume and not self._job.keep:
            self._feed(Notice(f"No checkpoint to resume in {self.place.folder}: starting from the beginning"))
        return self._of_this_process(Metadata(created_at=self._began))

    def _resumed(self) -> Metadata:
        found, lost = recovered_metadata(self.place)
        if lost:
            self._feed(
                Notice(
                    f"{self.place.metadata} couldn't be read and is made anew from what was finished; whether the "
                    "config has changed since can't be told"
                )
            )
        now = fingerprint(self._job.config, keyed_hash)
        differing = changed(found.fingerprint, now, topics_given=self._job.topics_load is not None)
        if differing and not lost and not self._job.accept_changes:
            raise ConfigError(
                f"The config has changed since the checkpoint in what decides the data: {', '.join(differing)}. Change "
                "that back, go on all the same by --accept-changes, or begin anew by --fresh."
            )
        if self._retry_failed and found.failed_expansions and self.place.expansions.exists():
            self.place.topics.unlink(missing_ok=True)  # they grow again, from what is known of them
            found = replace(found, failed_expansions=0, topics_digest="")
        return self._of_this_process(found)

    def _of_this_process(self, metadata: Metadata) -> Metadata:
        job = self._job
        prints = fingerprint(job.config, keyed_hash)
        if job.topics_load or (metadata.fingerprint and not part_of_topics(metadata.fingerprint)):
            prints = without_topics(prints)
        return replace(
            metadata,
            config_file=job.config_identity,
            dataset=str(job.dataset.absolute()),
            command=job.command,
            fingerprint=prints,
            process=os.getpid(),
            process_started_at=self._began,
        )

    # ---- topics

    def topics(self, given: Topics | None) -> Topics | None:
        """The topics of the run: those it used so far, or else those `given` by a file, or None.

        Raises:
            ConfigError: a file is given that holds other topics than the run used.
        """
        if not self.place.topics.exists():
            if given:
                self.keep_topics(given)
            return given
        topics, _ = load_topics(self.place.topics)
        if given and _digest(given) != _digest(topics):
            if not self._job.accept_changes:
                raise ConfigError(
                    f"{self._job.topics_load}: these are other topics than those of the checkpoint; leave "
                    "--topics-load out, go on all the same by --accept-changes, or begin anew by --fresh."
                )
            self.keep_topics(given)
            return given
        if self._job.keep and (edited := edited_topics(self._job, self.place)) is not None:
            self._feed(Notice(f"{self._job.topics} was edited since the last run: its topics are used"))
            self.keep_topics(edited)
            topics = edited
        source = "an earlier run" if self._job.keep else str(self.place.topics)
        self._known_topics(topics)
        self._feed(TopicsReady(topics.mode, len(topics), len(topics.leaves), source=source))
        return topics

    def _known_topics(self, topics: Topics) -> None:
        """Let the metadata speak of these topics, which a run may not have come to that was killed."""
        if self._base.topics_digest != _digest(topics):
            self._base = _speaking_of(self._base, topics, self._base.failed_expansions)

    def expansions(self) -> Expansions:
        """What has grown of the topics so far."""
        expansions = Expansions(self.place.expansions)
        self._autosave.add(expansions.lines)
        return expansions

    def keep_topics(self, topics: Topics) -> None:
        """The topics are complete; those that only topics were asked for, once none of them failed."""
        if self._job.topic_only and self._feed.state.failed_expansions:
            return
        self._base = _speaking_of(self._base, topics, self._feed.state.failed_expansions)
        self._autosave.write_metadata()  # first: topics whose failures aren't known would count as whole
        TopicsFile(self.place.topics, {}).save(topics)

    def steps(self) -> AppendLog:
        """The file of what was answered on the way; it is to be read before anything is added."""
        if self._steps is None:
            self._steps = self._autosave.add(AppendLog(self.place.steps))
        return self._steps

    # ---- samples

    def journal(self, plan: Plan, on_sample: Callable[[str, Mapping[str, Any]], None]) -> Journal:
        """The samples so far, each told to `on_sample` by its topic and record; another time, for another plan."""
        again = self._journal is not None
        journal = self._opened(plan)
        for line in journal.read():
            on_sample(line.content["topic_id"], line.content["sample"])
            self.failures.forget(line.content["topic_id"], line.content["cycle"])
        for key in [key for key in self.failures if plan.index_of(*key) is None]:
            self.failures.forget(*key)
        if again:
            return journal
        if self._retry_failed:
            self.failures.forget_all()
        if journal.surplus:
            surplus = counted(journal.surplus, "sample")
            self._feed(Notice(f"{surplus} made before, beyond this run's plan: kept, but not part of the dataset"))
        if self._going_on:
            self._feed(self._resumed_event(journal))
        return journal

    def _opened(self, plan: Plan) -> Journal:
        if self._journal is not None:
            self._autosave.drop(self._journal.lines)
        lines = self._autosave.add(AppendLog(self.place.samples))
        self._journal = Journal(lines, plan)
        self._base = replace(self._base, samples_wanted=len(plan))
        return self._journal

    def _resumed_event(self, journal: Journal) -> Resumed:
        base = self._base
        return Resumed(
            journal.written,
            self.failures.by_kind,
            base.failed_expansions,
            base.prompt_tokens,
            base.completion_tokens,
            base.cost,
            base.calls,
            base.seconds,
        )

    def item_settled(self) -> None:
        """Save, if it is time to: a sample was made or failed, or a topic was expanded.

        Raises:
            OutputError: an earlier saving found that the checkpoint can't be kept up.
        """
        self._autosave.item_settled()

    async def save(self) -> None:
        """Save everything, at the end of a stage.

        Raises:
            OutputError: it can't be kept up.
        """
        await self._autosave.save()

    def _now(self) -> Metadata:
        state, base = self._feed.state, self._base
        now, spent = time.time(), _spent(base) + Usage(state.prompt_tokens, state.completion_tokens, state.cost)
        return replace(
            base,
            samples_done=self._journal.written if self._journal else base.samples_done,
            samples_failed=len(self.failures) if self._journal else base.samples_failed,
            samples_bytes=self._autosave.size_of(self.place.samples, base.samples_bytes),
            expansions_bytes=self._autosave.size_of(self.place.expansions, base.expansions_bytes),
            steps_bytes=self._autosave.size_of(self.place.steps, base.steps_bytes),
            calls=base.calls + state.calls,
            **asdict(spent),
            seconds=base.seconds + now - self._began - state.paused_for(now),
            updated_at=now,
        )

    # ---- the end

    def end(self, *, delivered: bool) -> None:
        """Clear it where everything asked for is `delivered`; but samples that have not been delivered aren't lost."""
        if delivered and not self._job.keep:
            self._leave_mark()
        if (delivered and not self._holds_more and not self._job.keep) or self._holds_nothing:
            clear(self.place)
        elif not delivered or self._holds_more:
            self._hide_empty_journal()
            self.tell_where()

    def _hide_empty_journal(self) -> None:
        """Let no empty file lie beside the dataset, where only topics were paid for."""
        if not self.place.asked and not holds_something(self.place.samples):
            self.place.samples.unlink(missing_ok=True)

    @property
    def _holds_nothing(self) -> bool:
        """Whether it is of no use, though nobody asked for it."""
        return not self.place.asked and not self.place.holds_work

    def tell_where(self) -> None:
        """Say where it is."""
        if self.place.asked:
            self._feed(FileWritten("checkpoint", str(self.place.folder)))
        elif self.place.samples.exists():
            self._feed(FileWritten("journal", str(self.place.samples)))

    def _leave_mark(self) -> None:
        """Let a later resume know that there is nothing to do; beside the dataset, where the user's folder is none."""
        job, base = self._job, self._base
        delivered = job.topics if job.topic_only else job.dataset
        mark = FinishedMark(
            dataset=str(job.dataset.absolute()),
            topic_only=job.topic_only,
            topics_given=job.topics_load is not None,
            samples=0 if job.topic_only else base.samples_wanted,
            leaves=base.leaves,
            digest=digest_of_file(delivered),
            fingerprint=digests(base.fingerprint),
            finished_at=time.time(),
        )
        try:
            write_mark(job.checkpoint_place().mark, mark)
        except OutputError:
            if self.place.asked:
                raise
            write_mark(self.place.mark, mark)

    @property
    def _holds_more(self) -> bool:
        """Samples that the plan had no place for, or any at all where only topics were asked for."""
        if self._journal is not None:
            return self._journal.surplus > 0
        return holds_something(self.place.samples)

    def close(self) -> None:
        """Let go of it; of a run that was refused before it began nothing stays."""
        self._autosave.close()
        if self._never_began:
            with suppress(OutputError):  # what the run was refused for says enough
                clear(self.place)
        if self._held is not None:
            self._held.release()

    @property
    def _never_began(self) -> bool:
        """Nothing was here before, and nothing was paid since."""
        return not (self._going_on or self._feed.state.started_at or self.place.holds_work)


def change_topics(job: Job, topics: Topics) -> None:
    """Replace the topics of a run that nobody works on: in their file, and in its checkpoint, where there is one.

    Raises:
        ConfigError: a process works on it at this moment.
        OutputError: they can't be written.
    """
    place = job.checkpoint_place()
    if not place.exists:
        save_topics(job, topics)
        return
    held = CheckpointLock(place)
    try:
        known = with_topics(place, recovered_metadata(place)[0], topics, failed_expansions=0)
        write_metadata(place, replace(known, updated_at=time.time()))
        save_topics(job, topics)
    finally:
        held.release()


def edited_topics(job: Job, place: CheckpointFiles) -> Topics | None:
    """The topics of the job's file, where somebody changed it after a run wrote it; None where nobody did."""
    file = job.topics
    if job.topics_load or not file.exists() or file.stat().st_mtime <= place.topics.stat().st_mtime:
        return None
    try:
        topics, _ = load_topics(file)
    except ConfigError:
        return None
    written = {known.topics_digest for _, known in beside(place)}
    return None if _digest(topics) in written else topics


def with_topics(place: CheckpointFiles, known: Metadata, topics: Topics, failed_expansions: int) -> Metadata:
    """Write a checkpoint's topics; answers what its metadata say of them."""
    TopicsFile(place.topics, {}).save(topics)
    return _speaking_of(known, topics, failed_expansions)


def _speaking_of(known: Metadata, topics: Topics, failed_expansions: int) -> Metadata:
    return replace(
        known,
        topics=len(topics),
        leaves=len(topics.leaves),
        failed_expansions=failed_expansions,
        topics_digest=_digest(topics),
    )


def _spent(metadata: Metadata) -> Usage:
    return Usage(metadata.prompt_tokens, metadata.completion_tokens, metadata.cost)


def _digest(topics: Topics) -> str:
    import hashlib

    return hashlib.sha256("\n".join(sorted(topic.id for topic, _ in topics.leaves)).encode()).hexdigest()
