"""A worker makes one shard after another: each is a run of its own, by the same engine, over a part of the plan."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial

from deepfabric_core.cluster.lease_client import LeaseClient
from deepfabric_core.cluster.leased_limiter import leased_limiter
from deepfabric_core.cluster.reports import Reporter
from deepfabric_core.cluster.shard_storage import ShardStorage, worked_on
from deepfabric_core.cluster.share import Share
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.secret_keys import redactor
from deepfabric_core.events import Emit
from deepfabric_core.llm.connect import CallPolicy, connect, has_endpoint
from deepfabric_core.llm.limits.learned_file import SALT_VARIABLE, salt
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.run.job import Job
from deepfabric_core.run.pipeline import generate
from deepfabric_core.run.stages.pool import most_in_order
from deepfabric_core.run.state import RunState
from deepfabric_core.samples.shards import Shard
from deepfabric_core.stop import Stop
from deepfabric_core.store.failure_log import Failures
from deepfabric_core.store.shard_files import ShardFiles, ShardTotals
from deepfabric_core.store.trace_log import TraceLines

# Variables that workers on other machines need, too.
_ENVIRONMENT = re.compile(r"_API_KEY$|_API_BASE$|_TOKEN$|^(HTTPS?|ALL|NO)_PROXY$", re.IGNORECASE)
# What they need for a storage at an address.
_OF_STORAGE = re.compile(r"^(AWS|AZURE|GCS|GOOGLE|FSSPEC)_")


@dataclass(frozen=True, slots=True)
class ShardTask:
    """A shard to make: the job of it, its files, and what of the driver's environment it needs.

    The worker begins with such a `share` of the calls; the `usual` one is that of a worker while all have work. With a
    `storage`, an address and the name of a run there, the files are stored there.
    """

    job: Job
    files: ShardFiles
    folder: str
    storage: tuple[str, str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    has_budget: bool = False
    turn: int = 0
    is_traced: bool = False
    share: Share = field(default_factory=Share)
    usual: Share = field(default_factory=Share)


@dataclass(frozen=True, slots=True)
class ShardOutcome:
    """How the work on a shard ended: it is finished, was stopped, or was given up for a reason.

    Such a reason holds for all shards, unless it `may_pass`.
    """

    totals: ShardTotals = field(default_factory=ShardTotals)
    finished: bool = False
    given_up: str = ""
    may_pass: bool = False


def shard_job(job: Job, shard: Shard, files: ShardFiles) -> Job:
    """Return the job that makes one shard of a job.

    What the driver decides about, such as changes of the config and the budget, is settled already.
    """
    config = job.config
    output = config.output.model_copy(update={"save_as": str(files.dataset), "checkpoint": None})
    topics = config.topics.model_copy(update={"save_as": None, "weights": {}})
    update = {"output": output, "topics": topics, "budget": type(config.budget)(), "run": type(config.run)()}
    return replace(
        job,
        config=config.model_copy(update=update),
        topics_load=files.topics,
        config_file=job.config_file.absolute() if job.config_file else None,
        checkpoint_path=files.folder,
        resume=True,
        fresh=False,
        accept_changes=True,
        keep=True,
        live_edits=None,
        command=(),
        trace=None,
        shard=shard,
    )


async def make_shard(task: ShardTask, client: LeaseClient | None, reporter: Reporter, stop: Stop) -> ShardOutcome:
    """Make what isn't there of a shard; once all of it is made or has failed, leave its mark.

    Raises:
        DeepFabricError: the shard can't be made, for a reason that holds for others, too.
    """
    _prepare(task)
    shard = task.job.shard
    if task.storage is None or shard is None:
        return await _made(task, client, reporter, stop)
    async with worked_on(ShardStorage(*task.storage), task.files.folder.name) as files:
        here = shard_job(task.job, shard, files)
        return await _made(replace(task, job=here, files=files), client, reporter, stop)


async def _made(task: ShardTask, client: LeaseClient | None, reporter: Reporter, stop: Stop) -> ShardOutcome:
    job, files = task.job, task.files
    calls, shard = job.config.output.batch_size, job.shard
    job = replace(
        job,
        width=lambda: calls_at_once(calls, shard, task.usual, task.share, client.share if client else task.share),
    )
    files.mark.unlink(missing_ok=True)
    trace = TraceLines(redactor(job.config, os.environ), reporter.trace) if task.is_traced else None
    shared = _Shared(client, task.has_budget, trace)
    state = await generate(job, emit=reporter.emit, stop=stop, connect=shared.connect)
    if shard is None or not _is_settled(state, len(shard)):
        return ShardOutcome(given_up=state.reason if state.ending == "aborted" else "")
    if state.ending == "aborted":  # all of it failed, which is for the whole run to judge
        Failures(files.checkpoint.failures).save(job.failures)
        files.dataset.unlink(missing_ok=True)
    totals = files.complete(shard)
    files.finish(totals)
    return ShardOutcome(totals, finished=True)


def calls_at_once(calls: int, shard: Shard | None, usual: Share, first: Share, now: Share) -> int:
    """Return how many of all calls a worker makes at once for a shard.

    Where a shard has more samples of a topic, later ones are told of those before, as long as they aren't begun too
    soon for that. What is so with the usual share is so whatever the share is when the shard is begun, so that the same
    samples are made; and else no more are made at once, later, than with the first share.

    >>> of_4, whole = Share(0, 4), Share()
    >>> shards = [Shard(0, 0, shares) for shares in ((1,) * 12, (2,) * 12, (2,) * 40, (2,) * 99)]
    >>> [calls_at_once(32, shard, of_4, of_4, whole) for shard in shards]
    [32, 8, 19, 32]
    >>> [calls_at_once(32, shard, of_4, whole, whole) for shard in shards]
    [32, 32, 19, 32]
    """
    width = now.of(calls)
    if shard is None or len(shard.cycles) <= 1:
        return width
    most = most_in_order(len(shard.shares))
    return min(width, most if most >= usual.of(calls) else max(first.of(calls), most))


def _is_settled(state: RunState, planned: int) -> bool:
    return state.samples_progress.started_at is not None and state.samples_progress.settled >= planned


def environment_of_workers(*, with_storage: bool) -> dict[str, str]:
    """Return the variables that workers need. By the same salt, all of them call an endpoint and a key the same."""
    return {SALT_VARIABLE: salt().hex()} | {
        name: value
        for name, value in os.environ.items()
        if _ENVIRONMENT.search(name) or (with_storage and _OF_STORAGE.search(name))
    }


def _prepare(task: ShardTask) -> None:
    """Work where the driver does, with the keys that it has."""
    with suppress(OSError):
        os.chdir(task.folder)
    for name, value in task.environment.items():
        os.environ.setdefault(name, value)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the models of a shard share with those of other workers: the limiter, the budget and the trace."""

    client: LeaseClient | None
    has_budget: bool
    trace: TraceLines | None

    @asynccontextmanager
    async def connect(self, settings: Llm, policy: CallPolicy, emit: Emit, stop: Stop) -> AsyncIterator[ChatModel]:
        """Connect to a model; see `llm.connect`."""
        if self.trace is not None:
            policy = replace(policy, trace=self.trace.of(policy.purpose))
        if self.client is not None and self.has_budget:
            policy = replace(policy, budget=self.client)
        if self.client is not None and not has_endpoint(settings):  # its calls are limited here
            policy = replace(policy, ceiling=self.client.share.of(policy.ceiling))
        limiter_of = None if self.client is None else partial(leased_limiter, self.client)
        async with connect(settings, policy, emit, stop, limiter_of) as model:
            yield model
