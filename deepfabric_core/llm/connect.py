"""Build the ready-to-use model for a config's `llm` section: client, rate limits, retries and wrappers."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import astuple, dataclass

from deepfabric_core.amounts import Purpose
from deepfabric_core.chat.messages import SchemaMode
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.errors import ConfigError
from deepfabric_core.events import Emit
from deepfabric_core.llm.api_keys import KEY_VARIABLES, api_key, check_key
from deepfabric_core.llm.endpoints import Endpoint, Endpoints, LimiterStates
from deepfabric_core.llm.limits.call_limiter import CallLimiter
from deepfabric_core.llm.limits.learned_exchange import LearnedExchange
from deepfabric_core.llm.limits.learned_file import Target, is_off, target_of
from deepfabric_core.llm.limits.limited_model import LimitedModel
from deepfabric_core.llm.limits.limiter import Limiter, Limiters
from deepfabric_core.llm.limits.queue import Places
from deepfabric_core.llm.limits.stage_limiter import StageLimiter
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.llm.prices import prices_of
from deepfabric_core.llm.ray_serving import check_ray_vllm
from deepfabric_core.llm.recorded import RecordedModel, recording_of
from deepfabric_core.llm.simulated.model import SimulatedModel
from deepfabric_core.llm.wrappers.budget import Budget, BudgetedModel
from deepfabric_core.llm.wrappers.error_redaction import RedactedErrors
from deepfabric_core.llm.wrappers.known_ways import KnownWay, known_way
from deepfabric_core.llm.wrappers.retry import Retrying
from deepfabric_core.llm.wrappers.structured_output import StructuredOutput
from deepfabric_core.llm.wrappers.tool_calling import ToolCalling
from deepfabric_core.llm.wrappers.trace import Record, Traced
from deepfabric_core.stop import Stop
from deepfabric_core.web.proxies import proxy_for

# Stands for the address of a provider that only litellm knows.
_UNKNOWN_ADDRESS = "https://provider.invalid"
# These make no calls over the network.
_IN_PROCESS = ("simulated", "demo", "recorded")
# Models that keep to one way of asking for JSON, so that there is nothing to find out.
_KEEPS_TO: Mapping[str, SchemaMode] = {
    "simulated": "json_schema",
    "demo": "json_schema",
    "local": "json_object_schema",
}

# Opens a limiter of a target that is kept elsewhere.
LimiterOf = Callable[[Target, Places, RateLimit, Stop], AbstractAsyncContextManager[CallLimiter]]

# Shared by all runs of this process.
_limiters = Limiters()


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """How a stage makes its calls: how many at once, how many retries, within which rate limits, and what for.

    `trace` is called with each call as it ends, if there is a trace. Each call is reserved in the `budget`, if there is
    one.
    """

    ceiling: int
    max_retries: int
    limits: RateLimit
    purpose: Purpose = "samples"
    trace: Record | None = None
    budget: Budget | None = None


@asynccontextmanager
async def connect(
    settings: Llm, policy: CallPolicy, emit: Emit, stop: Stop, limiter_of: LimiterOf | None = None
) -> AsyncIterator[ChatModel]:
    """Connect to the model of a stage, with rate limits, retries, structured output and tool calling.

    Structured output is requested in the strongest mode that the provider accepts. Connections are closed at the end.
    Calls to a server ask the limiter of `limiter_of` for leave, or else that of this process.
    """
    places = Places(1 if settings.provider == "local" else policy.ceiling)
    async with AsyncExitStack() as opened:
        servers = [
            await opened.enter_async_context(_endpoint(one, policy, places, (told, stop), limiter_of))
            for one, told in _each(settings, emit)
        ]
        first = servers[0]
        model = first.model if len(servers) == 1 else Endpoints(servers, emit)
        retrying = Retrying(model, policy.max_retries, policy.limits, emit, first.limiter.rest)
        known = _known_way(settings)
        yield ToolCalling(StructuredOutput(retrying, emit, known, _forced_way(settings)), emit, known)


def _each(settings: Llm, emit: Emit) -> Iterator[tuple[Llm, Emit]]:
    """Yield the settings of each endpoint, and what its events are told to."""
    several = settings.endpoints
    states = LimiterStates(emit)
    for place, one in enumerate(several):
        yield one, emit if len(several) == 1 else states.of(place)


@asynccontextmanager
async def _endpoint(
    settings: Llm, policy: CallPolicy, places: Places, told: tuple[Emit, Stop], limiter_of: LimiterOf | None
) -> AsyncIterator[Endpoint]:
    """Open a client of an endpoint, with its limiter; it is closed at the end."""
    emit, stop = told
    model = bare(settings, connections=places.total, emit=emit)
    traced = Traced(model, settings, policy.trace) if policy.trace else model
    within = _within(policy.budget, traced, settings)
    try:
        if limiter_of is not None and has_endpoint(settings):
            opened = limiter_of(_target(settings), places, policy.limits, stop)
        else:
            opened = _opened_here(settings, places, policy.limits, emit, stop)
        async with opened as call_limiter:
            limited = LimitedModel(within, call_limiter, policy.limits, emit, policy.purpose)
            yield Endpoint(settings.host, limited, call_limiter)
    finally:
        await model.close()


@asynccontextmanager
async def _opened_here(
    settings: Llm, places: Places, limits: RateLimit, emit: Emit, stop: Stop
) -> AsyncIterator[CallLimiter]:
    """Open a stage's share of this process's limiter of an endpoint."""
    limiter = _limiter(settings)
    stage_limiter = StageLimiter(limiter, places, limits, emit, stop)
    try:
        with stage_limiter.opened():
            yield stage_limiter
    finally:
        if limiter.exchange is not None:
            await asyncio.to_thread(limiter.exchange.wait)


def _within(budget: Budget | None, model: ChatModel, settings: Llm) -> ChatModel:
    if budget is None:
        return model
    return BudgetedModel(model, budget, prices_of(settings))


def _limiter(settings: Llm) -> Limiter:
    """Return the limiter that runs share; a model without an endpoint gets its own.

    What is learned of an endpoint is kept for later runs, and shared with other processes.
    """
    if settings.provider in _IN_PROCESS:
        return Limiter()
    return limiter_of_target(_target(settings), exchanged=has_endpoint(settings))


def limiter_of_target(target: Target, *, exchanged: bool = True) -> Limiter:
    """Return this process's limiter of an endpoint, a model and a key."""
    return _limiters.of(*astuple(target), exchange=LearnedExchange(target) if exchanged and not is_off() else None)


def _target(settings: Llm) -> Target:
    return target_of(settings.provider, _address(settings), settings.model, api_key(settings))


def _address(settings: Llm) -> str:
    """Return the address that is called, as far as it is known: litellm's own ones aren't."""
    if not has_endpoint(settings) or not _is_direct(settings):
        return settings.address
    from deepfabric_core.llm.clients.openai_model import base_url

    return base_url(settings)


def _known_way(settings: Llm) -> KnownWay:
    """Return what is known of how an endpoint and model take a schema."""
    if settings.provider == "recorded":
        way = recording_of(settings).way
        return KnownWay(way, proven=way is not None)
    if has_endpoint(settings):
        return known_way(settings)
    return KnownWay(_KEEPS_TO[settings.provider], proven=True, ignores_tools=settings.provider == "local")


def _forced_way(settings: Llm) -> SchemaMode | None:
    """Return the only way that is used, if there is one: the config's, or that of a model which keeps to one."""
    if settings.structured_output != "auto":
        return settings.structured_output
    return _KEEPS_TO.get(settings.provider)


def has_endpoint(settings: Llm) -> bool:
    """Return whether calls go to a server, of which something can be found out and remembered."""
    return settings.provider != "recorded" and settings.provider not in _KEEPS_TO


def bare(settings: Llm, *, connections: int = 1, emit: Emit | None = None) -> ChatModel:
    """Return the client alone, without limits and retries; `connections` is how many calls it can make at once."""
    if settings.provider == "simulated":
        return SimulatedModel(settings)
    if settings.provider == "demo":
        from deepfabric_core.llm.demo.model import DemoModel

        return DemoModel(settings, emit or (lambda _: None))
    if settings.provider == "recorded":
        return RecordedModel(settings)
    return RedactedErrors(_client(settings, connections), settings)


def _client(settings: Llm, connections: int) -> ChatModel:
    if settings.provider == "local":
        from deepfabric_core.llm.clients.local_model import LocalModel

        return LocalModel(settings)
    if settings.provider == "ray-vllm":
        from deepfabric_core.llm.clients.ray_vllm_model import RayVllmModel

        return RayVllmModel(settings)
    if _is_direct(settings):
        from deepfabric_core.llm.clients.openai_model import OpenAIModel

        return OpenAIModel(settings, connections=connections)
    from deepfabric_core.llm.clients.litellm_model import LitellmModel

    return LitellmModel(settings)


def check(settings: Llm) -> None:
    """Check, without making a call, that the provider exists and that its key is set.

    Raises:
        ConfigError: the provider is unknown, its key, address or trace is missing, or a proxy can't be used; the
            message names the nearest provider, or the variable to set. For a model of our own: it can't be run.
    """
    if settings.provider == "local":
        from deepfabric_core.llm.clients.model_files import check_local

        check_local(settings)
        return
    if settings.provider == "ray-vllm":
        check_ray_vllm()
        return
    if settings.client == "direct":
        from deepfabric_core.llm.clients.openai_model import speaks_openai

        if not speaks_openai(settings):
            raise ConfigError(
                f"llm.client direct can't call {settings.provider}/{settings.model}: it speaks OpenAI's protocol only; "
                "write auto or litellm."
            )
    if settings.provider not in KEY_VARIABLES:
        from deepfabric_core.llm.clients.litellm_model import import_litellm

        known = sorted({*KEY_VARIABLES, *(str(getattr(p, "value", p)) for p in import_litellm().provider_list)})
        if settings.provider not in known:
            close = difflib.get_close_matches(settings.provider, known, n=1)
            advice = (
                f"did you mean {close[0]}?" if close else f"known are {', '.join(KEY_VARIABLES)} and litellm's others."
            )
            raise ConfigError(f"Unknown provider {settings.provider}: {advice}")
    _check_place(settings)
    check_key(settings)


def _is_direct(settings: Llm) -> bool:
    if settings.client != "auto":
        return settings.client == "direct"
    from deepfabric_core.llm.clients.openai_model import speaks_openai

    return speaks_openai(settings)


def _check_place(settings: Llm) -> None:
    """Check that there is an address to call or a trace, and that a proxy named in the environment can be used."""
    if settings.provider == "recorded":
        recording_of(settings)
    if settings.provider in _IN_PROCESS:
        return
    if _is_direct(settings):
        from deepfabric_core.llm.clients.openai_model import base_url

        for one in settings.endpoints:
            proxy_for(base_url(one))
    else:
        from deepfabric_core.llm.clients.litellm_model import speaks_socks

        for one in settings.endpoints:
            proxy_for(one.address or _UNKNOWN_ADDRESS, socks=speaks_socks())
