"""A wrapper that asks for JSON in the strongest way that the server takes, which is found out by trying.

The ways, from the strongest, and what leads from one to the next::

    json_schema ──► json_object_schema ──► tool ──► json_object ──► prompt      the server refuses the way
    json_schema, json_object_schema ──► tool ──► json_object                    it takes it and doesn't keep to it
    json_object, prompt ──► plain_text                                          the model can't write JSON

The first request tries the ways one after the other while all others wait, so that a refusal costs one call and not one
for each call in flight. What was found is remembered for later runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from deepfabric_core.chat.json_mending import mended, object_text
from deepfabric_core.chat.messages import Reply, Request, SchemaMode
from deepfabric_core.chat.plain_text import CutOffError
from deepfabric_core.chat.prompt_caching import with_shared
from deepfabric_core.chat.repetition import runs_in_circles
from deepfabric_core.chat.strict_json import parsed
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.events import CallFailed, Emit, Notice, ReplyMended
from deepfabric_core.llm.error_mapping import refuses_all_formats, refuses_format
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.llm.wrappers.known_ways import WAYS, KnownWay
from deepfabric_core.llm.wrappers.retry import is_left_to_structured_output

# In seconds: how long others wait for the first request to find the way. Up to so many of them wait until it is
# answered, if that doesn't take too long; more of them only until it would have been refused.
_LONGEST_WAIT = 10.0
_FEW = 8
_WAIT_OF_MANY = 0.2
# So many replies in a row that aren't in the form that was asked for mean that this way doesn't work: a way that has
# never worked, and one that has.
_MISSES = 2
_MISSES_OF_PROVEN = 5

_OF_NO_USE = (FailureKind.INVALID_JSON, FailureKind.INVALID_REPLY)

NAMES: Mapping[SchemaMode, str] = {
    "json_schema": "a JSON Schema",
    "json_object_schema": "JSON mode with a schema",
    "tool": "a forced tool call",
    "json_object": "JSON mode",
    "prompt": "words",
    "plain_text": "plain text, one part after the other",
}
_AFTER_REFUSAL: Mapping[SchemaMode, SchemaMode] = {
    "json_schema": "json_object_schema",
    "json_object_schema": "tool",
    "tool": "json_object",
    "json_object": "prompt",
}
_AFTER_MISSES: Mapping[SchemaMode, SchemaMode] = {
    "json_schema": "tool",
    "json_object_schema": "tool",
    "tool": "json_object",
    "json_object": "plain_text",
    "prompt": "plain_text",
}
# These only ask; in the ways before them the server itself keeps to the form.
_UNENFORCED: tuple[SchemaMode, ...] = ("json_object", "prompt", "plain_text")


class StructuredOutput:
    """A model that is asked for JSON in the strongest way that it takes; small mistakes in its JSON are mended.

    `forced` is the only way that is used.
    """

    def __init__(
        self, model: ChatModel, emit: Emit, known: KnownWay | None = None, forced: SchemaMode | None = None
    ) -> None:
        self._model = model
        self._emit = emit
        self._known = known or KnownWay()
        self._forced = forced
        self._probing = asyncio.Lock()
        self._waiting = 0
        self._many = False

    @property
    def name(self) -> str:
        """Provider and model."""
        return self._model.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`."""
        if request.schema is None:
            return await self._model.complete(request)
        if self._forced is not None:
            return await self._in_forced_way(request, _possible(request, self._forced))
        if self._known.way is None and not self._probing.locked():
            async with self._probing:
                return await self._first_that_works(request)
        if self._known.way is None:
            await self._wait_for_the_probe()
        if request.because in _OF_NO_USE:
            self._refused(request)
        return await self._in_known_way(request)

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()

    async def _in_forced_way(self, request: Request, way: SchemaMode) -> Reply:
        try:
            return await self._in_way(request, way)
        except ModelError as problem:
            self._told(problem, way, given_up=True)
            raise

    async def _wait_for_the_probe(self) -> None:
        """Wait until the first request was answered, but not for ever: that one may hang."""
        self._waiting += 1
        self._many |= self._waiting > _FEW
        try:
            for seconds in (_WAIT_OF_MANY, _LONGEST_WAIT):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds), self._probing:
                        return
                if self._many:
                    return
        finally:
            self._waiting -= 1

    async def _first_that_works(self, request: Request) -> Reply:
        """Answer in the first way that the server takes and keeps to; if it takes none, raise the first error.

        The reply has the usage of those before it as well, which weren't in the form.
        """
        way = _possible(request, self._known.strongest)
        first: ModelError | None = None
        replies: list[Reply] = []
        while True:
            try:
                reply = await self._in_way(request, way, spelt_out=True)
            except ModelError as problem:
                first = first or problem
                following = _after_refusal(request, way, problem)
                self._told(problem, way, given_up=following is None)
                if following is None:
                    raise first from None
                self._known.rule_out(way, following)
            else:
                replies.append(reply)
                in_form = is_in_form(reply, request)
                if in_form is not False or way in _UNENFORCED:
                    # A text in place of the call of a tool shows that the model follows words.
                    self._found("prompt" if way == "tool" and not reply.by_tool else way, in_form)
                    return _summed(replies, reply.text, reply.finish_reason)
                following = _possible(request, _AFTER_MISSES[way])
            way = following

    def _found(self, way: SchemaMode, in_form: bool | None) -> None:
        """Take a way, unless its reply says nothing: then the next request tries it, too, but not for ever."""
        if in_form is None and (self._known.misses < _MISSES):
            self._known.misses += 1
            return
        self._settle(way, proven=in_form is True)
        self._known.misses = int(not in_form)
        self._known.asked = 1

    def _settle(self, way: SchemaMode, *, proven: bool) -> None:
        """Take a way from now on, and say so if it isn't the strongest."""
        if way not in (WAYS[0], self._known.way):
            self._emit(Notice(f"{self.name} takes no JSON Schema or doesn't keep to it: it is asked by {NAMES[way]}"))
        self._known.settle(way, proven=proven)

    async def _in_known_way(self, request: Request) -> Reply:
        """Answer in the way that is known; if the server refuses it after all, in the next one."""
        way = _possible(request, self._known.way or self._known.strongest)
        while True:
            try:
                reply = await self._in_way(request, way)
            except ModelError as problem:
                following = _after_refusal(request, way, problem) if refuses_format(str(problem)) else None
                self._told(problem, way, given_up=following is None)
                if following is None:
                    raise
                self._known.rule_out(way, following)
                if self._known.way == way:
                    self._settle(following, proven=False)
                way = _weaker(following, _possible(request, self._known.way or following))
                continue
            self._judge(request, way, reply)
            return reply

    def _judge(self, request: Request, way: SchemaMode, reply: Reply) -> None:
        """Count the replies in a row that aren't in the form; with too many, another way is taken from now on."""
        known = self._known
        known.asked += way == known.way
        if way != known.way or way not in _AFTER_MISSES or not reply.text.strip():
            return
        in_form = is_in_form(reply, request)
        if in_form is None and way not in _UNENFORCED:
            return  # it may have been cut off
        if in_form:
            known.proven, known.misses = True, 0
            return
        known.misses += 1
        if known.misses >= (_MISSES_OF_PROVEN if known.proven else _MISSES):
            self._take_instead(way, request)

    def _refused(self, request: Request) -> None:
        """Count a reply in the form that was of no use, such as an echo; if most are, plain text is asked for."""
        known = self._known
        if known.way not in ("json_object", "prompt"):
            return
        known.refused += 1
        if known.refused >= _MISSES and known.refused * 2 > known.asked:
            self._take_instead(known.way, request)

    def _take_instead(self, way: SchemaMode, request: Request) -> None:
        """Ask in another way from now on, since a way doesn't work."""
        following = _AFTER_MISSES[way]
        if following == "plain_text" and request.plain is None:
            return
        self._known.settle(following, proven=False)
        self._emit(Notice(f"{self.name} doesn't keep to {NAMES[way]}: it is asked by {NAMES[following]}"))

    async def _in_way(self, request: Request, way: SchemaMode, *, spelt_out: bool = False) -> Reply:
        """Answer in a way; `spelt_out` describes the form in words, too, if a tool is to be called."""
        if way == "plain_text":
            return await self._in_plain_text(request)
        reply = await self._model.complete(in_way(request, way, spelt_out=spelt_out))
        if way == "tool" and reply.tool_calls and not request.tools:
            reply = replace(
                reply, text=reply.tool_calls[0].arguments, tool_calls=(), finish_reason="stop", by_tool=True
            )
        return self._mended(request, reply)

    async def _in_plain_text(self, request: Request) -> Reply:
        """Ask for one part after the other; the reply is the object that they make up, written as JSON.

        A part that ran in circles until it was cut off is asked for once more.
        """
        assert request.plain is not None  # noqa: S101 - `_possible` has seen to that
        parts = request.plain()
        replies: list[Reply] = []
        messages = next(parts)
        while True:
            asked = replace(
                request,
                messages=messages,
                schema=None,
                schema_mode="plain_text",
                continues=request.continues or bool(replies),
            )
            replies.append(reply := await self._model.complete(asked))
            if reply.finish_reason == "length" and runs_in_circles(reply.text):
                again = replace(asked, redraw=asked.redraw + 1, penalized=True, continues=True)
                replies.append(reply := await self._model.complete(again))
            if reply.finish_reason == "content_filter" or not reply.text.strip():
                return _summed(replies, reply.text, reply.finish_reason)
            try:
                cut_off = CutOffError(reply.text) if reply.finish_reason == "length" else None
                messages = parts.throw(cut_off) if cut_off else parts.send(reply.text)
            except CutOffError:
                return _summed(replies, reply.text, "length")
            except StopIteration as end:
                return _summed(replies, json.dumps(end.value, ensure_ascii=False), "stop")

    def _mended(self, request: Request, reply: Reply) -> Reply:
        """Return the reply with its JSON mended, if it is broken and can be."""
        if reply.tool_calls or reply.finish_reason != "stop" or _parsed(reply.text) is not None:
            return reply
        value = mended(reply.text)
        if value is None:
            return reply
        self._emit(ReplyMended(request.subject.path))
        return replace(reply, text=json.dumps(value, ensure_ascii=False))

    def _told(self, problem: ModelError, way: SchemaMode, *, given_up: bool) -> None:
        """Emit the event for a refused call, which `Retrying` leaves to this wrapper."""
        if is_left_to_structured_output(way, problem):
            said = str(problem) if given_up else f"{problem} (asked by {NAMES[way]})"
            self._emit(CallFailed(problem.kind, said, retry_in=None if given_up else 0.0))


def in_way(request: Request, way: SchemaMode, *, spelt_out: bool = False) -> Request:
    """Return the request for a way of asking; where no schema is sent, the form is described in words."""
    schema = request.schema
    if schema is None or way == request.schema_mode:
        return request
    if way == "tool":
        function = {"name": schema.name, "description": "Give the answer.", "parameters": dict(schema.schema)}
        tools = ({"type": "function", "function": function},)
        request = _in_words(request) if spelt_out else request
        return replace(request, schema_mode=way, tools=tools, tool_choice=schema.name)
    if way not in ("json_object", "prompt"):
        return replace(request, schema_mode=way)
    return replace(_in_words(request), schema_mode=way)


def _in_words(request: Request) -> Request:
    """Return the request with the form in words: in the part that all requests share, or else at the end."""
    messages = list(request.messages)
    last = len(messages) - 1
    place = next((n for n in range(last, -1, -1) if messages[n].role == "user" and messages[n].shared), last)
    messages[place] = with_shared(messages[place], _form_of(request))
    return replace(request, messages=tuple(messages))


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


def _possible(request: Request, way: SchemaMode) -> SchemaMode:
    """Return the way, or a weaker one if the request can't be made in it."""
    if way == "tool" and request.tools:
        return "json_object"
    return "prompt" if way == "plain_text" and request.plain is None else way


def _weaker(one: SchemaMode, other: SchemaMode) -> SchemaMode:
    return max(one, other, key=WAYS.index)


def _after_refusal(request: Request, way: SchemaMode, problem: ModelError) -> SchemaMode | None:
    """Return the next way to try; if the server says that it takes no format at all, the next one without any."""
    following = _AFTER_REFUSAL.get(way)
    if following is None or problem.kind is not FailureKind.BAD_REQUEST:
        return None
    if way in ("json_schema", "json_object_schema") and refuses_all_formats(str(problem)):
        return "prompt" if request.tools else "tool"
    return _possible(request, following)


def is_in_form(reply: Reply, request: Request) -> bool | None:
    """Return whether a reply is an object with all that the schema requires; None if it can't be told."""
    if reply.finish_reason == "content_filter" or not (text := reply.text.strip()):
        return None
    value = _parsed(text)
    if value is None:
        return None if text.startswith("{") else False  # it may be cut off, or only this one be broken
    required = request.schema.schema.get("required", ()) if request.schema else ()
    return all(name in value for name in required)


@lru_cache(maxsize=1)
def _parsed(text: str) -> Mapping[str, Any] | None:
    """Return the object that a text is or holds, else None. Mending and judging a reply both ask for it."""
    try:
        value = parsed(object_text(text))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _summed(replies: list[Reply], text: str, finish_reason: str) -> Reply:
    """Return one reply for several, with the usage of all."""
    usage = replies[0].usage
    for reply in replies[1:]:
        usage += reply.usage
    calls = sum(reply.calls for reply in replies)
    return replace(replies[-1], text=text, finish_reason=finish_reason, usage=usage, calls=calls)
