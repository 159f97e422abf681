"""A wrapper that offers tools natively where the model supports that, and by structured output where it doesn't."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ValidationError

from deepfabric_core.chat.json_replies import usable_text
from deepfabric_core.chat.messages import JsonObject, Message, Reply, ReplySchema, Request, ToolCall
from deepfabric_core.chat.prompt_caching import with_shared
from deepfabric_core.errors import FailureKind, ModelError, ReplyError
from deepfabric_core.events import Emit, Notice
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.llm.wrappers.known_ways import KnownWay

# How providers say that a model can't be offered tools: the words for tools and the refusal, in either order.
# `tools[0]...` names one definition; a mistake in it is no refusal of tools.
_TOOLS = r"\b(?:tools?\b(?!\[)|tool[ _-]?(?:use|choice|call)|function[ _-]?call)"
_UNABLE = (
    r"(?:n[o']t (?:be )?(?:support|enabl|allow|permit|available)|unsupported|unrecognized|requires --"
    r"|unknown (?:request )?(?:parameter|argument|field)|no endpoints found)"
)
_REFUSAL = re.compile(rf"{_TOOLS}.{{0,80}}{_UNABLE}|{_UNABLE}.{{0,80}}{_TOOLS}", re.IGNORECASE)
# A router reports that it finds no such model, llama.cpp a server error.
_FITTING = (FailureKind.BAD_REQUEST, FailureKind.UNKNOWN_MODEL, FailureKind.SERVER_ERROR)

# So many tasks without a call mean that the server drops tools unseen.
_IGNORED_TASKS = 3

_HOW = (
    'Reply as a JSON object with the key "decision". To call a tool, it holds an object with the keys "tool", a name, '
    'and "arguments", an object. To answer the user, it holds an object with the key "answer". Your tools:\n'
)
_ANSWER = "\n\nNow answer what I asked for, in full and in plain text."


class _Choice(BaseModel):
    tool: str = ""
    arguments: dict[str, Any] = {}
    answer: str = ""


class Decision(BaseModel):
    """A tool call or an answer."""

    decision: _Choice


def _schema(tools: tuple[JsonObject, ...]) -> ReplySchema:
    """Return the schema of a decision: a call of one of the tools, with arguments of its own schema, or an answer."""
    choices = []
    for number, tool in enumerate(tools):
        function = tool["function"]
        arguments = _moved(function["parameters"], f"#/properties/decision/anyOf/{number}/properties/arguments")
        choices.append(_object({"tool": {"type": "string", "enum": [function["name"]]}, "arguments": arguments}))
    choices.append(_object({"answer": {"type": "string"}}))
    return ReplySchema("decision", _object({"decision": {"anyOf": choices}}), strict=False)


def _moved(part: Any, place: str) -> Any:
    """Return a part of a schema for another place in a document, with its references adjusted."""
    if isinstance(part, list):
        return [_moved(one, place) for one in part]
    if not isinstance(part, Mapping):
        return part
    moved = {key: _moved(value, place) for key, value in part.items()}
    if isinstance(reference := part.get("$ref"), str) and reference.startswith("#"):
        moved["$ref"] = place + reference[1:]
    return moved


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


class ToolCalling:
    """A model that is offered tools in the way it supports, which is learned and then remembered.

    It may refuse tools, or take them and call none in its first replies to several tasks.
    """

    def __init__(self, model: ChatModel, emit: Emit, known: KnownWay | None = None) -> None:
        self._model = model
        self._emit = emit
        self._known = known or KnownWay()
        self._native = not self._known.ignores_tools
        self._ignored: int | None = 0  # tasks without a call in the first reply; None once there was a call

    @property
    def name(self) -> str:
        """Provider and model."""
        return self._model.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`.

        Raises:
            ReplyError: the tools were described in the prompt, and the reply is no valid decision.
        """
        offered = bool(request.tools) or any(message.role == "tool" for message in request.messages)
        if offered and self._native:
            try:
                reply = await self._model.complete(request)
            except ModelError as problem:
                if not _blames_tools(problem):
                    raise
                self._native = False
            else:
                self._judge(request, reply)
                return reply
        if not offered:
            return await self._model.complete(request)
        reply = await self._model.complete(_in_words(request))
        if not request.tools:
            return reply
        try:
            return _decided(reply)
        except ReplyError as problem:
            problem.reply = reply
            raise

    def _judge(self, request: Request, reply: Reply) -> None:
        """Count the tasks that got no call in the first reply; after some, tools are described in the prompt."""
        if not request.tools or self._ignored is None or request.because is not None:
            return
        if reply.tool_calls:
            self._ignored = None
        elif not any(message.role == "tool" for message in request.messages):
            self._ignored += 1
        if self._ignored == _IGNORED_TASKS and self._native:
            self._native = False
            self._known.offer_tools_in_words()
            self._emit(
                Notice(f"{self.name} calls none of the tools that it is offered: they are described in the prompt")
            )

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()


def _blames_tools(problem: ModelError) -> bool:
    return problem.kind in _FITTING and _REFUSAL.search(str(problem)) is not None


def _in_words(request: Request) -> Request:
    """Return the request with its tools and tool messages as text."""
    told = "\n".join(json.dumps(tool["function"], ensure_ascii=False) for tool in request.tools)
    messages = list(_plain(request.messages, _as_decision if request.tools else _as_sentence))
    if request.tools:
        messages[0] = with_shared(messages[0], f"{_HOW}{told}")
        return replace(request, messages=tuple(messages), tools=(), schema=_schema(request.tools))
    if request.messages[-1].role == "tool":
        messages[-1] = replace(messages[-1], content=messages[-1].content + _ANSWER)
    return replace(request, messages=tuple(messages))


def _plain(messages: tuple[Message, ...], said: Callable[[ToolCall], str]) -> Iterator[Message]:
    """Yield the messages with each call as it is `said`, each followed by its result."""
    results = {message.tool_call_id: message.content for message in messages if message.role == "tool"}
    for message in messages:
        for call in message.tool_calls:
            yield Message("assistant", said(call))
            yield Message("user", f"Result of {call.name}:\n{results.get(call.id, '')}")
        if message.role != "tool" and not message.tool_calls:
            yield message


def _as_decision(call: ToolCall) -> str:
    """Return a call in the form in which the model has to reply."""
    return f'{{"decision": {{"tool": {json.dumps(call.name)}, "arguments": {call.arguments}}}}}'


def _as_sentence(call: ToolCall) -> str:
    """Return a call in words, where the model has to answer in words."""
    return f"I use {call.name} with {call.arguments}."


def _decided(reply: Reply) -> Reply:
    said = usable_text(reply)
    text = said[said.find("{") : said.rfind("}") + 1]
    try:
        chosen = Decision.model_validate_json(text).decision
    except ValidationError as problem:
        raise ReplyError("the reply is neither a tool call nor an answer", kind=FailureKind.INVALID_JSON) from problem
    if not chosen.tool.strip():
        return replace(reply, text=chosen.answer)
    call = ToolCall("", chosen.tool.strip(), json.dumps(chosen.arguments, ensure_ascii=False))
    return replace(reply, text="", tool_calls=(call,), finish_reason="tool_calls")
