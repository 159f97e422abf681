"""Join a Ray cluster, or start Ray on this machine. Ray is imported when it is wanted."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from deepfabric_core.errors import ConfigError

# Where actors with names are.
NAMESPACE = "deepfabric"
# Addresses that Ray finds out.
_FOUND = ("auto", "local")
# The dashboard of a cluster that was joined, as long as nobody was told of it.
_untold: list[str] = []
# The beginning of an address that is reached by Ray's client.
_CLIENT = "ray://"
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# In seconds.
_ANSWERS_WITHIN = 10.0
# In bytes. Samples go to files, and next to nothing to Ray's memory; Ray takes no less.
_OBJECT_STORE = 100_000_000
# Whether Ray asks for a token, and sends its own; without it, a token goes to no cluster but that of this machine.
_TOKENS = "RAY_AUTH_MODE"
# It sends no statistics to anyone, and leaves the variables of accelerators as they are.
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
# What it starts on this machine has the same share of the processors as one process would, beside whatever else is at
# work, and takes no measurements, which only the dashboard would show.
_STARTED_HERE = {
    "RAY_worker_niceness": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_task_events_report_interval_ms": "0",
}


@asynccontextmanager
async def connected(address: str | None, cpus: int) -> AsyncIterator[str]:
    """Join the cluster of an address, or start Ray on this machine for so many processes until the context ends.

    Yields the address of the dashboard, or "". If this process has joined a cluster already, that is used, and its
    dashboard is told of once.

    Raises:
        ConfigError: there is no cluster at the address.
    """
    import ray

    if ray.is_initialized():
        yield _untold.pop() if _untold else ""
        return
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    dashboard = await asyncio.to_thread(_join, address, cpus)
    _take_back(handlers)
    try:
        yield dashboard
    finally:
        _untold.clear()
        await asyncio.to_thread(ray.shutdown)


@asynccontextmanager
async def joined_before(address: str) -> AsyncIterator[None]:
    """Join a cluster before anything is paid for; who uses it within this context hears of its dashboard.

    Raises:
        ConfigError: there is no cluster at the address.
    """
    async with connected(address, 0) as dashboard:
        _untold[:] = [dashboard] if dashboard else []
        yield


def _take_back(handlers: Mapping[signal.Signals, Any]) -> None:
    """Have signals do what they did before Ray began, which would show where it was in its own code."""
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():
            if handler is not None:
                signal.signal(number, handler)


def _join(address: str | None, cpus: int) -> str:
    """Join a cluster or start one, and return the address of its dashboard, or ""."""
    import ray

    for name, value in (_SETTINGS | (_STARTED_HERE if address is None else {})).items():
        os.environ.setdefault(name, value)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "namespace": NAMESPACE}
    started: dict[str, Any] = {
        "address": "local",
        "num_cpus": cpus,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE,
    }
    begin: Callable[..., Any] = ray.init
    check_answers(address)
    try:
        context = begin(**(started if address is None else {"address": address}), **quiet)
    except Exception as problem:
        raise _unreachable(address, problem, is_there=True) from problem
    return str(getattr(context, "dashboard_url", "") or "")


def check_answers(address: str | None) -> None:
    """Check that something answers at an address with host and port; Ray itself would wait for many minutes.

    Raises:
        ConfigError: nothing does.
    """
    place = (address or "").removeprefix(_CLIENT)
    if not place or place in _FOUND or "://" in place:
        return
    host, _, port = place.rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigError(
            f"run.address is {address}: give host:port, as in ray-head:6379, ray://ray-head:10001 or auto."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWERS_WITHIN).close()
    except (OSError, OverflowError) as problem:
        raise _unreachable(address, problem) from problem


def _unreachable(address: str | None, problem: Exception, *, is_there: bool = False) -> ConfigError:
    """Return what is told of an address where nothing answers, or `is_there` something that doesn't let us in."""
    if address == _FOUND[0]:
        return ConfigError("No Ray cluster runs on this machine: give its address, as in --address ray-head:6379.")
    where = "Ray can't be started on this machine" if address is None else f"No Ray cluster answers at {address}"
    said = " ".join(str(problem).split())[:300].rstrip(".")
    advice = "Check run.address, and that the cluster is up."
    if is_there and address is not None and not os.environ.get(_TOKENS):
        advice += f" If it takes calls with a token alone, set {_TOKENS}=token, and RAY_AUTH_TOKEN to the token."
    return ConfigError(f"{where}: {said}. {advice}")


def is_joined() -> bool:
    """Return whether this process has joined a cluster, or started Ray."""
    import ray

    return bool(ray.is_initialized())


def is_restarted() -> bool:
    """Return whether this process takes the place of an actor's process that died."""
    import ray

    return bool(ray.get_runtime_context().was_current_actor_reconstructed)


def here() -> Any:
    """Return the strategy that places an actor on this machine, if it belongs to the cluster."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    if ray.util.client.ray.is_connected():
        return "DEFAULT"
    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
