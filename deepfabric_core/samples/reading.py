"""The tool calls of a record: read from it, and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deepfabric_core.chat.tools import Tool, arguments_of, text_of


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call of a record, with what it answered."""

    id: str
    name: str
    arguments: str
    result: str | None


def calls_in(record: Mapping[str, Any]) -> Iterator[Recorded]:
    """The calls of a record in their order; one that nothing answers has no result.

    Raises:
        LookupError, TypeError, AttributeError: it is no record.
    """
    messages = record["messages"]
    results = {one.get("tool_call_id"): one.get("content") for one in messages if one.get("role") == "tool"}
    for message in messages:
        for call in message.get("tool_calls") or ():
            function = call["function"]
            arguments = text_of(function["arguments"])
            yield Recorded(call["id"], str(function["name"]), arguments, results.get(call["id"]))


def problems(record: Mapping[str, Any], tools: Mapping[str, Tool]) -> Iterator[str]:
    """What is wrong with a record's calls, a sentence each."""
    calls = list(calls_in(record))
    if len({call.id for call in calls}) < len(calls):
        yield "two calls have the same id"
    answered = [one.get("tool_call_id") for one in record["messages"] if one.get("role") == "tool"]
    if answered != [call.id for call in calls]:
        yield "calls and results don't pair up"
    for call in calls:
        if call.name not in tools:
            yield f"there is no tool {call.name}"
            continue
        try:
            arguments_of(tools[call.name], call.arguments)
        except ValueError as problem:
            yield str(problem)
    last = (record["messages"] or [{}])[-1]
    if last.get("role") != "assistant" or not text_of(last.get("content") or "").strip():
        yield "the final answer is missing"
