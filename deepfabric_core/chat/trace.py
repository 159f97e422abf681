"""The format of a trace: a JSON line for each call to a model, after a line that says what the file is.

::

    {"trace": 1, "started_at": 1764000000.0, "config": "tea.yaml"}
    {"at": 1764000000.2, "stage": "topics", "model": "openai/gpt-4o", "request": {...}, "way": "json_schema", ...}

A run that is resumed adds a first line and calls of its own. What is empty is left out of a line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from deepfabric_core.chat.messages import Message, Reply, Request, SchemaMode, ToolCall, Usage
from deepfabric_core.errors import ConfigError, FailureKind

VERSION = 1

# The texts in these places are always words of this program.
_OUR_WORDS = frozenset({"stage", "way", "because", "role", "schema", "finish_reason", "kind"})

_Seconds = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class TraceHeader:
    """The first line of a session: the version of the format, when it began, and the config's file name."""

    trace: int
    started_at: _Seconds
    config: str = ""


@dataclass(frozen=True, slots=True)
class TracedRequest:
    """What was sent; of the schema and the tools the names alone."""

    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float | None = None
    seed: int | None = None
    schema: str = ""
    tools: tuple[str, ...] = ()
    tool_choice: str = ""

    @property
    def offered_tools(self) -> tuple[str, ...]:
        """The tools that the model was free to call."""
        return () if self.tool_choice else self.tools


@dataclass(frozen=True, slots=True)
class TracedSubject:
    """What was asked about; see `Subject`."""

    path: tuple[str, ...]
    variation: int
    wanted: int


@dataclass(frozen=True, slots=True)
class TracedReply:
    """The model's reply, with the marks of a simulated model or the demo; its usage stands in the call."""

    text: str
    model: str
    finish_reason: str
    tool_calls: tuple[ToolCall, ...] = ()
    simulated: bool = False
    demonstration: bool = False


@dataclass(frozen=True, slots=True)
class TracedError:
    """Why there was no reply: the kind of failure, or "cancelled" where the run didn't wait for the reply."""

    kind: str
    message: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class TracedCall:
    """One call to a model: what was asked, in which way and about what, and what came of it.

    `at` is when it began, in seconds since the epoch. `way` is how JSON was asked for, None where it wasn't.
    `because` says why the reply before it couldn't be used, if this call asks again.
    """

    at: _Seconds
    stage: str
    model: str
    request: TracedRequest
    way: SchemaMode | None
    subject: TracedSubject
    seconds: _Seconds
    prompt_tokens: _Count
    completion_tokens: _Count
    cost: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
    because: str = ""
    reply: TracedReply | None = None
    error: TracedError | None = None
    cached_tokens: _Count = 0

    @property
    def usage(self) -> Usage:
        """Tokens and cost."""
        return Usage(self.prompt_tokens, self.completion_tokens, self.cost, self.cached_tokens)


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace that was read: the calls of each session, and the numbers of the lines that are damaged."""

    source: str
    sessions: tuple[tuple[TracedCall, ...], ...]
    damaged: tuple[int, ...] = ()

    @property
    def calls(self) -> list[TracedCall]:
        """All calls, in the order in which they ended."""
        return [call for session in self.sessions for call in session]


def asked(request: Request, model: str = "", *, at: float = 0.0) -> TracedCall:
    """Return the call that a request begins, without a reply."""
    schema, subject = request.schema, request.subject
    return TracedCall(
        at=at,
        stage="",
        model=model,
        request=TracedRequest(
            tuple(replace(message, shared=0) for message in request.messages),
            request.max_tokens,
            schema=schema.name if schema else "",
            tools=tuple(tool["function"]["name"] for tool in request.tools),
            tool_choice=request.tool_choice,
        ),
        way=request.schema_mode if schema or request.schema_mode == "plain_text" else None,
        subject=TracedSubject(subject.path, subject.variation, subject.wanted),
        seconds=0.0,
        prompt_tokens=0,
        completion_tokens=0,
        cost=None,
        because=request.because.value if request.because else "",
    )


def traced_reply(reply: Reply) -> TracedReply:
    """Return a reply as it is recorded."""
    marks = reply.simulated, reply.demonstration
    return TracedReply(reply.text, reply.model, reply.finish_reason, reply.tool_calls, *marks)


def line_of(entry: TraceHeader | TracedCall, hide: Callable[[str], str], hide_known: Callable[[str], str]) -> bytes:
    """Return the line of a header or a call. `hide_known` is applied to the texts of replies, `hide` to all others.

    A reply is data: it would be another one if what only looks like a secret were missing in it.
    """
    content = _as_object(entry, hide)
    if isinstance(entry, TracedCall) and entry.reply:
        content["reply"] = _as_object(entry.reply, hide_known)
    return json.dumps(content, ensure_ascii=False).encode() + b"\n"


def _as_object(value: Any, hide: Callable[[str], str]) -> Any:
    """Return a value as JSON types, without what is as it is by default."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, tuple):
        return [_as_object(one, hide) for one in value]
    if not is_dataclass(value):
        return value
    parts = ((part, getattr(value, part.name)) for part in fields(value))
    return {
        part.name: own if part.name in _OUR_WORDS else _as_object(own, hide)
        for part, own in parts
        if own != part.default
    }


_CALL = TypeAdapter(TracedCall)
_HEADER = TypeAdapter(TraceHeader)


def trace_in(lines: Iterable[bytes], source: str) -> Trace:
    """Read a trace from its lines; an incomplete last line, as a killed process may leave it, is ignored.

    Raises:
        ConfigError: it is no trace, or one of a later version.
    """
    sessions: list[list[TracedCall]] = []
    damaged: list[int] = []
    for number, line in enumerate(lines, 1):
        entry = _entry(line)
        if isinstance(entry, TraceHeader):
            _check_version(entry, source, number)
            sessions.append([])
        elif not sessions:
            break
        elif entry is not None:
            sessions[-1].append(entry)
        elif line.endswith(b"\n") and line.strip():
            damaged.append(number)
    if not sessions:
        raise ConfigError(f"{source}: it isn't a trace; name a file that deepfabric generate --trace has written.")
    return Trace(source, tuple(map(tuple, sessions)), tuple(damaged))


def _entry(line: bytes) -> TraceHeader | TracedCall | None:
    """Return what a line holds; None if it is damaged."""
    try:
        return _CALL.validate_json(line)
    except ValidationError:
        pass
    try:
        return _HEADER.validate_json(line)
    except ValidationError:
        return None


def _check_version(header: TraceHeader, source: str, number: int) -> None:
    if header.trace != VERSION:
        raise ConfigError(
            f"{source}, line {number}: the trace has version {header.trace}, and only version {VERSION} can be read; "
            "use the version of deepfabric that wrote it."
        )


def failure(problem: BaseException, kind: FailureKind | None, status: int | None = None) -> TracedError:
    """Return why a call had no reply; `kind` is None if nobody waited for it."""
    if kind is None:
        return TracedError("cancelled", "the run didn't wait for the reply")
    return TracedError(kind.value, str(problem) or type(problem).__name__, status)
