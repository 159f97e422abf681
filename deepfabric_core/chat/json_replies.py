"""Ask a model for JSON that matches a pydantic model or a JSON Schema, and ask again if the reply doesn't.

The generators here yield a `Request` and are sent a `Reply`; nothing here does any input or output.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from deepfabric_core.chat.json_mending import object_text
from deepfabric_core.chat.json_schema import Checker, Uncheckable
from deepfabric_core.chat.messages import Message, Reply, ReplySchema, Request
from deepfabric_core.chat.repetition import runs_in_circles
from deepfabric_core.chat.strict_json import parsed
from deepfabric_core.errors import FailureKind, Remedy, ReplyError

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

Asking = Generator[Request, Reply, T]
Parse = Callable[[str], T]

_SHOWN_CHARACTERS = 2000
# Fewer characters can't be a question or an answer; asked of servers that can enforce it.
_SHORTEST_TEXT = 12

# What pydantic calls a mistake, in words for the person and the model that read it.
_IN_WORDS = {
    "missing": "{} is missing",
    "string_pattern_mismatch": "{} is empty",
    "string_type": "{} has to be a text",
    "list_type": "{} has to be a list",
    "dict_type": "{} has to be an object",
    "model_type": "{} has to be an object",
    "int_parsing": "{} has to be a whole number",
    "int_type": "{} has to be a whole number",
}


@cache
def schema_of(model: type[BaseModel]) -> ReplySchema:
    """Return the JSON Schema of a pydantic model, in the strict form that OpenAI's structured output accepts."""
    schema = _plain(model.model_json_schema())
    for part in [schema, *schema.get("$defs", {}).values()]:
        part["additionalProperties"] = False
        part["required"] = list(part["properties"])
    return ReplySchema(name=model.__name__.lower(), schema=schema)


def texts_schema(model: type[BaseModel], example: dict[str, str]) -> ReplySchema:
    """Return the schema of a model whose fields are texts for people, with an example and their least length."""
    plain = schema_of(model)
    texts = {name: {**part, "minLength": _SHORTEST_TEXT} for name, part in plain.schema["properties"].items()}
    return replace(plain, example=example, limits={**plain.schema, "properties": texts})


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
            asked = repair(drawn_after(asked, request), reply, problem)
    raise AssertionError  # the loop returns or raises


def drawn_after(asked: Request, request: Request) -> Request:
    """Return a request that is drawn as the last one was that was asked."""
    return replace(request, because=asked.because, redraw=asked.redraw, penalized=asked.penalized)


def repair(request: Request, reply: Reply, problem: ReplyError) -> Request:
    """Return the request that asks again, with the reason.

    A reply that is nearly right is shown to the model to be corrected. One that holds no object, or far too much, or
    says what nobody wants, would only mislead it: then the same is asked afresh, with the reason.
    """
    is_shown = problem.remedy == "correct" and "{" in reply.text and len(reply.text) <= _SHOWN_CHARACTERS
    if not is_shown or request.because is not None:
        without = request.messages_without_examples if problem.remedy == "omit_examples" else ()
        *earlier, last = without or request.messages
        said = f"{last.content}\n\nMind that an earlier reply could not be used: {problem.for_model}."
        afresh = replace(last, content=said)
        return replace(
            request,
            messages=(*earlier, afresh),
            because=problem.kind,
            reason=str(problem),
            redraw=request.redraw + 1,
            penalized=request.penalized or problem.remedy == "penalize",
        )
    complaint = (
        f"That reply could not be used: {problem.for_model}. "
        "Reply again with the whole corrected JSON object and nothing else."
    )
    refused = (Message("assistant", reply.text), Message("user", complaint))
    return replace(request, messages=request.messages + refused, because=problem.kind, reason=str(problem))


def usable_text(reply: Reply) -> str:
    """Return the text of a reply.

    Raises:
        ReplyError: it was withheld, cut off or empty.
    """
    if reply.finish_reason == "content_filter":
        raise ReplyError("the provider's content filter withheld the reply", kind=FailureKind.CONTENT_FILTER)
    if reply.finish_reason == "length":
        raise _cut_off(reply.text)
    if not reply.text.strip():
        raise ReplyError("the reply was empty", kind=FailureKind.INVALID_REPLY)
    return reply.text


def _cut_off(text: str) -> ReplyError:
    remedy: Remedy = "redraw"
    message, for_model = "the reply was cut off at max_tokens", "it was cut off, so be briefer"
    if runs_in_circles(text):
        message = "the reply repeated itself until it was cut off at max_tokens"
        for_model = "it repeated itself until it was cut off, so be brief and say each thing once"
        remedy = "penalize"
    return ReplyError(message, kind=FailureKind.TRUNCATED, for_model=for_model, remedy=remedy)


def parser_of(model: type[M]) -> Parse[M]:
    """Return a function that parses a reply into `model`, or raises ReplyError."""

    def parse(text: str) -> M:
        value = _object_in(text)
        try:
            return model.model_validate(value)
        except ValidationError as problem:
            raise _refusal(problem) from problem

    return parse


def parser_of_schema(schema: dict[str, Any]) -> Parse[dict[str, Any]]:
    """Return a function that parses a reply into an object that satisfies a JSON Schema, or raises ReplyError."""
    checker = Checker(schema)

    def parse(text: str) -> dict[str, Any]:
        value = _object_in(text)
        try:
            misfit = checker.misfit(value)
        except Uncheckable as problem:
            raise ReplyError(f"the reply can't be checked: {problem}", kind=FailureKind.INVALID_REPLY) from problem
        if misfit:
            where = "/".join(map(str, misfit.path)) or "the object"
            raise ReplyError(f"{where}: {misfit.message[:300]}", kind=FailureKind.INVALID_REPLY)
        return value

    return parse


def _refusal(problem: ValidationError) -> ReplyError:
    first = problem.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the object"
    said = _IN_WORDS.get(first["type"])
    return ReplyError(
        said.format(where) if said else f"{where}: {first['msg'].lower()}", kind=FailureKind.INVALID_REPLY
    )


def _object_in(text: str) -> dict[str, Any]:
    """Return the JSON object in a reply. Models often wrap it in a code fence or a sentence."""
    try:
        value = parsed(object_text(text))
    except ValueError as problem:
        why = f": {problem}" if "{" in text else ", but other text"
        raise ReplyError(f"the reply isn't valid JSON{why}", kind=FailureKind.INVALID_JSON) from problem
    if not isinstance(value, dict):
        raise ReplyError("the reply isn't a JSON object", kind=FailureKind.INVALID_REPLY)
    return value
