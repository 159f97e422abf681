"""OpenAI's chat format, as both clients send and read it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

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


def reply_in(body: Mapping[str, Any], model: str, cost: float | None, headers: Mapping[str, str]) -> Reply:
    """The reply that a completion holds, parsed from JSON; empty where it has no choice.

    Raises:
        TypeError, LookupError, AttributeError: it isn't a completion.
    """
    choices = body["choices"]
    if not isinstance(choices, list):
        raise TypeError("choices must be a list")
    choice = choices[0] if choices else {}
    message = choice.get("message") or {}
    usage = body.get("usage") or {}
    calls = tuple(map(_tool_call, message.get("tool_calls") or ()))
    return Reply(
        text=_text(message),
        model=model,
        finish_reason=finish_reason(choice.get("finish_reason"), calls),
        usage=Usage(usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0, cost),
        tool_calls=calls,
        headers=headers,
    )


def error_in(body: Mapping[str, Any]) -> Any:
    """The error that a router reports inside a completion, in place of its choices or in the first; else None."""
    choices = body.get("choices")
    if not choices:
        return body if body.get("error") else None
    error = choices[0].get("error")
    return {"error": error} if error and not (choices[0].get("message") or {}).get("content") else None


def finish_reason(said: str | None, calls: tuple[ToolCall, ...]) -> str:
    """Why the model stopped, in OpenAI's words; some servers say stop when they mean tool calls."""
    reason = _FINISH_REASONS.get(said or "", "stop")
    return "tool_calls" if calls and reason == "stop" else reason


def _text(message: Mapping[str, Any]) -> str:
    """The answer alone: some servers put the model's thoughts in front of it."""
    content = message.get("content") or ""
    if not isinstance(content, str):
        content = "".join(part.get("text") or "" for part in content)
    if "</think" in content and not message.get("reasoning_content"):
        return _THOUGHTS.sub("", content, count=1) if _THOUGHTS.match(content) else content
    return content


def _tool_call(call: Mapping[str, Any]) -> ToolCall:
    function = call.get("function") or {}
    arguments = function.get("arguments") or "{}"
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments)
    return ToolCall(call.get("id") or "", function.get("name") or "", arguments)
