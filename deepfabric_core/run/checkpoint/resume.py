"""Decide what a run starts from: a new checkpoint, one that an earlier run left, or nothing because all is done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from deepfabric_core.config.fingerprint import changed, fingerprint
from deepfabric_core.errors import CheckpointExistsError, ConfigError
from deepfabric_core.events import FileWritten, Notice, StageFinished, StageStarted
from deepfabric_core.run.checkpoint.checkpoint import Checkpoint
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.job import Job, run_started
from deepfabric_core.samples.plan import count_samples
from deepfabric_core.store.append_log import count_lines
from deepfabric_core.store.checkpoint_files import (
    CheckpointFiles,
    CheckpointLock,
    Metadata,
    checkpoints_folder,
    checkpoints_in,
    clear,
    copy_checkpoint,
    move_aside,
    recovered_metadata,
    same_file,
)
from deepfabric_core.store.files import written_at
from deepfabric_core.store.finished_mark import FinishedMark, digest_of_file, digests, read_mark
from deepfabric_core.store.keyed_hash import keyed_hash
from deepfabric_core.store.rejected_log import count_reviewed
from deepfabric_core.wording import counted


def clear_finished(job: Job) -> None:
    """Delete what is left of checkpoints of which nothing is wanted any more.

    The caller holds the lock of the dataset.
    """
    kept, left = job.checkpoint_files(), job.journal_files()
    if kept.done.exists():
        clear(kept)
    if not left.exists:
        clear(left)  # of a run that is finished, or was killed before it had paid for anything


def open_checkpoint(job: Job, sink: EventSink) -> Checkpoint:
    """Open the checkpoint that the run continues or begins; one that is in its way is moved aside.

    The caller holds the lock of the dataset, and has let `refuse_to_choose` look first.

    Raises:
        ConfigError: another process holds it, it is damaged, or the config has changed since.
    """
    kept, left = job.checkpoint_files(), job.journal_files()
    held = CheckpointLock(kept) if job.keeps_checkpoint or kept.exists else None
    try:
        if job.resume:
            return Checkpoint(job, sink, _to_resume(job, sink, kept, left), held)
        _make_room(sink, kept, left)
        return Checkpoint(job, sink, kept if job.keeps_checkpoint else left, held)
    except BaseException:
        if held is not None:
            held.release()
        raise


# ---- with --resume


def mark_of_finished(job: Job) -> FinishedMark | None:
    """Return the mark of the finished run that is asked for again; None if there is something to do.

    Raises:
        ConfigError: what is asked for differs from what was finished.
    """
    mark = _mark_of_same(job)
    if mark is not None and (wanted := _wanted(mark, job)) != mark.samples:
        raise ConfigError(
            f"{job.dataset} is complete with {mark.samples:,} samples and its checkpoint is gone, so {wanted:,} "
            "samples can't be had by going on; begin anew by --fresh, or write them to another output.save_as."
        )
    return mark


def mark_with_fewer(job: Job) -> FinishedMark | None:
    """Return the mark of the finished run that is asked for again with more samples than it made; else None.

    Raises:
        ConfigError: what is asked for differs from what was finished.
    """
    mark = _mark_of_same(job)
    return mark if mark is not None and mark.samples < _wanted(mark, job) else None


def _mark_of_same(job: Job) -> FinishedMark | None:
    kept, left = job.checkpoint_files(), job.journal_files()
    if not job.resume or job.keep or kept.exists or left.exists:
        return None
    delivered = job.topics if job.topic_only else job.dataset
    mark = read_mark(kept.mark) or read_mark(left.mark)
    if mark is None or not same_file(mark.dataset, job.dataset):
        return _mark_of_a_copy(job, delivered)
    if mark.topic_only != job.topic_only or not delivered.exists():
        return None
    anew = "begin anew by --fresh"
    if differing := _changed_since(mark, job):
        raise ConfigError(
            f"{delivered} is complete, and the config has changed since in what decides the data: "
            f"{', '.join(differing)}; change that back, or {anew}."
        )
    if mark.digest != digest_of_file(delivered):
        raise ConfigError(f"{delivered} was complete and has been changed since; leave it as it is, or {anew}.")
    return mark


def _mark_of_a_copy(job: Job, delivered: Path) -> FinishedMark | None:
    """Return the mark of a run whose project was moved or copied after it had delivered the same file."""
    marks = map(read_mark, checkpoints_folder().glob("*/*.finished.json")) if delivered.exists() else ()
    return next((mark for mark in marks if mark and _is_of_a_copy(mark, job, delivered)), None)


def _is_of_a_copy(mark: FinishedMark, job: Job, delivered: Path) -> bool:
    """Return whether a mark tells of the same results; the file, which may be large, is read last."""
    if Path(mark.dataset).name != job.dataset.name or mark.topic_only != job.topic_only:
        return False
    if mark.samples != _wanted(mark, job) or _changed_since(mark, job):
        return False
    return mark.digest != "" and mark.digest == digest_of_file(delivered)


def _wanted(mark: FinishedMark, job: Job) -> int:
    """Return how many samples the job wants of the topics of a finished run."""
    return 0 if job.topic_only else count_samples(job.config.output.num_samples, mark.leaves)


def _changed_since(mark: FinishedMark, job: Job) -> list[str]:
    given = job.topics_load is not None or mark.topics_given
    return changed(mark.fingerprint, digests(fingerprint(job.config, keyed_hash)), topics_given=given)


def _to_resume(job: Job, sink: EventSink, kept: CheckpointFiles, left: CheckpointFiles) -> CheckpointFiles:
    """Return the checkpoint, or what a run without one left, or a copy of a moved project's checkpoint."""
    if kept.exists:
        return kept
    if left.exists:
        sink(Notice(f"Going on with what a run without a checkpoint left in {left.samples.parent}"))
        return left
    if (elsewhere := checkpoint_elsewhere(job)) is not None:
        files, known = elsewhere
        copy_checkpoint(
            files, kept, replace(known, dataset=str(job.dataset.absolute()), config_file=job.config_identity)
        )
        sink(Notice(f"Going on with a copy of the checkpoint of {known.dataset} ({files.folder})"))
    return kept


# ---- without --resume


def _make_room(sink: EventSink, kept: CheckpointFiles, left: CheckpointFiles) -> None:
    for files in (kept, left):
        if files.exists:
            what = "older checkpoint" if files.asked else "what an earlier run without a checkpoint left"
            sink(Notice(f"{what[0].upper()}{what[1:]} is kept in {move_aside(files)}"))


def refuse_to_choose(job: Job) -> None:
    """Check that a job with a checkpoint says what to do with it.

    Raises:
        CheckpointExistsError: it doesn't.
    """
    if job.resume or job.fresh:
        return
    found = unsettled(job)
    if found is not None:
        raise CheckpointExistsError(
            f"There is a checkpoint of this config already: {found}. Go on with it by --resume, or begin anew by "
            "--fresh, which moves it aside."
        )


def unsettled(job: Job) -> str | None:
    """Describe the checkpoint that the user has to decide about; return None if there is none."""
    kept = job.checkpoint_files()
    if kept.exists:
        return in_words(kept, job.shards.totals().made if job.shards.exists else 0)
    elsewhere = checkpoint_elsewhere(job)
    return None if elsewhere is None else f"{in_words(elsewhere[0])}; a resume goes on with a copy of it"


def in_words(files: CheckpointFiles, in_shards: int = 0) -> str:
    """Describe a checkpoint: its dataset, its progress with the samples `in_shards`, its age and its folder."""
    known, _ = recovered_metadata(files)
    done = count_lines(files.samples) - count_reviewed(files.rejected) + in_shards
    progress = f"{done:,} of {known.samples_wanted:,} samples" if known.samples_wanted else f"{done:,} samples"
    if not files.topics.exists():
        progress = "topics still growing"
    saved = max(map(written_at, files.paths))
    return f"{known.dataset or files.name}, {progress}, last saved {_ago(time.time() - saved)} ({files.folder})"


def _ago(seconds: float) -> str:
    """Return how long ago, in the largest unit that fits.

    >>> _ago(30), _ago(60), _ago(7300), _ago(864_000)
    ('just now', '1 minute ago', '2 hours ago', '10 days ago')
    """
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            return f"{counted(int(seconds // length), unit)} ago"
    return "just now"


def checkpoint_elsewhere(job: Job) -> tuple[CheckpointFiles, Metadata] | None:
    """Return the latest checkpoint of the same config for a dataset of the same name in another place, or None.

    It belongs to a project that was moved or copied. A checkpoint of the same config file is another dataset's.
    """
    if job.keep or job.checkpoint_files().mark.exists():
        return None
    found = [one for one in _all_checkpoints(job) if _is_alike(one[1], job)]
    return max(found, key=lambda one: one[1].updated_at, default=None)


def _all_checkpoints(job: Job) -> Iterator[tuple[CheckpointFiles, Metadata]]:
    own = job.checkpoint_files().folder
    folders = [folder for folder in checkpoints_folder().glob("*") if not same_file(folder, own)]
    return checkpoints_in(own, *folders)


def _is_alike(known: Metadata, job: Job) -> bool:
    if Path(known.dataset).name != job.dataset.name or same_file(known.dataset, job.dataset):
        return False
    if known.config_file is not None and job.config_file and same_file(known.config_file, job.config_file):
        return False
    prints = fingerprint(job.config, keyed_hash)
    return bool(known.fingerprint) and not changed(known.fingerprint, prints, topics_given=job.topics_load is not None)


# ---- nothing to do


def tell_complete(mark: FinishedMark, job: Job, sink: EventSink) -> None:
    """Emit the events of a run whose results were all delivered by an earlier run, but for its end."""
    now = time.time()
    sink(run_started(job, now))
    if not mark.topic_only:
        sink(StageStarted("samples", mark.samples, job.config.output.batch_size, now, done=mark.samples))
        sink(StageFinished("samples", now))
        sink(FileWritten("dataset", str(job.dataset)))
    else:
        sink(FileWritten("topics", str(job.topics)))
