"""Where a run does its work: in one process, or on a Ray cluster."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from deepfabric_core.config.secret_values import Holds
from deepfabric_core.config.section import Section


class RunEngine(Section):
    """Where the samples are made: by this process, or by the workers of a Ray cluster (engine `ray`).

    `address` is that of the cluster, `auto` for the one this machine belongs to; without one, Ray is started on this
    machine for the run. `shard_size` is about how many samples a worker makes in one go, and `storage` where what is
    finished so far is kept: a folder that all workers reach, or an address such as s3://bucket/runs; without it, a
    folder beside the dataset.
    """

    engine: Literal["local", "ray"] = "local"
    address: Annotated[str | None, Field(min_length=1), Holds.ADDRESS] = None
    workers: int | None = Field(default=None, ge=1, le=10_000)
    shard_size: int | None = Field(default=None, ge=1)
    storage: Annotated[str | None, Field(min_length=1), Holds.ADDRESS] = None
