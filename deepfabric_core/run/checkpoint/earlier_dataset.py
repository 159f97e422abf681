"""Keep the dataset of another config that a kept run would replace, with the files about it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.events import Notice
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.job import Job
from deepfabric_core.store.checkpoint_files import CheckpointFiles, read_metadata
from deepfabric_core.store.files import reason, sync_folder
from deepfabric_core.store.review_log import reviews_path
from deepfabric_core.wording import counted

_SAMPLE = b', "sample": '


def keep_earlier_dataset(job: Job, sink: EventSink) -> None:
    """Move a dataset that isn't this run's to a free name, with its reviews, failures and rejected samples; say so.

    That is only done for notebooks, whose cells are edited and run again; a run that was asked to begin anew replaces
    what is there, as the command line does. The caller holds the lock of the dataset.

    Raises:
        OutputError: it can't be moved.
    """
    if not job.keep or job.fresh or job.topic_only or job.preview is not None or not job.dataset.is_file():
        return
    samples = sum(1 for _ in _lines(job.dataset))
    if not samples or _is_of_this_run(job):
        return
    new = _free_name(job)
    try:
        for old in _about(job.dataset, job):
            if old.exists():
                old.rename(_renamed(old, job.dataset, new))
        job.dataset.rename(new)
        sync_folder(new.parent)
    except OSError as problem:
        raise OutputError(
            f"{job.dataset} holds {counted(samples, 'sample')} of another run, and can't be moved to {new.name}: "
            f"{reason(problem)}; give this one another output.save_as."
        ) from problem
    sink(Notice(f"{job.dataset.name} has {counted(samples, 'sample')} of another run; it is kept as {new.name}"))


def _is_of_this_run(job: Job) -> bool:
    """Return whether the run has begun before, and has made every sample of the dataset."""
    files = job.checkpoint_files()
    if not files.exists or not _has_begun(files):
        return False
    logs = (one.samples for one in job.all_checkpoints())
    made = {_digest(line.partition(_SAMPLE)[2][:-1]) for log in logs for line in _lines(log)}
    return all(_digest(line) in made for line in _lines(job.dataset))


def _has_begun(files: CheckpointFiles) -> bool:
    """Return whether the samples of a checkpoint are its run's own, and not only taken over from another run."""
    try:
        return read_metadata(files).samples_done > 0
    except ConfigError:  # a later look says what is wrong with it
        return True


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file that aren't empty, without their breaks."""
    try:
        with path.open("rb") as file:
            yield from filter(None, (line.strip() for line in file))
    except FileNotFoundError:
        return
    except OSError as problem:
        raise ConfigError(f"{path} can't be read: {reason(problem)}.") from problem


def _digest(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=16).digest()


def _about(dataset: Path, job: Job) -> tuple[Path, ...]:
    return reviews_path(dataset), job.rejected, job.failures


def _free_name(job: Job) -> Path:
    """Return a path beside the dataset with a number, where neither it nor a file about it is in the way."""
    number = 2
    while True:
        new = job.dataset.with_name(f"{job.dataset.stem}-{number}{job.dataset.suffix}")
        moved = [(old, _renamed(old, job.dataset, new)) for old in _about(job.dataset, job)]
        if not new.exists() and not any(old.exists() and to.exists() for old, to in moved):
            return new
        number += 1


def _renamed(beside: Path, dataset: Path, new: Path) -> Path:
    return beside.with_name(new.stem + beside.name.removeprefix(dataset.stem))
