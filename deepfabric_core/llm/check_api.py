"""Try a model with a few tiny calls: whether it answers, how it keeps to a schema, and whether it calls tools."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from deepfabric_core.chat.messages import Message, Reply, ReplySchema, Request, SchemaMode
from deepfabric_core.config.llm import Llm
from deepfabric_core.errors import ModelError
from deepfabric_core.llm.connect import bare, has_endpoint
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.llm.wrappers.known_ways import WAYS, forget_way, known_way
from deepfabric_core.llm.wrappers.structured_output import NAMES, in_way, is_in_form

_TOKENS = 100
_GREETING = Request((Message("user", "Say OK."),), max_tokens=5)
_SCHEMA = ReplySchema(
    "fruit",
    {
        "type": "object",
        "properties": {"fruit": {"type": "string"}},
        "required": ["fruit"],
        "additionalProperties": False,
    },
    example={"fruit": "Name of a fruit"},
)
_FRUIT = Request(
    (Message("user", 'Name a fruit that grows on trees. Reply as a JSON object with the key "fruit".'),),
    max_tokens=_TOKENS,
    schema=_SCHEMA,
)
_LOOK_UP = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Look up what a word means.",
        "parameters": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
    },
}
_TOOL = Request(
    (Message("user", "Look up with your tool what the word apple means."),), max_tokens=_TOKENS, tools=(_LOOK_UP,)
)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a way of asking: `fault` is empty if it works, `seconds` is how long the call took."""

    name: str
    fault: str
    seconds: float


async def try_model(settings: Llm, *, tools: bool) -> AsyncIterator[Trial]:
    """Yield what comes of each trial, and remember the strongest way for the runs to come.

    Raises:
        ModelError: the model doesn't answer at all.
    """
    async with _opened(settings) as model:
        began = time.monotonic()
        await model.complete(_GREETING)
        yield Trial("an answer", "", time.monotonic() - began)
        working: list[SchemaMode] = []
        for way in WAYS[:-1]:
            trial = await _tried(model, in_way(_FRUIT, way), NAMES[way], _keeps_to_form)
            if not trial.fault:
                working.append(way)
            yield trial
        _remember(settings, working)
        if tools:
            yield await _tried(model, _TOOL, "a tool call", lambda reply: bool(reply.tool_calls))


@asynccontextmanager
async def _opened(settings: Llm) -> AsyncIterator[ChatModel]:
    model = bare(settings)
    try:
        yield model
    finally:
        await model.close()


async def _tried(model: ChatModel, request: Request, name: str, is_fine: Callable[[Reply], bool]) -> Trial:
    began = time.monotonic()
    try:
        reply = await model.complete(request)
    except ModelError as problem:
        return Trial(name, str(problem), time.monotonic() - began)
    fault = "" if is_fine(reply) else "it is ignored"
    return Trial(name, fault, time.monotonic() - began)


def _keeps_to_form(reply: Reply) -> bool:
    if reply.tool_calls:
        return True
    return is_in_form(reply, _FRUIT) is True


def _remember(settings: Llm, working: list[SchemaMode]) -> None:
    if not has_endpoint(settings):
        return
    forget_way(settings)
    if working:
        known_way(settings).settle(working[0], proven=True)
