"""Start a run with the topics and samples that earlier runs of the same dataset have in common with it."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

from deepfabric_core.config.fingerprint import Fingerprint, part_of_topics, without_topics
from deepfabric_core.errors import OutputError
from deepfabric_core.run.checkpoint.registry import fingerprint_of, home_of
from deepfabric_core.run.job import Job
from deepfabric_core.store.checkpoint_files import CheckpointFiles, Metadata, beside, write_metadata
from deepfabric_core.store.files import make_folder, reason, size_of
from deepfabric_core.store.rejected_log import count_reviewed


def with_reuse(job: Job) -> Job:
    """Return the job with a checkpoint that is kept and starts with what earlier runs of the dataset share with it.

    If the job names a folder for its checkpoint, that folder is used as it is. Call `record` when the run begins.

    Raises:
        OutputError: nothing can be kept in the user's folder.
    """
    home = home_of(job)
    settings = job.config.output.checkpoint
    own = job.checkpoint_path or (Path(settings.path) if settings and settings.path else None)
    folder = own or home
    kept = replace(
        job,
        checkpoint_path=folder,
        keep=True,
        resume=not job.fresh,
        retry_failed=not job.fresh,
        accept_changes=job.accept_changes or job.topics_load is not None,
    )
    try:
        if own is None and not job.fresh:
            _take_over(CheckpointFiles(folder, job.dataset.stem), job)
    except OSError as problem:
        raise OutputError(
            f"{home} can't be written: {reason(problem)}; set XDG_DATA_HOME to another place."
        ) from problem
    return kept


def _take_over(files: CheckpointFiles, job: Job) -> None:
    if files.exists:
        return
    mine, neighbours = fingerprint_of(job), list(beside(files))
    alike = [one for one in neighbours if not job.topics_load and _same_topics(one[1], mine)]
    grown = max(alike, key=lambda one: one[1].updated_at, default=None)
    made = max(
        (one for one in neighbours if _same_samples(one[1], mine)), key=lambda one: one[1].samples_done, default=None
    )
    if not grown and not made:
        return
    make_folder(files.folder)
    known = Metadata(fingerprint=mine, created_at=time.time(), dataset=str(job.dataset.absolute()))
    if grown:
        _copy(grown[0], files, ("expansions", "topics"))
        theirs = grown[1]
        known = replace(
            known,
            topics=theirs.topics,
            leaves=theirs.leaves,
            failed_expansions=theirs.failed_expansions,
            topics_digest=theirs.topics_digest,
        )
    if made:
        reviewed = ("rejected",) if count_reviewed(made[0].rejected) else ()  # by it, later samples of an item stand
        _copy(made[0], files, ("samples", "failures", "steps", *reviewed))
        known = replace(known, weights=made[1].weights, weights_changed=made[1].weights_changed)
    write_metadata(files, _paid_by_others(known, files))


def _paid_by_others(known: Metadata, files: CheckpointFiles) -> Metadata:
    """Return the metadata with what the files hold as counted already: it belongs to the run that made it."""
    return replace(
        known,
        samples_bytes=size_of(files.samples),
        rejected_bytes=size_of(files.rejected),
        expansions_bytes=size_of(files.expansions),
        steps_bytes=size_of(files.steps),
    )


def _same_topics(other: Metadata, mine: Fingerprint) -> bool:
    return bool(theirs := part_of_topics(other.fingerprint)) and theirs == part_of_topics(mine)


def _same_samples(other: Metadata, mine: Fingerprint) -> bool:
    return other.samples_done > 0 and without_topics(other.fingerprint) == without_topics(mine)


def _copy(source: CheckpointFiles, target: CheckpointFiles, roles: tuple[str, ...]) -> None:
    for role in roles:
        path: Path = getattr(source, role)
        if path.exists():
            shutil.copy2(path, getattr(target, role))  # with its time, by which edits of a topics file are detected
