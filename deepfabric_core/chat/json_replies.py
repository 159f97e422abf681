"""Ask a model for JSON that matches a pydantic model or a JSON Schema, and ask again if the reply doesn't.

The generators here yield a `Request` and are sent a `Reply`; nothing here does any input or output.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from deepfabric_core.chat.json_schema import Checker, Uncheckable
from deepfabric_core.chat.messages import Message, Reply, ReplySchema, Request
from deepfabric_core.chat.strict_json import parsed
from deepfabric_core.errors import FailureKind, ReplyError

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

Asking = Generator[Request, Reply, T]
Parse = Callable[[str], T]

_SHOWN_CHARACTERS = 2000


@cache
def schema_of(model: type[BaseModel]) -> ReplySchema:
    """Return the JSON Schema of a pydantic model, in the strict form that OpenAI's structured output accepts."""
    schema = _plain(model.model_json_schema())
    for part in [schema, *schema.get("$defs", {}).values()]:
        part["additionalProperties"] = False
        part["required"] = list(part["properties"])
    return ReplySchema(name=model.__name__.lower(), schema=schema)


# What providers refuse in a strict schema, or what only costs tokens; the model class still checks the reply.
_NOT_SENT = frozenset({"title", "description", "default", "pattern"})


def _plain(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _plain(value) for key, value in part.items() if key not in _NOT_SENT}
    return part


def ask(request: Request, parse: Parse[T], *, retries: int) -> Asking[T]:
    """Ask until `parse` accepts the reply, at most `retries` more times; each time the model is shown the reason.

    Raises:
        ReplyError: no reply can be used; the message is the reason for the last one.
    """
    asked = request
    for attempts_left in range(retries, -1, -1):
        reply = yield asked
        try:
            return parse(usable_text(reply))
        except ReplyError as problem:
            if not attempts_left:
                raise
            asked = repair(request, reply, problem)
    raise AssertionError  # the loop returns or raises


def repair(request: Request, reply: Reply, problem: ReplyError) -> Request:
    """Return the request with the refused reply, the reason and the schema appended."""
    wanted = f" It must satisfy this JSON Schema: {json.dumps(request.schema.schema)}" if request.schema else ""
    complaint = (
        f"That reply could not be used: {problem}. Reply again with the whole corrected JSON object "
        f"and nothing else.{wanted}"
    )
    refused = (Message("assistant", reply.text[:_SHOWN_CHARACTERS] or "(nothing)"), Message("user", complaint))
    return replace(request, messages=request.messages + refused, because=problem.kind)


def usable_text(reply: Reply) -> str:
    """Return the text of a reply.

    Raises:
        ReplyError: it was withheld, cut off or empty.
    """
    if reply.finish_reason == "content_filter":
        raise ReplyError("the provider's content filter withheld the reply", kind=FailureKind.CONTENT_FILTER)
    if reply.finish_reason == "length":
        raise ReplyError("it was cut off at max_tokens, so be briefer", kind=FailureKind.TRUNCATED)
    if not reply.text.strip():
        raise ReplyError("it was empty", kind=FailureKind.INVALID_REPLY)
    return reply.text


def parser_of(model: type[M]) -> Parse[M]:
    """Return a function that parses a reply into `model`, or raises ReplyError."""

    def parse(text: str) -> M:
        try:
            return model.model_validate_json(_json_in(text))
        except ValidationError as problem:
            raise _refusal(problem) from problem

    return parse


def parser_of_schema(schema: dict[str, Any]) -> Parse[dict[str, Any]]:
    """Return a function that parses a reply into an object that satisfies a JSON Schema, or raises ReplyError."""
    checker = Checker(schema)

    def parse(text: str) -> dict[str, Any]:
        try:
            value = parsed(_json_in(text))
        except ValueError as problem:
            raise ReplyError(f"it isn't valid JSON ({problem})", kind=FailureKind.INVALID_JSON) from problem
        if not isinstance(value, dict):
            raise ReplyError("it isn't a JSON object", kind=FailureKind.INVALID_REPLY)
        try:
            misfit = checker.misfit(value)
        except Uncheckable as problem:
            raise ReplyError(f"it can't be checked: {problem}", kind=FailureKind.INVALID_REPLY) from problem
        if misfit:
            where = "/".join(map(str, misfit.path)) or "the object"
            raise ReplyError(f"{where}: {misfit.message[:300]}", kind=FailureKind.INVALID_REPLY)
        return value

    return parse


def _refusal(problem: ValidationError) -> ReplyError:
    first = problem.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return ReplyError(f"it isn't valid JSON ({first['ctx']['error']})", kind=FailureKind.INVALID_JSON)
    where = ".".join(str(part) for part in first["loc"]) or "the object"
    return ReplyError(f"{where}: {first['msg'].lower()}", kind=FailureKind.INVALID_REPLY)


def _json_in(text: str) -> str:
    """Return the JSON object inside a reply: models often wrap it in a code fence or a sentence."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text
