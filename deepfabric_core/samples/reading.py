"""Read any record: its question and answer, what its metadata says, and its tool calls; and check those."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deepfabric_core.chat.tools import Tool, arguments_of, text_of

# A line of a journal, or a record of a dataset.
JournalLine = Mapping[str, Any]


def question_of(record: JournalLine) -> str | None:
    """Return what a record names its question, or else what its user said first; None where there is neither."""
    return _text(record.get("question")) or next(iter(_said(record, "user")), None)


def answer_of(record: JournalLine) -> str | None:
    """Return what a record names its answer, or else what its assistant said last; None where there is neither."""
    named = _text(record.get("final_answer")) or _text(record.get("answer"))
    return named or next(reversed(_said(record, "assistant")), None)


def question_and_answer(record: JournalLine) -> tuple[str, str]:
    """Return both as a preview shows them: of a record that isn't a conversation, its JSON and nothing."""
    question = question_of(record)
    return (json.dumps(record, ensure_ascii=False), "") if question is None else (question, answer_of(record) or "")


def messages_of(record: JournalLine) -> list[JournalLine] | None:
    """Return the messages of a record, or None where it has none or they are no messages."""
    messages = record.get("messages")
    return messages if isinstance(messages, list) and all(isinstance(one, dict) for one in messages) else None


def _said(record: JournalLine, role: str) -> list[str]:
    spoken = [one.get("content") for one in messages_of(record) or () if one.get("role") == role]
    return [content for content in spoken if isinstance(content, str)]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def line_of(record: JournalLine) -> dict[str, Any]:
    """Return the journal's line of a record, as far as its metadata says how it came about."""
    said = metadata_of(record)
    return {
        "topic_id": said.get("topic_id"),
        "cycle": said.get("cycle"),
        "path": path_of(record),
        "model": said.get("model"),
        "attempts": said.get("attempts"),
        "usage": {**_mapping(said.get("usage")), "cost": said.get("cost")},
        "at": None,
        "sample": record,
    }


def path_of(record: JournalLine) -> tuple[str, ...]:
    """Return the topic path that a record's metadata names, or ()."""
    path = metadata_of(record).get("topic_path")
    return tuple(path) if isinstance(path, list) and all(isinstance(name, str) for name in path) else ()


def metadata_of(record: JournalLine) -> JournalLine:
    """Return what a record says of itself; one of the user's own schema says nothing."""
    return _mapping(record.get("metadata")) if "messages" in record else {}


def _mapping(value: object) -> JournalLine:
    return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call of a record, with what it answered."""

    id: str
    name: str
    arguments: str
    result: str | None


def calls_in(record: Mapping[str, Any]) -> Iterator[RecordedCall]:
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
            yield RecordedCall(call["id"], str(function["name"]), arguments, results.get(call["id"]))


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
