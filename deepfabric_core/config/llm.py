"""The settings of a model: `llm` of the whole config, of the topics and of the samples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from deepfabric_core.config.secret_values import Holds
from deepfabric_core.config.section import Section, as_json
from deepfabric_core.redaction import is_secret_name
from deepfabric_core.web.addresses import fault_of


class Simulated(Section):
    """How `provider: simulated` behaves: delays in seconds, failures as shares of all calls."""

    latency: float = Field(default=0.0, ge=0, le=600)
    rate_limited: float = Field(default=0.0, ge=0, le=1)
    server_errors: float = Field(default=0.0, ge=0, le=1)
    malformed: float = Field(default=0.0, ge=0, le=1)


class Demo(Section):
    """How `provider: demo` behaves: `latency` is in seconds for a call, about which calls vary a little."""

    latency: float = Field(default=0.0, ge=0, le=600)


class Recorded(Section):
    """What `provider: recorded` answers from: a trace that `--trace` has recorded."""

    path: str | None = Field(default=None, min_length=1)


# What of vLLM's engine arguments has a key of its own.
_ENGINE_ELSEWHERE = {
    "model": "llm.model",
    "served_model_name": "llm.model",
    "tensor_parallel_size": "llm.ray_vllm.tensor_parallel",
}


def _engine_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments of vLLM's engine, none of which has a key elsewhere or is secret."""
    for name in arguments:
        if is_secret_name(name):
            raise ValueError(f"{name} is a key: set it in the environment of the cluster's machines, such as HF_TOKEN")
        if name in _ENGINE_ELSEWHERE:
            raise ValueError(f"{name} is what {_ENGINE_ELSEWHERE[name]} says")
    return as_json(arguments)


class RayVllm(Section):
    """How `provider: ray-vllm` runs its model: by vLLM, on the GPUs of the Ray cluster that `run.address` names.

    Calls are spread over `replicas`, each of which takes `tensor_parallel` GPUs: of the type `accelerator`, if one is
    named as Ray names it (such as H100); `cpu` is for a trial without GPUs. `engine` has further arguments of vLLM's
    engine, such as max_model_len and tool_call_parser.
    """

    replicas: int = Field(default=1, ge=1, le=1000)
    tensor_parallel: int = Field(default=1, ge=1, le=64)
    accelerator: str | None = Field(default=None, min_length=1)
    engine: Annotated[dict[str, Any], AfterValidator(_engine_arguments)] = {}

    @property
    def gpus(self) -> int:
        """How many GPUs are needed; none for a trial on processors."""
        if self.on_processors:
            return 0
        stages = self.engine.get("pipeline_parallel_size", 1)
        return self.replicas * self.tensor_parallel * (stages if isinstance(stages, int) else 1)

    @property
    def on_processors(self) -> bool:
        """Whether the model runs without GPUs."""
        return (self.accelerator or "").lower() == "cpu"


class ModelPrices(Section):
    """What a model costs, in US dollars per million tokens; cached tokens cost as much as others unless given."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(default=None, ge=0)


def _addresses(value: object) -> object:
    """Return an address, or several: from a list, or from a text that has them with commas between them."""
    several = _COMMA.split(value) if isinstance(value, str) else value
    if value is None:
        return None
    if not isinstance(several, list | tuple) or not several or not all(isinstance(url, str) for url in several):
        raise ValueError("it must be an address, or a list of addresses")
    for url in several:
        if fault := fault_of(url.rstrip()):
            raise ValueError(fault)
    if len({url.strip().rstrip("/") for url in several}) < len(several):
        raise ValueError("it names an address twice")
    return several[0] if len(several) == 1 else tuple(several)


def _one_address(url: str | None) -> str | None:
    if url is not None and (fault := fault_of(url.rstrip())):
        raise ValueError(fault)
    return url


_COMMA = re.compile(r"\s*,\s*(?=https?://)")

Address = Annotated[str | None, AfterValidator(_one_address), Holds.ADDRESS]
Addresses = Annotated[str | tuple[str, ...] | None, BeforeValidator(_addresses), Holds.ADDRESS]


class Llm(Section):
    """The model of a stage. `timeout` is in seconds for one call; `seed` is passed on where the provider takes one.

    With `provider: local`, `model` is the path of a GGUF file or the name of a model that comes as a package; with
    `ray-vllm`, a model of Hugging Face's hub, a folder that all machines reach, or an address such as s3://bucket/model.

    `client` says who makes the calls: `direct` speaks OpenAI's protocol itself and is quick, `litellm` knows every
    provider, `auto` is direct wherever the provider speaks OpenAI's protocol. `structured_output` says how the server
    is asked for JSON: `auto` finds the strongest way that it takes, from a JSON Schema down to words (`prompt`), and to
    questions and answers in plain text where a model can't write JSON. `prices` take the place of the price list's.

    `base_url` may be a list of servers that serve the same model: each call goes to the one with the least to do, each
    server has a rate limit of its own, and one that fails is left out until it answers again.
    """

    provider: str = Field(default="openai", min_length=1)
    model: str = Field(default="gpt-4o", min_length=1)
    temperature: float = Field(default=0.7, ge=0, le=2)
    base_url: Addresses = None
    timeout: float = Field(default=120.0, gt=0, le=3600)
    seed: int | None = None
    client: Literal["auto", "direct", "litellm"] = "auto"
    structured_output: Literal[
        "auto", "json_schema", "json_object_schema", "tool", "json_object", "prompt", "plain_text"
    ] = "auto"
    simulated: Simulated = Simulated()
    demo: Demo = Demo()
    recorded: Recorded = Recorded()
    ray_vllm: RayVllm = RayVllm()
    prices: ModelPrices | None = None

    @model_validator(mode="after")
    def _a_recorded_model_has_a_trace(self) -> Llm:
        if self.provider == "recorded" and self.recorded.path is None:
            raise ValueError("provider recorded needs recorded.path, the trace to answer from")
        return self

    @property
    def name(self) -> str:
        """Provider and model, as screens and messages name it; the demo has no models."""
        if self.provider == "demo":
            return self.provider
        return f"{self.provider}/{self.model}"

    @property
    def endpoints(self) -> tuple[Llm, ...]:
        """The same settings for each server that `base_url` names; for one server, the settings themselves."""
        if not isinstance(self.base_url, tuple):
            return (self,)
        return tuple(self.model_copy(update={"base_url": url}) for url in self.base_url)

    @property
    def address(self) -> str:
        """The address of the server, or of the first of several; "" for the provider's own."""
        return (self.base_url if isinstance(self.base_url, str) else (self.base_url or ("",))[0]) or ""

    @property
    def host(self) -> str:
        """Host and port of that address, without user and password; the model's name if there is none."""
        return urlsplit(self.address).netloc.rpartition("@")[2] or self.name


def inherited(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's settings as written, with what it doesn't say taken from the shared ones.

    Prices are those of a model, so another model doesn't inherit them.
    """
    other = any(own.get(key, shared.get(key)) != shared.get(key) for key in ("provider", "model"))
    return {**{key: value for key, value in shared.items() if not (other and key == "prices")}, **own}
