"""The topics in a checkpoint: what its metadata say of them, whether the user has edited them, and replacing them."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace

from deepfabric_core.errors import ConfigError
from deepfabric_core.run.job import Job, save_topics
from deepfabric_core.store.checkpoint_files import (
    CheckpointFiles,
    CheckpointLock,
    Metadata,
    beside,
    recovered_metadata,
    write_metadata,
)
from deepfabric_core.store.topics_file import TopicsFile, load_topics
from deepfabric_core.topics.model import Topics


def with_topics(known: Metadata, topics: Topics, failed_expansions: int) -> Metadata:
    """Return metadata that tell of these topics."""
    return replace(
        known,
        topics=len(topics),
        leaves=len(topics.leaves),
        failed_expansions=failed_expansions,
        topics_digest=digest_of_topics(topics),
    )


def digest_of_topics(topics: Topics) -> str:
    """Return a digest by which other topics, which make other samples, can be told."""
    return hashlib.sha256("\n".join(sorted(topic.id for topic, _ in topics.leaves)).encode()).hexdigest()


def edited_topics(job: Job, files: CheckpointFiles) -> Topics | None:
    """Return the topics of the job's file if it was edited after a run wrote it; else None."""
    file = job.topics
    if job.topics_load or not file.exists() or file.stat().st_mtime <= files.topics.stat().st_mtime:
        return None
    try:
        topics, _ = load_topics(file)
    except ConfigError:
        return None
    written = {known.topics_digest for _, known in beside(files)}
    is_same = digest_of_topics(topics) in written and topics.weights == load_topics(files.topics)[0].weights
    return None if is_same else topics


def change_topics(job: Job, topics: Topics) -> None:
    """Replace the topics of a run that isn't running: in their file, and in its checkpoint if there is one.

    Raises:
        ConfigError: a process works on the run at this moment.
        OutputError: the topics can't be written.
    """
    files = job.checkpoint_files()
    if not files.exists:
        save_topics(job, topics)
        return
    held = CheckpointLock(files)
    try:
        known = with_topics(recovered_metadata(files)[0], topics, failed_expansions=0)
        TopicsFile(files.topics, {}).save(topics)
        write_metadata(files, replace(known, updated_at=time.time()))
        save_topics(job, topics)
    finally:
        held.release()
