"""The settings of a model: `llm` of the whole config, of the topics and of the samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from deepfabric_core.config.secret_values import Holds
from deepfabric_core.config.section import Section
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


class ModelPrices(Section):
    """What a model costs, in US dollars per million tokens; cached tokens cost as much as others unless given."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(default=None, ge=0)


def _is_an_address(url: str | None) -> str | None:
    if url is not None and (fault := fault_of(url.rstrip())):
        raise ValueError(fault)
    return url


Address = Annotated[str | None, AfterValidator(_is_an_address), Holds.ADDRESS]


class Llm(Section):
    """The model of a stage. `timeout` is in seconds for one call; `seed` is passed on where the provider takes one.

    With `provider: local`, `model` is the path of a GGUF file or the name of a model that comes as a package.

    `client` says who makes the calls: `direct` speaks OpenAI's protocol itself and is quick, `litellm` knows every
    provider, `auto` is direct wherever the provider speaks OpenAI's protocol. `structured_output` says how the server
    is asked for JSON: `auto` finds the strongest way that it takes, from a JSON Schema down to words (`prompt`), and to
    questions and answers in plain text where a model can't write JSON. `prices` take the place of the price list's.
    """

    provider: str = Field(default="openai", min_length=1)
    model: str = Field(default="gpt-4o", min_length=1)
    temperature: float = Field(default=0.7, ge=0, le=2)
    base_url: Address = None
    timeout: float = Field(default=120.0, gt=0, le=3600)
    seed: int | None = None
    client: Literal["auto", "direct", "litellm"] = "auto"
    structured_output: Literal[
        "auto", "json_schema", "json_object_schema", "tool", "json_object", "prompt", "plain_text"
    ] = "auto"
    simulated: Simulated = Simulated()
    demo: Demo = Demo()
    recorded: Recorded = Recorded()
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


def inherited(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's settings as written, with what it doesn't say taken from the shared ones.

    Prices are those of a model, so another model doesn't inherit them.
    """
    other = any(own.get(key, shared.get(key)) != shared.get(key) for key in ("provider", "model"))
    return {**{key: value for key, value in shared.items() if not (other and key == "prices")}, **own}
