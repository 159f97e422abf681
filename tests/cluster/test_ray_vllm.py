"""Models served on the cluster itself: shared by all workers, ended by the last run that uses them.

In vLLM's place is a deployment that answers as vLLM does; `test_real_vllm` has the real one.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core import Job, RunState, Stop
from deepfabric_core.cluster.generate import generate
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.run_engine import RunEngine
from deepfabric_core.errors import ConfigError, FailureKind
from deepfabric_core.events import Event, Notice
from deepfabric_core.llm.ray_serving import application_of, ray_serve, serving
from tests import ROOT
from tests.answers import completion, reply_by_messages

pytestmark = pytest.mark.usefixtures("cluster")
MODEL = Llm(provider="ray-vllm", model="Qwen/Qwen3-8B", ray_vllm={"replicas": 2, "accelerator": "cpu"})


class StandIn:
    """A replica: it answers as vLLM does, with texts that depend on the messages alone.

    `grave` is a file: of all replicas, the first one that has answered 50 calls leaves it and dies in its next call.
    """

    def __init__(self, fault: str = "", seconds: float = 0.0, grave: Path | None = None) -> None:
        if fault:
            raise RuntimeError(fault)
        import time

        time.sleep(seconds)
        self._grave = grave
        self._answered = 0

    async def answer(self, body: bytes) -> tuple[int, str]:
        request = json.loads(body)
        await asyncio.sleep(0.05)
        self._answered += 1
        if self._grave and self._answered > 50 and not self._grave.exists():
            self._grave.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return 200, json.dumps(completion(request, reply_by_messages(request), 1))


class Deploying:
    """Starts stand-ins, and counts how often."""

    def __init__(self, fault: str = "", seconds: float = 0.0, grave: Path | None = None) -> None:
        self.times = 0
        self._words = fault, seconds, grave

    async def __call__(self, application: str, settings: Llm) -> None:
        self.times += 1
        await asyncio.to_thread(self._begin, application, settings)

    def _begin(self, application: str, settings: Llm) -> None:
        serve = ray_serve()
        serve.start(proxy_location="Disabled")
        replicas = serve.deployment(StandIn, name="chat", num_replicas=settings.ray_vllm.replicas)
        target = serve.RunTarget(replicas.bind(*self._words), name=application, route_prefix=None)
        serve.run_many([target], wait_for_applications_running=False, wait_for_ingress_deployment_creation=False)


def nobody(application: str, settings: Llm) -> Any:
    """Start nothing: it is there already."""
    raise AssertionError(application)


def is_served() -> bool:
    return application_of(MODEL) in ray_serve().status().applications


def asking_the_cluster(job: Job, **run: Any) -> Job:
    config = job.config
    generation = config.generation.model_copy(update={"llm": MODEL})
    run_on = config.run.model_copy(update=run)
    return replace(job, config=config.model_copy(update={"generation": generation, "run": run_on}))


def done(job: Job, **words: Any) -> RunState:
    """Run a job while a model is served for it."""

    async def whole() -> RunState:
        deploying = Deploying(**words)
        async with serving([MODEL], RunEngine(), lambda _: None, Stop(), deploying):
            state = await generate(job, emit=lambda _: None, stop=Stop())
            assert is_served()
        assert deploying.times == 1
        return state

    return asyncio.run(whole())


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_a_run_asks_the_model_that_the_cluster_serves(job: Job, engine: str) -> None:
    asked = asking_the_cluster(job, engine=engine)
    state = done(asked)
    assert (state.ending, state.samples_done, state.calls, state.usage.cost) == ("complete", 400, 400, 0.0)
    metadata = json.loads(asked.dataset.read_text(encoding="utf-8").splitlines()[0])["metadata"]
    assert metadata["model"] == MODEL.model
    assert not is_served()


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_calls_of_a_replica_that_dies_are_made_again(job: Job, engine: str, tmp_path: Path) -> None:
    grave = tmp_path / "one replica has died"
    state = done(asking_the_cluster(job, engine=engine), grave=grave)
    assert grave.exists()
    assert (state.ending, state.samples_done) == ("complete", 400)
    assert state.retries.keys() == {FailureKind.SERVER_ERROR}
    assert 1 <= state.retries[FailureKind.SERVER_ERROR] <= 12


def test_runs_that_begin_together_share_a_model_and_the_last_one_ends_it() -> None:
    async def together() -> int:
        deploying, first_left = Deploying(), asyncio.Event()

        async def first() -> None:
            async with serving([MODEL, MODEL], RunEngine(), lambda _: None, Stop(), deploying):
                assert is_served()
            first_left.set()

        async def second() -> None:
            async with serving([MODEL], RunEngine(), lambda _: None, Stop(), deploying):
                await first_left.wait()
                assert is_served()

        await asyncio.gather(first(), second())
        return deploying.times

    assert asyncio.run(together()) == 1
    assert not is_served()


_KILLED = """
import asyncio, os, signal, sys, ray
from deepfabric_core import Stop
from deepfabric_core.config.run_engine import RunEngine
from deepfabric_core.llm.ray_serving import serving
from tests.cluster.test_ray_vllm import MODEL, Deploying

async def whole():
    async with serving([MODEL], RunEngine(address=sys.argv[1]), lambda _: None, Stop(), Deploying()):
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(whole())
"""


def test_a_model_that_a_killed_run_left_is_used_and_ended_by_the_next_one(cluster: Any) -> None:
    words = [sys.executable, "-c", _KILLED, cluster.address]
    killed = subprocess.run(words, cwd=ROOT, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL and is_served()

    async def next_one() -> None:
        async with serving([MODEL], RunEngine(), lambda _: None, Stop(), nobody):
            assert is_served()

    asyncio.run(next_one())
    assert not is_served()


def test_without_gpus_in_the_cluster_nothing_is_begun(job: Job) -> None:
    on_gpus = MODEL.model_copy(update={"ray_vllm": type(MODEL.ray_vllm)(tensor_parallel=2)})

    async def begin() -> None:
        async with serving([on_gpus], RunEngine(address="auto"), lambda _: None, Stop(), nobody):
            pass

    with pytest.raises(ConfigError, match=r"needs 2 GPUs for Qwen/Qwen3-8B, and the Ray cluster has none"):
        asyncio.run(begin())


def test_a_model_that_cannot_be_loaded_is_told_with_the_reason() -> None:
    told: list[Event] = []

    async def begin() -> None:
        async with serving([MODEL], RunEngine(), told.append, Stop(), Deploying(fault="no such model on the hub")):
            pass

    with pytest.raises(ConfigError, match=r"can't be loaded: .*no such model on the hub") as refused:
        asyncio.run(begin())
    assert "\n" not in str(refused.value)
    assert all(isinstance(event, Notice) and "\n" not in event.message for event in told)
    assert not is_served()


def test_a_stop_does_not_wait_until_a_model_is_loaded() -> None:
    async def begin() -> bool:
        stop = Stop()

        def hear(event: Event) -> None:
            if isinstance(event, Notice) and "is being loaded" in event.message:
                asyncio.get_running_loop().call_later(1, stop.request)

        async with serving([MODEL], RunEngine(), hear, stop, Deploying(seconds=600)):
            return stop.requested

    assert asyncio.run(begin())
    assert not is_served()


def test_where_vllm_is_not_installed_the_error_says_so(tmp_path: Path) -> None:
    async def begin() -> None:
        async with serving([MODEL], RunEngine(), lambda _: None, Stop()):
            pass

    with pytest.raises(ConfigError, match=r"pip install 'deepfabric-nb\[ray-vllm\]' there"):
        asyncio.run(begin())
