"""Messages, requests and replies: plain values that know nothing of providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from deepfabric_core.errors import FailureKind

Role = Literal["system", "user", "assistant", "tool"]
JsonObject = Mapping[str, Any]

# How strongly the provider is held to the schema: by its own structured output, by its JSON mode, by words alone.
SchemaMode = Literal["native", "json", "prompt"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to call a tool; `arguments` is a JSON text, as on the wire."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more calls; `cost` in US dollars, None where no price is known."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None

    @staticmethod
    def of(line: JsonObject) -> Usage:
        """What the `usage` of a line says; nothing where there is none."""
        said = line.get("usage") or {}
        return Usage(said.get("prompt_tokens", 0), said.get("completion_tokens", 0), said.get("cost"))

    def as_object(self) -> dict[str, Any]:
        """What a line says of it."""
        tokens = {"prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens}
        return {**tokens, "cost": self.cost}

    def __add__(self, other: Usage) -> Usage:
        known = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            sum(known) if known else None,
        )


@dataclass(frozen=True, slots=True)
class Spent:
    """Some calls, and what they took."""

    attempts: int
    usage: Usage

    def as_object(self) -> dict[str, Any]:
        """What a line says of it."""
        return {"attempts": self.attempts, "usage": self.usage.as_object()}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a request is about, in our own terms. It is never sent: the prompt says the same in words.

    `wanted` is how many things are asked for, `taken` what exists already, `variation` tells apart
    requests for the same path.
    """

    path: tuple[str, ...] = ()
    variation: int = 0
    wanted: int = 1
    taken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplySchema:
    """The JSON Schema that a reply must satisfy; `strict` if it keeps to the subset providers can enforce."""

    name: str
    schema: JsonObject
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """One call to a chat model, whatever the provider.

    `because` says why the reply before it could not be used, where this one asks again. `continues` tells that an
    earlier call of the same work item has been answered: after a stop it is still made, so that nothing is paid twice.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    schema: ReplySchema | None = None
    schema_mode: SchemaMode = "native"
    tools: tuple[JsonObject, ...] = ()
    subject: Subject = field(default_factory=Subject)
    because: FailureKind | None = None
    continues: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer. `finish_reason` is OpenAI's: stop, length, tool_calls or content_filter.

    `headers` are the HTTP response's, as far as there was one.
    """

    text: str
    model: str
    finish_reason: str = "stop"
    usage: Usage = Usage()
    tool_calls: tuple[ToolCall, ...] = ()
    simulated: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
