"""Join a Ray cluster, or start Ray on this machine. Ray is imported when it is wanted."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from deepfabric_core.errors import ConfigError

# Where actors with names are.
NAMESPACE = "deepfabric"
# The beginning of an address that is reached by Ray's client.
_CLIENT = "ray://"
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


@asynccontextmanager
async def connected(address: str | None, cpus: int) -> AsyncIterator[str]:
    """Join the cluster of an address, or start Ray on this machine for so many processes until the context ends.

    Yields the address of the dashboard, or "". If this process has joined a cluster already, that is used.

    Raises:
        ConfigError: there is no cluster at the address.
    """
    import ray

    if ray.is_initialized():
        yield ""
        return
    dashboard = await asyncio.to_thread(_join, address, cpus)
    try:
        yield dashboard
    finally:
        await asyncio.to_thread(ray.shutdown)


def _join(address: str | None, cpus: int) -> str:
    """Join a cluster or start one, and return the address of its dashboard, or ""."""
    import ray

    for name, value in _SETTINGS.items():
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
        raise _unreachable(address, problem) from problem
    return str(getattr(context, "dashboard_url", "") or "")


def check_answers(address: str | None) -> None:
    """Check that something answers at an address with host and port; Ray itself would wait for many minutes.

    Raises:
        ConfigError: nothing does.
    """
    host, _, port = (address or "").removeprefix(_CLIENT).rpartition(":")
    if not host or "://" in host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWERS_WITHIN).close()
    except (OSError, OverflowError) as problem:
        raise _unreachable(address, problem) from problem


def _unreachable(address: str | None, problem: Exception) -> ConfigError:
    where = "Ray can't be started on this machine" if address is None else f"No Ray cluster answers at {address}"
    said = " ".join(str(problem).split())[:300].rstrip(".")
    advice = "Check run.address, and that the cluster is up."
    if address is not None and not os.environ.get(_TOKENS):
        advice += f" If it takes calls with a token alone, set {_TOKENS}=token, and {_TOKENS[:-4]}TOKEN to the token."
    return ConfigError(f"{where}: {said}. {advice}")


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
