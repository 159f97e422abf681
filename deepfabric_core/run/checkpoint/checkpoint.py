"""`Checkpoint`: a run's open checkpoint, with what an earlier run left and what this run adds.

A run that isn't asked to keep a checkpoint has one all the same, beside its dataset, until everything is delivered.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from deepfabric_core.amounts import Amounts, Spent, together
from deepfabric_core.config.budget import FLAGS, limits_in
from deepfabric_core.config.fingerprint import changed, fingerprint, part_of_topics, without_topics
from deepfabric_core.errors import ConfigError, FailureKind, OutputError
from deepfabric_core.events import PREVIEW, FileWritten, Notice, Resumed, TopicsReady
from deepfabric_core.run.checkpoint.autosave import Autosave
from deepfabric_core.run.checkpoint.plan import plan_in, what_weights_change, with_weights
from deepfabric_core.run.checkpoint.topics import digest_of_topics, edited_topics, with_topics
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.job import Job
from deepfabric_core.samples.plan import WorkItem
from deepfabric_core.samples.records import Record
from deepfabric_core.samples.reviews import sample_id
from deepfabric_core.samples.shards import AnyPlan, ShardPlan
from deepfabric_core.samples.weights import own_weights
from deepfabric_core.store.append_log import AppendLog
from deepfabric_core.store.checkpoint_files import (
    CheckpointFiles,
    CheckpointLock,
    Metadata,
    clear,
    recovered_metadata,
)
from deepfabric_core.store.expansion_log import Expansions
from deepfabric_core.store.failure_log import Failures, SampleKey
from deepfabric_core.store.files import holds_something
from deepfabric_core.store.finished_mark import FinishedMark, digest_of_file, digests, write_mark
from deepfabric_core.store.journal import Journal
from deepfabric_core.store.keyed_hash import keyed_hash
from deepfabric_core.store.rejected_log import RejectedLog
from deepfabric_core.store.review_log import reviews_of
from deepfabric_core.store.run_history import HistoryWriter
from deepfabric_core.store.shard_files import ShardTotals, with_shards
from deepfabric_core.store.topics_file import TopicsFile, load_topics
from deepfabric_core.store.usage_totals import with_unsaved
from deepfabric_core.topics.model import Topics
from deepfabric_core.wording import counted

if TYPE_CHECKING:
    from deepfabric_core.store.print_file import PrintFile

# In samples, if only a flag asks for a checkpoint.
_USUAL_INTERVAL = 100


class Checkpoint:
    """An open checkpoint. Every sample is written to a file at once; now and then the files are flushed to disk."""

    def __init__(self, job: Job, sink: EventSink, files: CheckpointFiles, held: CheckpointLock | None) -> None:
        self.files = files
        self._job = job
        self._sink = sink
        self._held = held
        self._began = time.time()
        self._uncounted = 0.0
        self._seconds_before: float | None = None
        settings = job.config.output.checkpoint
        self._retry_failed = job.retry_failed or bool(settings and settings.retry_failed)
        self._journal: Journal | None = None
        self._in_shards = False
        self._steps: AppendLog | None = None
        self._rejected: RejectedLog | None = None
        self._prints: PrintFile | None = None
        self._history = HistoryWriter(job.models, files) if job.shard is None else None
        interval = settings.interval if settings else _USUAL_INTERVAL
        self._autosave = Autosave(files, interval, self._now, self._tell_history)
        self._going_on = files.exists
        self._base = with_unsaved(self._resumed(), files) if self._going_on else self._new()
        if self._going_on and job.shard is None:
            self._base = with_shards(self._base, job.shards)
        self.failures = Failures(files.failures)
        self._autosave.add(self.failures.lines)  # type: ignore[arg-type]
        goes_on = self._going_on and job.preview is None
        self._reviews = reviews_of(job.dataset).rejected() if goes_on else {}
        self._autosave.write_metadata()

    def _new(self) -> Metadata:
        if self._job.resume and not self._job.keep and self._job.preview is None:
            self._sink(Notice(f"No checkpoint to resume in {self.files.folder}: starting from the beginning"))
        return self._of_this_process(Metadata(created_at=self._began))

    def _resumed(self) -> Metadata:
        found, lost = recovered_metadata(self.files)
        if lost:
            self._sink(
                Notice(
                    f"{self.files.metadata} couldn't be read and is made anew from what was finished; whether the "
                    "config has changed since can't be told"
                )
            )
        self._tell_limits_left_out(found.command)
        now = fingerprint(self._job.config, keyed_hash)
        differing = changed(found.fingerprint, now, topics_given=self._job.topics_load is not None)
        if differing and not lost and not self._job.accept_changes:
            raise ConfigError(
                f"The config has changed since the checkpoint in what decides the data: {', '.join(differing)}. Change "
                "that back, go on all the same by --accept-changes, or begin anew by --fresh."
            )
        if self._retry_failed and found.failed_expansions and self.files.expansions.exists():
            if self._job.shards.exists:
                self._sink(
                    Notice(
                        f"{counted(found.failed_expansions, 'topic')} that could not be expanded stay as they are, "
                        "since the samples of workers are cut by topics: begin anew by --fresh to have all"
                    )
                )
            else:
                self.files.topics.unlink(missing_ok=True)  # they grow again, from the known expansions
                found = replace(found, failed_expansions=0, topics_digest="")
        return self._of_this_process(found)

    def _tell_limits_left_out(self, command: Sequence[str]) -> None:
        """Emit a notice if the earlier session had limits of the budget by flags that this one doesn't have."""
        budget = self._job.config.budget
        had = [f"{FLAGS[key]} {value}" for key, value in limits_in(command).items() if getattr(budget, key) is None]
        if had:
            limits = "limit" if len(had) == 1 else "limits"
            self._sink(Notice(f"The earlier session had {' and '.join(had)}; this one has no such {limits}"))

    def _of_this_process(self, metadata: Metadata) -> Metadata:
        job = self._job
        prints = fingerprint(job.config, keyed_hash)
        if job.topics_load or (metadata.fingerprint and not part_of_topics(metadata.fingerprint)):
            prints = without_topics(prints)
        return replace(
            metadata,
            run_id=metadata.run_id or uuid.uuid4().hex,
            config_file=job.config_identity,
            dataset=str(job.dataset.absolute()),
            command=job.command,
            fingerprint=prints,
            process=os.getpid(),
            process_started_at=self._began,
        )

    async def begun(self) -> None:
        """Note in the history of runs that this one has begun."""
        if self._history is not None:
            await asyncio.to_thread(self._history.write, self._now())

    def _tell_history(self, known: Metadata) -> None:
        if self._history is not None:
            self._history.write_now_and_then(known)

    @property
    def is_resumed(self) -> bool:
        """Whether there was a checkpoint before."""
        return self._going_on

    @property
    def samples_before(self) -> int:
        """How many samples earlier sessions have made, as far as was saved."""
        return self._base.samples_done

    @property
    def run_id(self) -> str:
        """The id that all sessions of the run have."""
        return self._base.run_id

    @property
    def spent_before(self) -> Spent:
        """What earlier sessions spent."""
        return self._base.spent

    def seconds(self) -> float:
        """Return how long all sessions took so far, without pauses."""
        return self._counted() if self._seconds_before is None else self._seconds_before

    def _counted(self) -> float:
        now = time.time()
        return self._base.seconds + now - self._began - self._uncounted - self._sink.state.paused_for(now)

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """Have the time in this context not count as the run's, as while machines are started for it."""
        self._seconds_before = before = self._counted()
        try:
            yield
        finally:
            self._uncounted += self._counted() - before
            self._seconds_before = None

    # ---- topics

    def topics(self, given: Topics | None) -> Topics | None:
        """Return the topics that the run used so far, or else those `given` by a file, or None.

        Raises:
            ConfigError: the given topics differ from those that the run used, or edited ones from those of its shards.
        """
        if not self.files.topics.exists():
            if given:
                self.keep_topics(given)
            return given
        topics, _ = load_topics(self.files.topics)
        if given and given.weights != topics.weights and digest_of_topics(given) == digest_of_topics(topics):
            self.keep_topics(given)
            return given
        if given and digest_of_topics(given) != digest_of_topics(topics):
            self._check_not_in_shards(f"{self._job.topics_load}: leave --topics-load out")
            if not self._job.accept_changes:
                raise ConfigError(
                    f"{self._job.topics_load}: these are other topics than those of the checkpoint; leave "
                    "--topics-load out, go on all the same by --accept-changes, or begin anew by --fresh."
                )
            self.keep_topics(given)
            return given
        if self._job.keep and (edited := edited_topics(self._job, self.files)) is not None:
            self._check_not_in_shards(f"{self._job.topics} was edited since the last run: undo that")
            self._sink(Notice(f"{self._job.topics} was edited since the last run: its topics are used"))
            self.keep_topics(edited)
            topics = edited
        source = "an earlier run"
        self._known_topics(topics)
        self._sink(TopicsReady(topics.mode, len(topics), len(topics.leaves), source=source))
        return topics

    def _check_not_in_shards(self, what_to_do: str) -> None:
        """Check that no samples were made in shards, each of which has topics of its own."""
        if self._job.shards.exists:
            raise ConfigError(
                f"{what_to_do}, or begin anew by --fresh: {self._job.shards.path} holds samples of other topics, which "
                "can't be changed once samples are made on Ray."
            )

    def _known_topics(self, topics: Topics) -> None:
        """Update the metadata for these topics, if a killed run didn't get to do it."""
        if self._base.topics_digest != digest_of_topics(topics):
            self._base = with_topics(self._base, topics, self._base.failed_expansions)

    def expansions(self) -> Expansions:
        """Return the expansions so far."""
        expansions = Expansions(self.files.expansions)
        self._autosave.add(expansions.lines)
        return expansions

    def keep_topics(self, topics: Topics) -> None:
        """Save the complete topics; if only topics were asked for, not while some expansions failed."""
        if self._job.topic_only and self._sink.state.failed_expansions:
            return
        self._base = with_topics(self._base, topics, self._sink.state.failed_expansions)
        self._autosave.write_metadata()  # first: without it, topics with failed expansions would count as complete
        TopicsFile(self.files.topics, {}).save(topics)

    def steps(self) -> AppendLog:
        """Return the log of replies and tool results within unfinished items; read it before adding anything."""
        if self._steps is None:
            self._steps = self._autosave.add(AppendLog(self.files.steps))
        return self._steps

    # ---- samples

    def prints(self) -> PrintFile:
        """Return the prints of samples, by which duplicates are found."""
        if self._prints is None:
            from deepfabric_core.store.print_file import PrintFile

            self._prints = PrintFile(self.files.prints)
            self._autosave.add(self._prints.lines)
        return self._prints

    def rejected(self) -> RejectedLog:
        """Return the log of rejected samples."""
        if self._rejected is None:
            self._rejected = RejectedLog(self.files.rejected)
            self._autosave.add(self._rejected.lines)
        return self._rejected

    def plan(self, topics: Topics) -> AnyPlan:
        """Return the plan over these topics; where weights changed since samples were made, those stay in it.

        Raises:
            ConfigError: no topic has a weight above 0.
        """
        if self._job.shard is not None:
            return ShardPlan(topics, self._job.shard)
        before = self._base
        self._base = with_weights(before, own_weights(topics, self._job.config.topics.weights), self.files)
        plan = plan_in(self._job, self.files, topics, self._base)
        if self._base.weights != before.weights:
            self._autosave.write_metadata()
            if self._base.weights_changed and self._job.preview is None:
                self._sink(Notice(what_weights_change(plan)))
        return plan

    def journal(self, plan: AnyPlan, on_sample: Callable[[SampleKey, Mapping[str, Any]], None]) -> Journal:
        """Open the journal of a plan; called again, for a new plan.

        Args:
            plan: the plan of the samples.
            on_sample: called with the topic id and cycle, and the record, of each sample so far.
        """
        again = self._journal is not None
        journal = self._opened(plan)
        rejected, kept = self.rejected(), Counter[str]()
        for line in journal.read(self._is_rejected if self._reviews or rejected.reviewed else None):
            key = line.content["topic_id"], line.content["cycle"]
            on_sample(key, line.content["sample"])
            self.failures.forget(*key)
            rejected.settled(key)
            if "kept" in line.content:
                kept[str(line.content["kept"])] += 1
        self._note_rejected(journal, plan, begun=again)
        for key in [key for key in self.failures if plan.index_of(*key) is None]:
            self.failures.forget(*key)
        if again:
            return journal
        for failed in self.failures:
            rejected.failed(failed)
        if self._retry_failed:
            self.failures.forget_all()
        if journal.surplus and self._job.preview is None:
            surplus = counted(journal.surplus, "sample")
            self._sink(Notice(f"{surplus} made before, beyond this run's plan: kept, but not part of the dataset"))
        if self._going_on:
            counts = rejected.counts + kept
            self._sink(self._resumed_event(journal.written, self.failures.by_kind, counts, kept.total()))
        return journal

    def keep_weights(self, weights: Mapping[str, float]) -> None:
        """Note the weights of topics by which the samples are shared out among shards.

        Raises:
            OutputError: it can't be written.
        """
        self._base = replace(self._base, weights=dict(weights))
        self._autosave.write_metadata()

    @property
    def weights(self) -> Mapping[str, float]:
        """The weights of topics, by their ids, by which samples were shared out last."""
        return self._base.weights

    def shards(self, wanted: int, earlier: ShardTotals) -> None:
        """Note that the samples are made in shards, of which earlier sessions have made some."""
        self._base = replace(self._base, samples_wanted=wanted, samples_done=earlier.made)
        self._in_shards = True
        if self._going_on:
            rejected = Counter(earlier.rejected)
            self._sink(self._resumed_event(earlier.made, earlier.failures, rejected, earlier.kept))

    @property
    def is_rejected(self) -> Callable[[Record], bool] | None:
        """Whether people rejected a text before; None if they rejected nothing."""
        return self._is_rejected if self._reviews else None

    def _is_rejected(self, record: Record) -> bool:
        return sample_id(record) in self._reviews

    def _note_rejected(self, journal: Journal, plan: AnyPlan, *, begun: bool) -> None:
        """Note the samples that people rejected as such; where no other one stands, it is made again.

        That is so where it failed before, too; but not where it failed since the stage has `begun`.
        """
        paths = {topic.id: path for topic, path in plan.topics.leaves} if journal.rejected else {}
        again = set()
        for index, line in journal.rejected:
            topic_id, cycle, record = line.content["topic_id"], line.content["cycle"], line.content["sample"]
            item = WorkItem(index, topic_id, paths[topic_id], cycle)
            self.rejected().add_reviewed(item, record, self._reviews[sample_id(record)])
            if journal.has(index):
                self.rejected().settled((topic_id, cycle))
                continue
            again.add(index)
            if not begun:
                self.failures.forget(topic_id, cycle)
        if again and not begun and self._job.shard is None:
            self._sink(Notice(f"{counted(len(again), 'sample')} rejected in review: to be made again"))

    def _opened(self, plan: AnyPlan) -> Journal:
        if self._journal is not None:
            self._autosave.drop(self._journal.lines)
        lines = self._autosave.add(AppendLog(self.files.samples))
        self._journal = Journal(lines, plan)
        self._base = replace(self._base, samples_wanted=len(plan))
        return self._journal

    def _resumed_event(
        self, samples: int, failures: Mapping[FailureKind, int], rejected: Counter[str], kept: int
    ) -> Resumed:
        base = self._base
        return Resumed(
            samples,
            failures,
            base.failed_expansions,
            base.prompt_tokens,
            base.completion_tokens,
            base.cost,
            base.calls,
            base.seconds,
            dict(rejected),
            kept,
            base.cached_tokens,
            base.spending,
        )

    def item_settled(self) -> None:
        """Note that a sample was made or failed, or a topic was expanded, and save if it is time to.

        Raises:
            OutputError: an earlier save failed.
        """
        self._autosave.item_settled()

    async def save(self) -> None:
        """Save everything, at the end of a stage.

        Raises:
            OutputError: the files can't be written.
        """
        await self._autosave.save()

    def _counts(self) -> tuple[int, int]:
        """Return how many samples are made and have failed."""
        if self._in_shards:
            progress = self._sink.state.samples_progress
            return progress.done, progress.failed
        if self._journal is None:
            return self._base.samples_done, self._base.samples_failed
        return self._journal.written, len(self.failures)

    def _now(self) -> Metadata:
        state, base = self._sink.state, self._base
        now, spent = time.time(), base.spent.usage + state.usage
        done, failed = self._counts()
        return replace(
            base,
            samples_done=done,
            samples_failed=failed,
            samples_rejected=self._rejected.counts.total() if self._rejected else base.samples_rejected,
            samples_bytes=self._autosave.size_of(self.files.samples, base.samples_bytes),
            rejected_bytes=self._autosave.size_of(self.files.rejected, base.rejected_bytes),
            expansions_bytes=self._autosave.size_of(self.files.expansions, base.expansions_bytes),
            steps_bytes=self._autosave.size_of(self.files.steps, base.steps_bytes),
            calls=base.calls + state.calls,
            **asdict(spent),
            spending=together(base.spending, state.spending),
            next_call=state.budget.next_call if state.budget else Amounts(),
            seconds=self.seconds(),
            updated_at=now,
        )

    # ---- the end

    def end(self, *, delivered: bool) -> None:
        """Delete the checkpoint if all is `delivered` and it isn't to be kept; undelivered samples are kept anyway."""
        if delivered and not self._job.keep:
            self._leave_mark()
        if (delivered and not self._holds_more and not self._job.keep) or self._holds_nothing:
            clear(self.files)
        elif not delivered or self._holds_more:
            self._hide_empty_journal()
            self.tell_where()

    def _hide_empty_journal(self) -> None:
        """Delete an empty journal beside the dataset, left where only topics were made."""
        if not self.files.asked and not holds_something(self.files.samples):
            self.files.samples.unlink(missing_ok=True)

    @property
    def _holds_nothing(self) -> bool:
        """Whether nobody asked for the checkpoint and it holds no work."""
        return not self.files.asked and not self.files.holds_work

    def tell_where(self) -> None:
        """Emit an event with the location of the checkpoint or journal."""
        if self.files.asked:
            self._sink(FileWritten("checkpoint", str(self.files.folder)))
        elif self.files.samples.exists():
            self._sink(FileWritten("journal", str(self.files.samples)))

    def _leave_mark(self) -> None:
        """Write the mark that tells a later resume that nothing is left to do.

        It goes beside the dataset if the user's folder can't be written.
        """
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
            weights=base.weights,
            weights_changed=base.weights_changed,
            finished_at=time.time(),
        )
        try:
            write_mark(job.checkpoint_files().mark, mark)
        except OutputError:
            if self.files.asked:
                raise
            write_mark(self.files.mark, mark)

    @property
    def _holds_more(self) -> bool:
        """Whether there are samples beyond the plan, or any samples where only topics were asked for."""
        if self._journal is not None:
            return self._journal.surplus > 0
        return holds_something(self.files.samples)

    def close(self) -> None:
        """Close the files and release the lock; delete the checkpoint of a run that was refused before it began.

        How a run ended goes into the history of runs.
        """
        self._autosave.close()
        if self._sink.state.started_at is not None and self._history is not None:
            state = self._sink.state
            self._history.write(self._now(), PREVIEW if state.is_preview else state.ending or "")
        if self._never_began:
            with suppress(OutputError):  # only the reason of the refusal is reported
                clear(self.files)
        if self._held is not None:
            self._held.release()

    @property
    def _never_began(self) -> bool:
        """Whether nothing was here before, and nothing was paid since."""
        return not (self._going_on or self._sink.state.started_at or self.files.holds_work)
