"""Data classes for messages, requests, replies and tool calls, independent of the provider."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from deepfabric_core.amounts import Spent as Spent  # noqa: PLC0414 - a part of requests and replies, too
from deepfabric_core.amounts import Usage as Usage  # noqa: PLC0414
from deepfabric_core.errors import FailureKind

Role = Literal["system", "user", "assistant", "tool"]
JsonObject = Mapping[str, Any]

# How a server is asked to keep to a schema, the strongest way first: by OpenAI's structured output, by JSON mode with
# the schema beside it, by a tool that the model has to call, by JSON mode alone, or in words; at last it isn't asked
# for JSON at all, but for one part after the other in plain text.
SchemaMode = Literal["json_schema", "json_object_schema", "tool", "json_object", "prompt", "plain_text"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call that a model asks for; `arguments` is a JSON text, as the provider sent it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    `shared` is how many characters at its beginning are the same in all requests of a kind; it isn't sent.
    """

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    shared: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """The topic of a request, for the simulated model and the demo. It is never sent: the prompt says the same.

    `wanted` is how many things are asked for, `taken` what exists already; `variation` distinguishes requests for the
    same path, and `attempt` counts the samples that were made for the same place before.
    """

    path: tuple[str, ...] = ()
    variation: int = 0
    wanted: int = 1
    taken: tuple[str, ...] = ()
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class ReplySchema:
    """The JSON Schema that a reply must satisfy; `strict` if it is in the subset that providers can enforce.

    `limits` is the same schema with the lengths of lists and texts, for servers that can enforce those too; `example`
    is a value in the form that is wanted, for models that are asked in words.
    """

    name: str
    schema: JsonObject
    strict: bool = True
    limits: JsonObject | None = None
    example: JsonObject | None = None


# What is asked for in plain text, one part after the other: it yields the messages of each call, is sent the text of
# its reply, and returns the object that the parts make up.
PlainParts = Generator[tuple[Message, ...], str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Request:
    """One call to a chat model, independent of the provider.

    `because` and `reason` say why the reply before it can't be used, if this request asks again; `redraw` is how often
    it was asked afresh, each time with another seed and a higher temperature, and `penalized` says that repetition is
    penalized then, since a reply ran in circles. `continues` says that an earlier call of the same work item has been
    answered: such a request is still made after a stop, so that nothing is paid twice. `tool_choice` is the name of a
    tool that has to be called. `plain` asks for the same without JSON. `messages_without_examples` take the place of
    the messages where the model only repeats the examples in them.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    schema: ReplySchema | None = None
    schema_mode: SchemaMode = "json_schema"
    tool_choice: str = ""
    tools: tuple[JsonObject, ...] = ()
    subject: Subject = field(default_factory=Subject)
    because: FailureKind | None = None
    reason: str = ""
    redraw: int = 0
    penalized: bool = False
    continues: bool = False
    plain: Callable[[], PlainParts] | None = None
    messages_without_examples: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's reply. `finish_reason` is one of OpenAI's: stop, length, tool_calls or content_filter.

    `simulated` says that a simulated model made it up, `demonstration` that it was written by hand for the demo.
    `headers` are those of the HTTP response, if there was one; `calls` is how many calls it took, and
    `by_tool` says that the text is what a forced tool was called with.
    """

    text: str
    model: str
    finish_reason: str = "stop"
    usage: Usage = field(default_factory=Usage)
    tool_calls: tuple[ToolCall, ...] = ()
    simulated: bool = False
    demonstration: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    calls: int = 1
    by_tool: bool = False
