"""A cluster of three nodes on this machine, and a server whose answers depend on the request alone."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core import Job, load
from tests.answers import reply_by_messages
from tests.provider import Faults, LocalProvider

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("DEEPFABRIC_LEARNED_LIMITS", "off")
os.environ.setdefault("OPENAI_API_KEY", "test")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    import ray
    from ray.cluster_utils import Cluster

    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    for _ in range(2):
        started.add_node(num_cpus=2)
    ray.init(address=started.address, log_to_driver=False, namespace="deepfabric")
    yield started
    ray.shutdown()
    started.shutdown()


@pytest.fixture
def client_address(cluster: Any) -> Iterator[str]:
    """The address at which the cluster answers those who don't belong to it."""
    port = free_port()
    serving = [sys.executable, "-m", "ray.util.client.server", "--address", cluster.address, "--mode", "proxy"]
    listening = ["--host", "127.0.0.1", "--port", str(port)]
    # Else the process that it forks for a client dies now and then, before it is another program.
    environment = {**os.environ, "GRPC_ENABLE_FORK_SUPPORT": "0"}
    with subprocess.Popen(
        [*serving, *listening], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        yield f"ray://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
def reply() -> Callable[[Any], str]:
    """What the server answers to a request; a test may have its own."""
    return reply_by_messages


@pytest.fixture
def server(reply: Callable[[Any], str]) -> Iterator[LocalProvider]:
    with LocalProvider(Faults(latency=0.05), reply, record=False) as provider:
        yield provider


@pytest.fixture
def topics(tmp_path: Path) -> Path:
    """100 topics."""
    file = tmp_path / "topics.jsonl"
    paths = (["Tea", f"branch {one}", f"leaf {two}"] for one in range(10) for two in range(10))
    file.write_text("".join(f"{json.dumps({'path': path})}\n" for path in paths), encoding="utf-8")
    return file


@pytest.fixture
def settings(tmp_path: Path, server: LocalProvider) -> str:
    """A config of 400 samples, by 3 workers in 8 shards."""
    return json.dumps(
        {
            "topics": {"prompt": "Tea"},
            "generation": {"system_prompt": "You teach."},
            "llm": {
                "provider": "openai",
                "model": "tea-1",
                "base_url": server.base_url,
                "prices": {"input": 1, "output": 2},
            },
            "quality": {"checks": False},
            "output": {"save_as": str(tmp_path / "cluster.jsonl"), "num_samples": 400, "batch_size": 12},
            "run": {"engine": "ray", "workers": 3, "shard_size": 50},
        }
    )


@pytest.fixture
def job(tmp_path: Path, topics: Path, settings: str) -> Job:
    """The job of these."""
    return Job(load(settings, source="here").config, topics_load=topics, checkpoint_path=tmp_path / "checkpoint")


def free_port() -> int:
    """Return a port of this machine that nothing listens at, below those that Ray's workers use."""
    for port in range(9000, 10_000):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")


def kill_process_of(name: str) -> None:
    """Kill the first process of an actor class, as no goodbye."""
    import psutil

    for one in psutil.Process().children(recursive=True):
        if " ".join(one.as_dict(["cmdline"])["cmdline"] or ()).startswith(f"ray::{name}"):
            one.kill()
            return
    raise AssertionError(name)
