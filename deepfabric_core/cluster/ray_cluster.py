"""Start or join a Ray cluster, and start the actors of a run in it. Ray is imported here alone, when it is wanted."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from deepfabric_core.cluster.actors import BudgetSetup, KeeperActor, WorkerActor
from deepfabric_core.config.run_engine import RunEngine
from deepfabric_core.errors import ConfigError

# In bytes. Samples go to files, and next to nothing to Ray's memory; Ray takes no less.
_OBJECT_STORE = 100_000_000
_CALLS_AT_ONCE = 10_000
# It sends no statistics to anyone, and leaves the variables of accelerators as they are.
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
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
            "or leave --engine out."
        )


@dataclass
class RayCluster:
    """A Ray cluster that is joined, with the actors that were started in it. `dashboard` is its address, or ""."""

    dashboard: str
    cpus: int
    _actors: list[Any] = field(default_factory=list)

    def keeper(self, setup: BudgetSetup | None) -> Any:
        """Start the keeper of the limits and the budget, on this machine if it belongs to the cluster."""
        return self._started(KeeperActor, (setup,), num_cpus=0, scheduling_strategy=_here())

    def worker(self, place: int) -> Any:
        """Start a worker, away from the others if there is room."""
        return self._started(WorkerActor, (place,), num_cpus=1, scheduling_strategy="SPREAD")

    def _started(self, kind: type, words: tuple[Any, ...], **options: Any) -> Any:
        import ray

        restarts = {"max_restarts": _ALWAYS, "max_task_retries": 0, "max_concurrency": _CALLS_AT_ONCE}
        actor = ray.remote(kind).options(**restarts, **options).remote(*words)
        self._actors.append(actor)
        return actor

    def run(self, function: Callable[..., Any], *words: Any) -> Any:
        """Run a function in a process of the cluster; return a reference to its result, which can be awaited."""
        import ray

        return ray.remote(function).options(num_cpus=0, scheduling_strategy=_here()).remote(*words)

    def end(self) -> None:
        """End all actors."""
        import ray

        for actor in self._actors:
            with suppress(Exception):
                ray.kill(actor)


def _here() -> Any:
    """Return the strategy that places an actor on this machine, if it belongs to the cluster."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    if ray.util.client.ray.is_connected():
        return "DEFAULT"
    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)


@asynccontextmanager
async def joined(settings: RunEngine, workers: int) -> AsyncIterator[RayCluster]:
    """Join the cluster of an address, or start Ray on this machine for so many workers until the context ends.

    If this process has joined a cluster already, that is used.

    Raises:
        ConfigError: there is no cluster at the address.
    """
    import ray

    was_joined = ray.is_initialized()
    dashboard = "" if was_joined else await asyncio.to_thread(_join, settings.address, workers)
    cluster = RayCluster(dashboard, int(ray.cluster_resources().get("CPU", 1)))
    try:
        yield cluster
    finally:
        cluster.end()
        if not was_joined:
            await asyncio.to_thread(ray.shutdown)


def _join(address: str | None, workers: int) -> str:
    """Join a cluster or start one, and return the address of its dashboard, or ""."""
    import ray

    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "namespace": "deepfabric"}
    started: dict[str, Any] = {
        "address": "local",
        "num_cpus": workers,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE,
    }
    begin: Callable[..., Any] = ray.init
    try:
        context = begin(**(started if address is None else {"address": address}), **quiet)
    except Exception as problem:
        where = "Ray can't be started on this machine" if address is None else f"No Ray cluster answers at {address}"
        said = " ".join(str(problem).split())[:300]
        raise ConfigError(f"{where}: {said}. Check run.address, and that the cluster is up.") from problem
    return str(getattr(context, "dashboard_url", "") or "")
