"""Read records of a dataset: question and answer, metadata, and tool calls, which are also checked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deepfabric_core.chat.tools import Tool, arguments_of, text_of

# A line of the journal, or a record of a dataset.
JournalLine = Mapping[str, Any]


def key_of(line: JournalLine) -> tuple[str, int] | None:
    """Return the work item that a line of a checkpoint belongs to, by topic id and cycle; None if it names none."""
    topic_id, cycle = line.get("topic_id"), line.get("cycle")
    return (topic_id, cycle) if isinstance(topic_id, str) and isinstance(cycle, int) else None


def question_of(record: JournalLine) -> str | None:
    """Return the `question` of a record, or else its first user message; None if there is neither."""
    return _text(record.get("question")) or next(iter(_said(record, "user")), None)


def answer_of(record: JournalLine) -> str | None:
    """Return the `final_answer` or `answer` of a record, or else its last assistant message; None if there is none."""
    named = _text(record.get("final_answer")) or _text(record.get("answer"))
    return named or next(reversed(_said(record, "assistant")), None)


def question_and_answer(record: JournalLine) -> tuple[str, str]:
    """Return question and answer for a preview; for a record that isn't a conversation, its JSON and an empty text."""
    question = question_of(record)
    return (json.dumps(record, ensure_ascii=False), "") if question is None else (question, answer_of(record) or "")


def messages_of(record: JournalLine) -> list[JournalLine] | None:
    """Return the messages of a record, or None if it has none or they are malformed."""
    messages = record.get("messages")
    return messages if isinstance(messages, list) and all(isinstance(one, dict) for one in messages) else None


def _said(record: JournalLine, role: str) -> list[str]:
    spoken = [one.get("content") for one in messages_of(record) or () if one.get("role") == role]
    return [content for content in spoken if isinstance(content, str)]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def line_of(record: JournalLine) -> dict[str, Any]:
    """Return the journal line of a record, as far as it can be told from the record's metadata."""
    said = metadata_of(record)
    return {
        "topic_id": said.get("topic_id"),
        "cycle": said.get("cycle"),
        "path": path_of(record),
        "model": said.get("model"),
        "attempts": said.get("attempts"),
        "usage": {**mapping_of(said.get("usage")), "cost": said.get("cost")},
        "at": None,
        "sample": record,
    }


def line_in(content: JournalLine) -> JournalLine:
    """Return the journal line of what a line of a file holds: a journal's line or a record."""
    record = content.get("sample")
    if isinstance(record, dict) and "topic_id" in content and "cycle" in content:
        return {"path": path_of(record), **content}
    return line_of(content)


def path_of(record: JournalLine) -> tuple[str, ...]:
    """Return the topic path in a record's metadata, or ()."""
    path = metadata_of(record).get("topic_path")
    return tuple(path) if isinstance(path, list) and all(isinstance(name, str) for name in path) else ()


def metadata_of(record: JournalLine) -> JournalLine:
    """Return the metadata of a record; of one with a schema of the user's own only if they name its topic as ours do.

    >>> metadata_of({"title": "Tea", "metadata": {"author": "me"}})
    {}
    """
    said = mapping_of(record.get("metadata"))
    return said if "messages" in record or _names_a_topic(said) else {}


def _names_a_topic(said: JournalLine) -> bool:
    path = said.get("topic_path")
    return isinstance(path, list) and bool(path) and all(isinstance(name, str) for name in path)


def mapping_of(value: object) -> JournalLine:
    """Return a value that is an object; an empty one if it is anything else."""
    return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A tool call in a record; `result` is None if the record has no result for it."""

    id: str
    name: str
    arguments: str
    result: str | None


def calls_in(record: Mapping[str, Any]) -> Iterator[RecordedCall]:
    """Yield the tool calls of a record in their order.

    Raises:
        LookupError, TypeError, AttributeError: it isn't a record.
    """
    messages = record["messages"]
    results = {one.get("tool_call_id"): one.get("content") for one in messages if one.get("role") == "tool"}
    for message in messages:
        for call in message.get("tool_calls") or ():
            function = call["function"]
            arguments = text_of(function["arguments"])
            yield RecordedCall(call["id"], str(function["name"]), arguments, results.get(call["id"]))


def problems(record: Mapping[str, Any], tools: Mapping[str, Tool]) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong with a record's tool calls."""
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
