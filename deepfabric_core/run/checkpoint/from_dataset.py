"""Make the checkpoint of a finished run again from its dataset.

So what people rejected since is made again, or more samples are made.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from deepfabric_core.config.fingerprint import fingerprint
from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.events import Notice
from deepfabric_core.run.checkpoint.plan import what_weights_change
from deepfabric_core.run.checkpoint.resume import mark_with_fewer
from deepfabric_core.run.checkpoint.topics import with_topics
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.job import Job, plan_of
from deepfabric_core.samples.reading import JournalLine, key_of, line_of
from deepfabric_core.samples.reviews import sample_id
from deepfabric_core.samples.weights import own_weights
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.checkpoint_files import CheckpointFiles, Metadata, write_metadata
from deepfabric_core.store.files import make_folder, reason, replace_file, size_of
from deepfabric_core.store.finished_mark import FinishedMark
from deepfabric_core.store.keyed_hash import keyed_hash
from deepfabric_core.store.review_log import reviews_of
from deepfabric_core.store.topics_file import TopicsFile, load_topics
from deepfabric_core.topics.model import Topics
from deepfabric_core.wording import counted

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False).encode


def rejected_in_dataset(job: Job) -> int:
    """Return how many samples of the job's dataset people rejected.

    Raises:
        ConfigError: a file can't be read.
    """
    rejected = reviews_of(job.dataset).rejected()
    return sum(sample_id(record) in rejected for record in whole_lines(job.dataset)) if rejected else 0


def restore_checkpoint(job: Job, mark: FinishedMark, sink: EventSink) -> bool:
    """Make the checkpoint again if people rejected samples since the run was finished; return whether that was done.

    What the run had spent isn't known any more. It can't be done if the topics are gone or other ones, or if records of
    the user's own schema don't tell which topics they are for; that is said.

    Raises:
        ConfigError: a file can't be read.
        OutputError: a file can't be written.
    """
    rejected = 0 if mark.topic_only else rejected_in_dataset(job)
    if not rejected:
        return False
    lines = [line_of(record) for record in whole_lines(job.dataset)]
    topics = _topics_of(job, mark, lines)
    if topics is None:
        sink(
            Notice(
                f"{counted(rejected, 'sample')} rejected in review can't be made again: the checkpoint is gone, and "
                "which topics they are for can't be told"
            )
        )
        return False
    _write(job, lines, topics, mark)
    return True


def restore_for_more(job: Job, sink: EventSink) -> None:
    """Make the checkpoint again if the finished run is asked for more samples, and its topics are still there.

    Raises:
        ConfigError: a file can't be read, or something else is asked for than was finished.
        OutputError: a file can't be written.
    """
    mark = mark_with_fewer(job)
    if mark is None:
        return
    lines = [line_of(record) for record in whole_lines(job.dataset)]
    if (topics := _topics_of(job, mark, lines)) is not None:
        _write(job, lines, topics, mark)
        sink(Notice(f"Going on with the {counted(len(lines), 'sample')} of {job.dataset}"))


def tell_of_weights(job: Job, mark: FinishedMark, sink: EventSink) -> None:
    """Say what becomes of weights of topics that have changed since the run was finished."""
    with suppress(ConfigError):  # the topics are gone
        topics, _ = load_topics(job.topics_load or job.topics)
        if mark.weights != own_weights(topics, job.config.topics.weights) and not mark.topic_only:
            keys = (key_of(line_of(record)) for record in whole_lines(job.dataset))
            sink(Notice(what_weights_change(plan_of(job, topics, frozenset(filter(None, keys))))))


def _topics_of(job: Job, mark: FinishedMark, lines: Sequence[JournalLine]) -> Topics | None:
    """Return the topics of a dataset, if each of its samples is one of the job's plan for them."""
    try:
        topics, _ = load_topics(job.topics_load or job.topics)
    except ConfigError:
        return None
    keys = [key_of(line) for line in lines]
    has_changed = mark.weights_changed or mark.weights != own_weights(topics, job.config.topics.weights)
    plan = plan_of(job, topics, frozenset(filter(None, keys)) if has_changed else frozenset())
    return topics if all(key and plan.index_of(*key) is not None for key in keys) else None


def _write(job: Job, lines: Sequence[JournalLine], topics: Topics, mark: FinishedMark) -> None:
    files = job.checkpoint_files()
    try:
        _write_files(job, files, lines, topics, mark)
    except OSError as problem:
        raise OutputError(
            f"{files.folder}: the checkpoint can't be made again from {job.dataset}: {reason(problem)}."
        ) from problem


def _write_files(
    job: Job, files: CheckpointFiles, lines: Sequence[JournalLine], topics: Topics, mark: FinishedMark
) -> None:
    """Write the files of a checkpoint; until the last one is there it counts as deleted."""
    make_folder(files.folder)
    replace_file(files.done, [])
    TopicsFile(files.topics, {}).save(topics)
    replace_file(
        files.samples, (_encode(_without_path(line)).encode("utf-8", "backslashreplace") + b"\n" for line in lines)
    )
    for old, copy in ((job.rejected, files.rejected), (job.failures, files.failures)):
        if old.exists():
            shutil.copyfile(old, copy)
    now = time.time()
    known = Metadata(
        config_file=job.config_identity,
        dataset=str(job.dataset.absolute()),
        command=job.command,
        fingerprint=fingerprint(job.config, keyed_hash),
        weights=mark.weights,
        weights_changed=mark.weights_changed,
        samples_wanted=len(lines),
        samples_done=len(lines),
        samples_bytes=size_of(files.samples),
        rejected_bytes=size_of(files.rejected),
        created_at=now,
        updated_at=now,
    )
    write_metadata(files, with_topics(known, topics, failed_expansions=0))
    files.done.unlink()


def _without_path(line: JournalLine) -> Mapping[str, Any]:
    return {name: value for name, value in line.items() if name != "path"}
