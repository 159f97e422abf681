"""Start the actors of a run in a Ray cluster. Ray is imported when it is wanted."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from deepfabric_core.cluster.actors import BudgetSetup, KeeperActor, WorkerActor
from deepfabric_core.config.run_engine import RunEngine
from deepfabric_core.errors import ConfigError
from deepfabric_core.llm.ray_connection import connected, here, is_restarted

_CALLS_AT_ONCE = 10_000
# Without an end: an actor's process or node may die as often as it likes.
_ALWAYS = -1


def check_ray() -> None:
    """Check that Ray is installed, without importing it.

    Raises:
        ConfigError: it isn't.
    """
    if importlib.util.find_spec("ray") is None:
        raise ConfigError(
            "run.engine ray needs the package ray, which isn't installed: pip install 'deepfabric-nb[ray]', "
            "or use --engine local."
        )


@dataclass
class RayCluster:
    """A Ray cluster that is joined, with the actors that were started in it. `dashboard` is its address, or ""."""

    dashboard: str
    cpus: int
    _actors: list[Any] = field(default_factory=list)

    def keeper(self, setup: BudgetSetup | None) -> Any:
        """Start the keeper of the limits and the budget, on this machine if it belongs to the cluster."""
        return self._started(KeeperActor, (setup, is_restarted), num_cpus=0, scheduling_strategy=here())

    def worker(self, place: int) -> Any:
        """Start a worker, away from the others if there is room."""
        return self._started(WorkerActor, (place,), num_cpus=1, scheduling_strategy="SPREAD")

    def _started(self, kind: type, words: tuple[Any, ...], **options: Any) -> Any:
        import ray

        restarts = {"max_restarts": _ALWAYS, "max_task_retries": 0, "max_concurrency": _CALLS_AT_ONCE}
        actor = ray.remote(kind).options(**restarts, **options).remote(*words)
        self._actors.append(actor)
        return actor

    def end(self) -> None:
        """End all actors."""
        import ray

        for actor in self._actors:
            with suppress(Exception):
                ray.kill(actor)


@asynccontextmanager
async def joined(settings: RunEngine, workers: int) -> AsyncIterator[RayCluster]:
    """Join the cluster of an address, or start Ray on this machine for so many workers until the context ends.

    If this process has joined a cluster already, that is used.

    Raises:
        ConfigError: there is no cluster at the address.
    """
    import ray

    async with connected(settings.address, workers) as dashboard:
        cluster = RayCluster(dashboard, int(ray.cluster_resources().get("CPU", 1)))
        try:
            yield cluster
        finally:
            cluster.end()
