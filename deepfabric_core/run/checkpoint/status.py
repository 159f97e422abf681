"""Read from a checkpoint how far its run has come, without changing it, even while a process works on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepfabric_core.config.fingerprint import changed, fingerprint
from deepfabric_core.errors import FailureKind
from deepfabric_core.events import BudgetChanged
from deepfabric_core.run.budget import budget_of_checkpoint
from deepfabric_core.run.checkpoint.plan import saved_plan
from deepfabric_core.run.checkpoint.reviewed import to_make_again
from deepfabric_core.run.job import Job, is_to_retry, topics_to_grow
from deepfabric_core.samples.plan import Plan
from deepfabric_core.samples.reading import key_of
from deepfabric_core.store.append_log import count_lines, whole_lines
from deepfabric_core.store.checkpoint_files import CheckpointFiles, Metadata, is_held, recovered_metadata
from deepfabric_core.store.failure_log import of_samples
from deepfabric_core.store.keyed_hash import keyed_hash
from deepfabric_core.store.rejected_log import count_reviewed
from deepfabric_core.store.shard_files import ShardTotals, with_shards
from deepfabric_core.store.tail import is_being_written
from deepfabric_core.store.usage_totals import with_unsaved


@dataclass(frozen=True, slots=True)
class CheckpointStatus:
    """What is done, missing, rejected and spent; `changed` are keys that affect the data and differ from the config.

    `to_make_again` counts the samples that people rejected; they are neither done nor failed. `topics_to_grow` counts
    the topics that couldn't be expanded and may be tried again.
    """

    files: CheckpointFiles
    metadata: Metadata
    wanted: int
    done: int
    failures: Mapping[FailureKind, int]
    topics_complete: bool
    running: bool
    changed: tuple[str, ...]
    rejected: int = 0
    budget: BudgetChanged | None = None
    to_make_again: int = 0
    topics_to_grow: int = 0

    @property
    def failed(self) -> int:
        """Samples that couldn't be made."""
        return sum(self.failures.values())

    @property
    def retry_failed(self) -> bool:
        """Whether what failed is to be tried again by the command that goes on; see `is_to_retry`."""
        left = not self.topics_complete or bool(self.missing)
        return is_to_retry(self.failures, made=self.done, left=left, failed_topics=self.topics_to_grow)

    @property
    def missing(self) -> int:
        """Samples that are neither made nor failed."""
        return max(0, self.wanted - self.done - self.failed)


def checkpoint_status(job: Job) -> CheckpointStatus | None:
    """Return the status of the job's checkpoint, or None if there is none.

    Raises:
        ConfigError: it can't be read.
    """
    files = job.unfinished_files()
    if not files.exists:
        return None
    found, _ = recovered_metadata(files)
    known = with_unsaved(found, files)
    plan = saved_plan(job, files, found)
    made = {key for line in whole_lines(files.samples) if (key := _key(line, plan))}
    again = made & to_make_again(files, Path(known.dataset or job.dataset))
    failed = {key: line.get("kind") for line in of_samples(whole_lines(files.failures)) if (key := _key(line, plan))}
    kinds = Counter(FailureKind(kind) for key, kind in failed.items() if key not in made and kind in set(FailureKind))
    if job.shards.exists:
        known = with_shards(known, job.shards)
    shards = job.shards.totals() if job.shards.exists else ShardTotals()
    return CheckpointStatus(
        files=files,
        metadata=known,
        wanted=len(plan) if plan is not None else job.samples_wanted(None),
        done=len(made - again) + shards.made,
        failures=dict(kinds + Counter(shards.failures)),
        topics_complete=plan is not None,
        running=is_held(files) if files.asked else is_being_written(job.dataset),
        changed=tuple(changed(known.fingerprint, fingerprint(job.config, keyed_hash))) if known.fingerprint else (),
        rejected=count_lines(files.rejected) - count_reviewed(files.rejected) + sum(shards.rejected.values()),
        budget=budget_of_checkpoint(job.config.budget, known),
        to_make_again=len(again),
        topics_to_grow=topics_to_grow(job, known.failed_expansions),
    )


def _key(line: Mapping[str, Any], plan: Plan | None) -> tuple[str, int] | None:
    """Return the work item of a line; None if it isn't part of the plan, as after a change of topics."""
    key = key_of(line)
    return key if plan is None or (key and plan.index_of(*key) is not None) else None
