"""Run a job where its config says: in this process, or on a Ray cluster."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import replace

from deepfabric_core.cluster.shard_storage import ShardStorage, is_address
from deepfabric_core.errors import ConfigError
from deepfabric_core.events import Emit
from deepfabric_core.llm.ray_connection import check_answers, joined_before
from deepfabric_core.run import pipeline
from deepfabric_core.run.job import Job
from deepfabric_core.run.state import RunState
from deepfabric_core.stop import Stop


async def generate(job: Job, *, emit: Emit, stop: Stop) -> RunState:
    """Run the job, emit an event for each step, and return the final state.

    The state's `ending` is the outcome: complete, incomplete, stopped or aborted. With `run.engine: ray`, the samples
    are made by the workers of a Ray cluster; the topics are grown here.

    Raises:
        ConfigError: something in the config can't work; nothing was spent, nothing overwritten.
        OutputError: a result can't be written; the message names what is safe.
    """
    if job.config.run.engine == "local" or job.topic_only or job.preview is not None:
        _check_local(job)
        return await pipeline.generate(job, emit=emit, stop=stop)
    from deepfabric_core.cluster.driver import make_samples
    from deepfabric_core.cluster.ray_cluster import check_ray

    check_ray()
    await asyncio.to_thread(_check_cluster, job)
    job = replace(job, checkpoint_path=job.checkpoint_files().folder)  # the shards belong to it
    async with AsyncExitStack() as joined:
        if job.config.run.address is not None:  # so that nothing is paid for without a cluster
            await joined.enter_async_context(joined_before(job.config.run.address))
        state = await pipeline.generate(job, emit=emit, stop=stop, make_samples=make_samples)
    if state.ending == "complete" and not job.keep:
        _remove_shards(job)
    return state


def _check_local(job: Job) -> None:
    if job.resume and job.config.run.engine == "local" and not job.topic_only and job.shards.exists:
        raise ConfigError(
            f"{job.shards.path} holds what a run on Ray has made: go on with --engine ray, or begin anew by --fresh."
        )


def _check_cluster(job: Job) -> None:
    check_answers(job.config.run.address)
    if (address := job.config.run.storage) is not None and is_address(address):
        ShardStorage(address, f"{job.shards.path.name}-check").check()


def _remove_shards(job: Job) -> None:
    """Delete what the dataset was made of, as far as that can be done."""
    address, name = job.config.run.storage, job.shards.name_in_storage
    if address is not None and name:
        with suppress(Exception):  # of whichever package; the dataset is complete
            ShardStorage(address, name).remove()
    with suppress(OSError):
        job.shards.remove()
