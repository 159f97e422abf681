"""OpenAI's chat-completions format: build requests and read replies, for both clients."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from deepfabric_core.chat.messages import Message, Reply, Request, ToolCall, Usage
from deepfabric_core.config.llm import Llm

# Any other finish reason, a provider's own or none at all, means that the model was done.
_FINISH_REASONS = {
    "length": "length",
    "max_tokens": "length",
    "MAX_TOKENS": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "SAFETY": "content_filter",
}
# Upper bounds: no call uses more, and a sum over any number of calls is still a finite number.
_MOST_TOKENS = 10**12
_MOST_DOLLARS = 1e6
# What other providers call the prompt tokens that were in their cache, and Anthropic those that were written to it.
_CACHED = ("cache_read_input_tokens", "prompt_cache_hit_tokens", "cached_tokens")
_STORED = "cache_creation_input_tokens"
_THOUGHTS = re.compile(r"(?s)\s*<(think|thinking)>.*?</\1>")


def sendable(text: str) -> str:
    """Return the text with each lone surrogate, which UTF-8 can't encode, replaced by a replacement character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def message_sent(message: Message) -> dict[str, Any]:
    """Return a message as the JSON object that is sent."""
    sent: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        sent["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        sent["tool_call_id"] = message.tool_call_id
    return sent


def has_response_format(request: Request) -> bool:
    """Return whether a request is sent with a `response_format`."""
    return request.schema is not None and request.schema_mode not in ("tool", "prompt")


def response_format(request: Request) -> dict[str, Any] | None:
    """Return the `response_format` parameter for a request; None where the prompt alone describes the schema."""
    schema = request.schema
    if schema is None or not has_response_format(request):
        return None
    if request.schema_mode == "json_object":
        return {"type": "json_object"}
    if request.schema_mode == "json_object_schema":
        limited = dict(schema.limits or schema.schema)
        return {"type": "json_object", "schema": limited, "value": limited}  # llama.cpp's key, and that of TGI
    described = {"name": schema.name, "schema": dict(schema.schema), "strict": schema.strict}
    return {"type": "json_schema", "json_schema": described}


# By how much the temperature rises each time that the same is asked afresh, and how far.
_WARMER = 0.15
_WARMEST = 1.0
# Enough to end a repetition, and too little to drive out the words of a text.
_AGAINST_CIRCLES = 0.5


def temperature(settings: Llm, request: Request) -> float:
    """Return the temperature for a request; it rises when the same is asked afresh."""
    if not request.redraw:
        return settings.temperature
    return max(settings.temperature, min(_WARMEST, round(settings.temperature + _WARMER * request.redraw, 2)))


def frequency_penalty(request: Request) -> float | None:
    """Return the penalty on repetition for a request; None where there is no reason for one."""
    return _AGAINST_CIRCLES if request.penalized else None


def seed(settings: Llm, request: Request) -> int | None:
    """Return the seed for a request, if the config has one: another one when the same is asked afresh."""
    return None if settings.seed is None else settings.seed + request.redraw


def tool_choice(request: Request) -> dict[str, Any] | None:
    """Return the `tool_choice` parameter for a request; None where the model is free to choose."""
    return {"type": "function", "function": {"name": request.tool_choice}} if request.tool_choice else None


def reply_in(body: Any, model: str, cost: float | None, headers: Mapping[str, str]) -> Reply:
    """Return the reply in a completion, which is parsed JSON or a litellm object; an empty one if it has no choice.

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
    """Return the usage that a provider states. Invalid numbers count as 0 and don't fail the call."""
    prompt = count(part(said, "prompt_tokens"))
    return Usage(prompt, count(part(said, "completion_tokens")), cost, min(cached_tokens(said), prompt))


def tokens_said(usage: Any) -> bool:
    """Return whether a usage says how many tokens were read and written; every call reads some."""
    return count(part(usage, "prompt_tokens")) > 0 and part(usage, "completion_tokens") is not None


def cached_tokens(usage: Any) -> int:
    """Return how many prompt tokens came from the provider's cache: OpenAI's word for it, or another one's."""
    found = count(part(part(usage, "prompt_tokens_details"), "cached_tokens"))
    return found or next(filter(None, (count(part(usage, name)) for name in _CACHED)), 0)


def stored_tokens(usage: Any) -> int:
    """Return how many prompt tokens were written to the provider's cache."""
    details = part(usage, "prompt_tokens_details")
    said = (part(details, "cache_write_tokens"), part(details, "cache_creation_tokens"), part(usage, _STORED))
    return next(filter(None, map(count, said)), 0)


def count(said: Any) -> int:
    """Return a number of tokens, or 0 where the value can't be one."""
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said <= _MOST_TOKENS:
        return 0
    return int(said) if said == int(said) else 0


def dollars(said: Any) -> float | None:
    """Return what a call cost in US dollars, or None where the value can't be a cost."""
    try:
        cost = math.nan if isinstance(said, bool) else float(said)
    except (TypeError, ValueError, OverflowError):
        return None
    return cost if 0 <= cost <= _MOST_DOLLARS else None


def part(whole: Any, name: str) -> Any:
    """Return the value under a name in a JSON or litellm object; None if it is missing or `whole` is no object."""
    if isinstance(whole, Mapping):
        return whole.get(name)
    return getattr(whole, name, None) if isinstance(whole, BaseModel) else None


def error_in(body: Any) -> Any:
    """Return the error that a router reports in a completion, in place of its choices or in the first; else None."""
    choices = part(body, "choices")
    if not choices:
        return part(body, "error") or None
    choice = choices[0] if isinstance(choices, list) else None
    if part(part(choice, "message"), "content"):
        return None
    return part(choice, "error") or part(part(choice, "provider_specific_fields"), "error") or None


def _finish_reason(said: Any, calls: tuple[ToolCall, ...]) -> str:
    """Return why the model stopped, in OpenAI's terms; some servers say stop when they mean tool calls."""
    reason = _FINISH_REASONS.get(said, "stop") if isinstance(said, str) else "stop"
    return "tool_calls" if calls and reason == "stop" else reason


def _text(message: Any) -> str:
    """Return the answer without the model's thoughts, which some servers put in front of it."""
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
    """Return a part that must be an object or be missing."""
    value = part(whole, name)
    if not isinstance(whole, Mapping | BaseModel) or not (value is None or isinstance(value, Mapping | BaseModel)):
        raise _no_completion(name)
    return value


def _list_in(whole: Any, name: str) -> list[Any]:
    """Return a part that must be a list or be missing."""
    value = part(whole, name) or []
    if not isinstance(value, list):
        raise _no_completion(name)
    return value


def _text_in(whole: Any, name: str) -> str:
    """Return a part that must be a text or be missing."""
    value = part(whole, name) or ""
    if not isinstance(value, str) or not isinstance(whole, Mapping | BaseModel | None):
        raise _no_completion(name)
    return value


def _no_completion(name: str) -> ValueError:
    return ValueError(f"{name} isn't what it is in a chat completion")
