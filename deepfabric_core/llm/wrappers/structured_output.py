"""A wrapper that asks for JSON in the strongest way that the server takes, which is found out by trying."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, replace
from typing import get_args

from deepfabric_core.chat.messages import Message, Reply, Request, SchemaMode
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.events import CallFailed, Emit, Notice
from deepfabric_core.llm.error_mapping import refuses_format
from deepfabric_core.llm.model import ChatModel

# A server that doesn't take a format says so before the model begins.
_SECONDS_TO_REFUSE = 1.0

# The strongest first.
WAYS: tuple[SchemaMode, ...] = get_args(SchemaMode)

_NAMES: dict[SchemaMode, str] = {
    "json_schema": "a JSON Schema",
    "json_object_schema": "JSON mode with a schema",
    "tool": "a forced tool call",
    "json_object": "JSON mode",
    "prompt": "words",
}


@dataclass
class KnownWay:
    """The way that an endpoint and model are known to take; None until one has worked. Runs of a process share it."""

    way: SchemaMode | None = None


class StructuredOutput:
    """A model that is asked for JSON in the strongest way that it takes.

    The ways are tried one after the other with the first request, while all others wait for a short time. `forced` is
    the only way that is tried.
    """

    def __init__(
        self, model: ChatModel, emit: Emit, known: KnownWay | None = None, forced: SchemaMode | None = None
    ) -> None:
        self._model = model
        self._emit = emit
        self._known = known or KnownWay()
        self._forced = forced
        self._probing = asyncio.Lock()

    @property
    def name(self) -> str:
        """Provider and model."""
        return self._model.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`."""
        if request.schema is None:
            return await self._model.complete(request)
        if self._forced is not None:
            return await self._in_way(request, self._forced)
        if self._known.way is None and not self._probing.locked():
            async with self._probing:
                return await self._first_that_works(request, WAYS)
        if self._known.way is None:
            await self._wait_for_the_probe()
        way = self._known.way or WAYS[0]
        try:
            return await self._in_way(request, way)
        except ModelError as problem:
            if way == WAYS[-1] or not _may_be_the_format(problem, certain=True):
                raise
            self._told(problem, way)
        async with self._probing:
            known = self._known.way
            if known is not None and WAYS.index(known) > WAYS.index(way):
                return await self._in_way(request, known)
            return await self._first_that_works(request, WAYS[WAYS.index(way) + 1 :])

    async def _wait_for_the_probe(self) -> None:
        """Wait until the first request was answered, or so long that a server that refuses it would have said so."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS_TO_REFUSE), self._probing:
                return

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()

    async def _first_that_works(self, request: Request, ways: tuple[SchemaMode, ...]) -> Reply:
        """Answer in the first way that the server takes, and remember it; if it takes none, raise the first error."""
        first: ModelError | None = None
        for way in ways:
            if way == "tool" and request.tools:
                continue
            try:
                reply = await self._in_way(request, way)
            except ModelError as problem:
                if way == ways[-1] or not _may_be_the_format(problem, certain=False):
                    raise first or problem from None
                first = first or problem
                self._told(problem, way)
            else:
                if self._known.way != way and way != WAYS[0]:
                    self._emit(Notice(f"{self.name} can't be asked by {_NAMES[WAYS[0]]}: JSON is asked for by {_NAMES[way]}"))
                self._known.way = way
                return reply
        raise AssertionError  # the loop returns or raises

    async def _in_way(self, request: Request, way: SchemaMode) -> Reply:
        reply = await self._model.complete(in_way(request, way))
        if way == "tool" and reply.tool_calls and not request.tools:
            return replace(reply, text=reply.tool_calls[0].arguments, tool_calls=(), finish_reason="stop")
        return reply

    def _told(self, problem: ModelError, way: SchemaMode) -> None:
        """Count the refused call as one that is made again; the wrappers below leave that to this one."""
        if refuses_format(str(problem)):
            self._emit(CallFailed(problem.kind, f"{problem} (asked by {_NAMES[way]})", retry_in=0.0))


def in_way(request: Request, way: SchemaMode) -> Request:
    """Return the request for a way of asking; where no schema is sent, the form is described in words."""
    schema = request.schema
    if schema is None or way == request.schema_mode:
        return request
    if way == "tool":
        function = {"name": schema.name, "description": "Give the answer.", "parameters": dict(schema.schema)}
        tools = ({"type": "function", "function": function},)
        return replace(request, schema_mode=way, tools=tools, tool_choice=schema.name)
    if way not in ("json_object", "prompt"):
        return replace(request, schema_mode=way)
    *earlier, last = request.messages
    spelt_out = Message(last.role, f"{last.content}\n\n{_form_of(request)}")
    return replace(request, messages=(*earlier, spelt_out), schema_mode=way)


def _form_of(request: Request) -> str:
    """Return the form that is wanted, in words: by an example if there is one, else by the schema, but only once."""
    schema = request.schema
    if schema is None:
        return ""
    if schema.example is not None:
        example = json.dumps(schema.example, ensure_ascii=False)
        return f"Answer with one JSON object in this form and nothing else, each value in your own words: {example}"
    written = json.dumps(schema.schema)
    if any(written in message.content for message in request.messages):
        return "Answer with one JSON object and nothing else."
    return f"Answer with one JSON object that satisfies this JSON Schema, and nothing else: {written}"


def _may_be_the_format(problem: ModelError, *, certain: bool) -> bool:
    """Return whether a failure may come of the way of asking; unless `certain`, any bad request may."""
    return problem.kind is FailureKind.BAD_REQUEST and (not certain or refuses_format(str(problem)))
