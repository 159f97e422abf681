"""OpenAI's chat format, as both clients send and read it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from deepfabric_core.chat.messages import Message, Reply, Request, ToolCall, Usage

# Every other reason to finish, providers' own and none at all, means that the model was done.
_FINISH_REASONS = {
    "length": "length",
    "max_tokens": "length",
    "MAX_TOKENS": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "SAFETY": "content_filter",
}
# No call takes more, and what is summed up over any number of calls still is a number.
_MOST_TOKENS = 10**12
_MOST_DOLLARS = 1e6
_THOUGHTS = re.compile(r"(?s)\s*<(think|thinking)>.*?</\1>")


def sendable(text: str) -> str:
    """The text, with a replacement character for each half of a pair that is on its own, which UTF-8 can't hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def message_sent(message: Message) -> dict[str, Any]:
    """A message as it goes out."""
    sent: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        sent["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        sent["tool_call_id"] = message.tool_call_id
    return sent


def response_format(request: Request) -> dict[str, Any] | None:
    """How the provider is told of the schema; None where words alone tell it."""
    schema = request.schema
    if schema is None or request.schema_mode == "prompt":
        return None
    if request.schema_mode == "json":
        return {"type": "json_object"}
    described = {"name": schema.name, "schema": dict(schema.schema), "strict": schema.strict}
    return {"type": "json_schema", "json_schema": described}


def reply_in(body: Any, model: str, cost: float | None, headers: Mapping[str, str]) -> Reply:
    """The reply that a completion holds, be it parsed from JSON or one of litellm's; empty where it has no choice.

    Raises:
        ValueError: it isn't a completion.
    """
    choices = part(body, "choices")
    if not isinstance(choices, list):
        raise _no_completion("choices")
    choice = choices[0] if choices else None
    message = _object_in(choice, "message") if choices else None
    calls = tuple(map(_tool_call, _list_in(message, "tool_calls")))
    return Reply(
        text=_text(message),
        model=model,
        finish_reason=_finish_reason(part(choice, "finish_reason"), calls),
        usage=usage_in(part(body, "usage"), cost),
        tool_calls=calls,
        headers=headers,
    )


def usage_in(said: Any, cost: float | None) -> Usage:
    """The usage that a provider states; what can't be one counts as nothing, and is no failure of the call."""
    return Usage(count(part(said, "prompt_tokens")), count(part(said, "completion_tokens")), cost)


def count(said: Any) -> int:
    """A number of tokens, or 0 where it can't be one."""
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said <= _MOST_TOKENS:
        return 0
    return int(said) if said == int(said) else 0


def dollars(said: Any) -> float | None:
    """What a call cost, or None where it can't be that."""
    try:
        cost = math.nan if isinstance(said, bool) else float(said)
    except (TypeError, ValueError, OverflowError):
        return None
    return cost if 0 <= cost <= _MOST_DOLLARS else None


def part(whole: Any, name: str) -> Any:
    """What an object of JSON or of litellm's has under a name; None where it has nothing, or is no object at all."""
    if isinstance(whole, Mapping):
        return whole.get(name)
    return getattr(whole, name, None) if isinstance(whole, BaseModel) else None


def error_in(body: Any) -> Any:
    """The error that a router reports inside a completion, in place of its choices or in the first; else None."""
    choices = part(body, "choices")
    if not choices:
        return part(body, "error") or None
    choice = choices[0] if isinstance(choices, list) else None
    if part(part(choice, "message"), "content"):
        return None
    return part(choice, "error") or part(part(choice, "provider_specific_fields"), "error") or None


def _finish_reason(said: Any, calls: tuple[ToolCall, ...]) -> str:
    """Why the model stopped, in OpenAI's words; some servers say stop when they mean tool calls."""
    reason = _FINISH_REASONS.get(said, "stop") if isinstance(said, str) else "stop"
    return "tool_calls" if calls and reason == "stop" else reason


def _text(message: Any) -> str:
    """The answer alone: some servers put the model's thoughts in front of it."""
    content = part(message, "content") or ""
    if isinstance(content, list):
        content = "".join(_text_in(one, "text") for one in content)
    if not isinstance(content, str):
        raise _no_completion("content")
    if "</think" in content and not part(message, "reasoning_content"):
        return _THOUGHTS.sub("", content, count=1) if _THOUGHTS.match(content) else content
    return content


def _tool_call(call: Any) -> ToolCall:
    function = _object_in(call, "function")
    arguments = part(function, "arguments") or "{}"
    if not isinstance(arguments, str):
        try:
            arguments = json.dumps(arguments)
        except (TypeError, RecursionError) as problem:
            raise _no_completion("arguments") from problem
    said = part(call, "id")
    return ToolCall(said if isinstance(said, str) else "", _text_in(function, "name"), arguments)


def _object_in(whole: Any, name: str) -> Any:
    """A part that must be an object, and may be missing."""
    value = part(whole, name)
    if not isinstance(whole, Mapping | BaseModel) or not (value is None or isinstance(value, Mapping | BaseModel)):
        raise _no_completion(name)
    return value


def _list_in(whole: Any, name: str) -> list[Any]:
    """A part that must be a list, and may be missing."""
    value = part(whole, name) or []
    if not isinstance(value, list):
        raise _no_completion(name)
    return value


def _text_in(whole: Any, name: str) -> str:
    """A part that must be a text, and may be missing."""
    value = part(whole, name) or ""
    if not isinstance(value, str) or not isinstance(whole, Mapping | BaseModel | None):
        raise _no_completion(name)
    return value


def _no_completion(name: str) -> ValueError:
    return ValueError(f"{name} isn't what it is in a chat completion")
