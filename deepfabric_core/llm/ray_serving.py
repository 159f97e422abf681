"""Serve the models of `provider: ray-vllm` on a Ray cluster, for as long as a run uses them.

Ray runs models in two ways: by a processor that takes a whole dataset (`ray.data.llm`), and by Ray Serve. A run makes
single calls, each when it is wanted: later ones depend on earlier answers, some are made again. So it is Ray Serve
(`ray.serve.llm`): its replicas take calls as they come, vLLM batches those that are in flight, and a handle reaches
them from every process of the cluster without HTTP.

The application that serves a model is named after its settings, so all workers and runs find the same one. Each run has
a named actor beside it that dies with the run, however it ends. The run that came first starts the application, and the
one that leaves last ends it: so what a killed run left is ended by the next one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from hashlib import sha256
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from typing import Any

from deepfabric_core.config.llm import Llm
from deepfabric_core.config.run_engine import RunEngine
from deepfabric_core.errors import ConfigError
from deepfabric_core.events import Emit, Notice
from deepfabric_core.llm.ray_connection import NAMESPACE, connected, here
from deepfabric_core.redaction import redact
from deepfabric_core.stop import Stop
from deepfabric_core.wording import counted

PROVIDER = "ray-vllm"
_INSTALL = "pip install 'deepfabric-nb[ray-vllm]'"
# In seconds.
_BETWEEN_LOOKS = 0.5
_SHOWN_CHARACTERS = 300
# What Serve says of every large model while it is loaded.
_USUAL = "to initialize"
# What it says as long as GPUs or processors are missing; the rest is about which.
_NO_ROOM = "to be scheduled"

# Has Ray Serve start an application that answers for a model; it may go on after the call.
Deploy = Callable[[str, Llm], Awaitable[None]]


def check_ray_vllm(find: Callable[[str], ModuleSpec | None] = find_spec) -> None:
    """Check that Ray Serve is installed, without importing it; vLLM is only needed where models run.

    Raises:
        ConfigError: it isn't.
    """
    if find("ray") is None or find("fastapi") is None:
        raise ConfigError(
            f"llm.provider {PROVIDER} needs Ray Serve and vLLM, which aren't installed: {_INSTALL}, here and on the "
            "machines of the cluster."
        )


def application_of(settings: Llm) -> str:
    """Return the name of the application that serves a model with these settings."""
    decisive = json.dumps([settings.model, settings.ray_vllm.model_dump()], sort_keys=True)
    name = re.sub(r"[^\w-]+", "-", settings.model).strip("-")[-60:]
    return f"deepfabric-{name}-{sha256(decisive.encode()).hexdigest()[:8]}"


async def deploy(application: str, settings: Llm) -> None:
    """Have Ray Serve start vLLM, from a process of the cluster: so this one stays without PyTorch.

    Raises:
        ConfigError: vLLM isn't installed there, or doesn't take the settings.
    """
    import ray

    fault = await ray.remote(_begin).options(num_cpus=0).remote(application, settings)
    if fault:
        raise ConfigError(fault)


def ray_serve() -> Any:
    """Return the module `ray.serve`, which says nothing on the terminal by itself."""
    from ray import serve

    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    return serve


@asynccontextmanager
async def serving(
    models: Iterable[Llm], run: RunEngine, emit: Emit, stop: Stop, deploy: Deploy = deploy
) -> AsyncIterator[None]:
    """Have those of the models that run on a Ray cluster served until the context ends; others need nothing.

    It joins the cluster of `run`, or starts Ray on this machine, and returns once all of them are ready, or after a
    stop.

    Raises:
        ConfigError: there is no such cluster, it has no GPUs, or a model can't be loaded.
    """
    wanted = {application_of(one): one for one in models if one.provider == PROVIDER}
    async with AsyncExitStack() as opened:
        if wanted:
            cpus = (run.workers or os.cpu_count() or 1) + sum(map(_cpus, wanted.values()))
            dashboard = await opened.enter_async_context(connected(run.address, cpus))
            if dashboard:
                emit(Notice(f"Ray's dashboard: http://{dashboard}"))
        for application, settings in wanted.items():
            user = _User(application)
            opened.push_async_callback(asyncio.to_thread, user.leave)
            await asyncio.to_thread(user.enter)
            await _ready(user, settings, run, emit, stop, deploy)
        yield


async def _ready(user: _User, settings: Llm, run: RunEngine, emit: Emit, stop: Stop, deploy: Deploy) -> None:
    """Wait until the application runs, and start it if nobody else does."""
    is_begun, told = False, ""
    while not stop.requested:
        status, message = await asyncio.to_thread(_status, user.application)
        if status == "RUNNING":
            return
        if status in ("", "DEPLOY_FAILED") and not is_begun:
            if await asyncio.to_thread(user.is_first):
                _check_gpus(settings, run)
                emit(Notice(f"{settings.model} is being loaded on {_place(settings)} of the Ray cluster."))
                await deploy(user.application, settings)
                is_begun = True
        elif status == "DEPLOY_FAILED":
            raise ConfigError(
                f"llm.model {settings.model} can't be loaded: {_gist(message)}. Check llm.model and llm.ray_vllm; the "
                "whole reason is in Ray's logs."
            )
        elif message and message != told and _USUAL not in message:
            told = message
            emit(Notice(f"{settings.model}: {_gist(message)}"))
        await asyncio.sleep(_BETWEEN_LOOKS)


class _User:
    """One that uses an application, as all others see it: by an actor of its own, named in the order of arrival."""

    def __init__(self, application: str) -> None:
        self.application = application
        self._name = f"{application} {time.time_ns():020d} {secrets.token_hex(4)}"
        self._actor: Any = None

    def enter(self) -> None:
        """Begin to use it."""
        import ray

        options = {"name": self._name, "namespace": NAMESPACE, "num_cpus": 0, "scheduling_strategy": here()}
        self._actor = ray.remote(_Presence).options(**options).remote()
        ray.get(self._actor.confirm.remote())

    def is_first(self) -> bool:
        """Return whether none of those who use the application came before."""
        return min(self._all()) == self._name

    def leave(self) -> None:
        """Use it no longer, and end it if nobody else does."""
        import ray

        with suppress(Exception):  # the cluster may be gone already
            others = self._all() - {self._name}
            ray.kill(self._actor)
            if not others:
                ray_serve().delete(self.application)

    def _all(self) -> set[str]:
        import ray

        actors = ray.util.list_named_actors(all_namespaces=True)
        names = (actor["name"] for actor in actors if actor["namespace"] == NAMESPACE)
        return {self._name, *(name for name in names if name.startswith(f"{self.application} "))}


class _Presence:
    """An actor that is there as long as its user is."""

    def confirm(self) -> None:
        """Return once it is there."""


def _status(application: str) -> tuple[str, str]:
    """Return the status of an application, "" for none, and what Serve says of it."""
    found = ray_serve().status().applications.get(application)
    if found is None:
        return "", ""
    messages = [found.message, *(one.message for one in found.deployments.values())]
    return str(getattr(found.status, "value", found.status)), next(filter(None, reversed(messages)), "")


def _check_gpus(settings: Llm, run: RunEngine) -> None:
    """Check that the cluster has GPUs: as many as are needed, where it can't get any more of them."""
    import ray

    wanted, found = settings.ray_vllm.gpus, int(ray.cluster_resources().get("GPU", 0))
    if wanted and (not found or (run.address is None and found < wanted)):
        raise ConfigError(
            f"llm.provider {PROVIDER} needs {counted(wanted, 'GPU')} for {settings.model}, and the Ray cluster has "
            f"{found or 'none'}: name one with GPUs by run.address, or take another provider, such as vllm with a "
            "base_url or local."
        )


def _cpus(settings: Llm) -> int:
    """Return how many processors Ray counts for a model."""
    wanted = settings.ray_vllm
    return wanted.replicas * (1 + (wanted.tensor_parallel if wanted.on_processors else 0))


def _place(settings: Llm) -> str:
    wanted = settings.ray_vllm
    return "the processors" if wanted.on_processors else counted(wanted.gpus, "GPU")


def _gist(message: str) -> str:
    r"""Return a message of Serve in one line: of an error in it, the last line, which says what it is.

    >>> _gist("A replica failed to start. Retrying. Error:\nTraceback:\n  File ...\nValueError: no such model\n")
    'A replica failed to start: ValueError: no such model'
    >>> _gist("It has 1 replicas that have taken more than 30s to be scheduled. Resources required: [{'GPU': 2}].")
    "the cluster has no room for a replica yet. Resources required: [{'GPU': 2}]"
    """
    lines = [" ".join(line.split()) for line in re.sub(r"\x1b\[[\d;]*m", "", message).splitlines() if line.strip()]
    shown = f"{lines[0].partition('. ')[0]}: {lines[-1]}" if "Traceback" in message else " ".join(lines)
    if _NO_ROOM in message:
        shown = f"the cluster has no room for a replica yet. {shown[max(0, shown.find('Resources required')) :]}"
    return redact(shown)[:_SHOWN_CHARACTERS].rstrip(". ")


def _begin(application: str, settings: Llm) -> str:
    """Start an application of Ray Serve, without waiting until it runs; return what prevents it, or ""."""
    try:
        from deepfabric_core.llm.ray_vllm_server import begin
    except ImportError as problem:
        return f"llm.provider {PROVIDER} needs vLLM on the machines of the cluster: {_INSTALL} there ({problem})."
    try:
        begin(application, settings)
    except Exception as problem:  # noqa: BLE001 - Ray, pydantic and vLLM have errors of their own
        return f"llm.ray_vllm can't be used for {settings.model}: {_gist(str(problem))}."
    return ""
