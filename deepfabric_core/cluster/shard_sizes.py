"""How many workers a run has, and how large its shards are, unless the config says it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from deepfabric_core.config.run_engine import RunEngine
from deepfabric_core.config.schema import Config
from deepfabric_core.run.stages.pool import ITEMS_A_CALL
from deepfabric_core.samples.shards import Layout
from deepfabric_core.wording import counted

# In samples: between these, so that each worker gets several shards.
_SMALLEST_SHARD, _LARGEST_SHARD = 500, 20_000
_SHARDS_A_WORKER = 4
_SMALLEST_EVEN = 100
_USUAL_WORKERS = 4
_MOST_WORKERS_HERE = 64


def wanted_workers(settings: RunEngine) -> int:
    """Return how many workers are wanted, if there is work for them."""
    here = min(os.cpu_count() or 1, _MOST_WORKERS_HERE)
    return settings.workers or (here if settings.address is None else _USUAL_WORKERS)


def workers_fact(config: Config) -> Iterator[tuple[str, str]]:
    """Yield who makes the samples of a run, if that isn't this process."""
    settings = config.run
    if settings.engine != "ray":
        return
    where = {None: "Ray, started on this machine", "auto": "the Ray cluster that this machine belongs to"}
    ray = where.get(settings.address, f"the Ray cluster at {settings.address}")
    yield "Made by", f"{counted(wanted_workers(settings), 'worker')} of {ray}"


def usual_layout(shares: Sequence[int], config: Config) -> Layout:
    """Return how a plan with such shares of its leaves is cut."""
    workers = wanted_workers(config.run)
    size = config.run.shard_size or _usual_size(sum(shares), workers)
    at_once = ITEMS_A_CALL * -(-config.output.batch_size // workers)
    return Layout.of(shares, size, workers=workers, at_once=at_once)


def _usual_size(samples: int, workers: int) -> int:
    """Return how many samples a shard has: as many shards for each worker, if they aren't too small.

    >>> _usual_size(3000, 4), _usual_size(400, 4), _usual_size(10**6, 4)
    (375, 400, 19231)
    """
    size = min(_LARGEST_SHARD, max(_SMALLEST_SHARD, -(-samples // (workers * _SHARDS_A_WORKER))))
    shards = -(-samples // size)
    even = -(-shards // workers) * workers
    return -(-samples // (even if shards > 1 and samples >= even * _SMALLEST_EVEN else shards))
