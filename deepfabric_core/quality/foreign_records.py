"""Read records of datasets in other shapes: OpenAI's messages, ShareGPT, Alpaca, a prompt and its completion.

Lines of our journal count too. A shape that isn't known is read as a record of the user's own schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepfabric_core.quality.candidate import Candidate, candidate_of

# ShareGPT's names of who speaks, and those of its relatives.
_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
    "observation": "tool",
    "function_response": "tool",
    "tool": "tool",
    "function_call": "call",
    "tool_call": "call",
}
# Keys that hold a conversation, and keys of what is asked and of what is answered: the first that is there counts.
_TALKS = ("messages", "conversations", "conversation")
_ASKED = ("instruction", "prompt", "question", "query", "problem", "input")
_ANSWERED = ("output", "completion", "response", "answer", "final_answer", "solution", "chosen", "preferred_output")
# What may stand beside a question and its answer without making it a record of another schema.
_ASIDE = frozenset(
    ("id", "uuid", "source", "category", "system", "history", "metadata", "rejected", "non_preferred_output")
)
_DEEPEST = 20

Record = Mapping[str, Any]


def foreign_candidate(record: Record) -> Candidate:
    """Return the candidate that a record of any dataset makes; one without texts has an empty `whole`."""
    record = _without_line(record)
    if _is_ours(record):
        return candidate_of(record)
    messages = _messages_in(record) or _pair_in(record)
    if messages:
        own = candidate_of({"metadata": record.get("metadata"), "messages": messages})
        return Candidate(own.question, own.answer, own.reasoning, own.path, record=record)
    return candidate_of(_bounded(record))


def _without_line(record: Record) -> Record:
    """Return the sample of a line of our journal; any other record is returned as it is."""
    sample = record.get("sample")
    return sample if isinstance(sample, Mapping) and "topic_id" in record and "cycle" in record else record


def _is_ours(record: Record) -> bool:
    """Whether it has messages whose contents are all texts or missing, as our records do."""
    messages = record.get("messages")
    if not isinstance(messages, list) or not all(isinstance(one, Mapping) for one in messages):
        return False
    return all(isinstance(one.get("content"), str | None) and isinstance(one.get("role"), str) for one in messages)


def _messages_in(record: Record) -> list[Record]:
    """Return the messages of a conversation under any of its usual keys; none if there are none."""
    for key in _TALKS:
        if found := _messages_of(record.get(key)):
            return found
    return []


def _messages_of(value: Any) -> list[Record]:
    if not isinstance(value, list):
        return []
    said = [_message_of(one) for one in value if isinstance(one, Mapping)]
    return [message for message in said if message is not None]


def _message_of(turn: Record) -> Record | None:
    role = turn.get("role", turn.get("from"))
    known = _ROLES.get(role.strip().casefold()) if isinstance(role, str) else None
    content = _text_of(turn.get("content", turn.get("value")))
    return {"role": known, "content": content} if known and known != "call" and content else None


def _text_of(value: Any, depth: int = 0) -> str:
    """Return the text of a content: a text, parts of one, or the messages of a prompt or a completion."""
    if isinstance(value, str):
        return value
    if depth > _DEEPEST:
        return ""
    if isinstance(value, list):
        return "\n".join(text for text in (_text_of(part, depth + 1) for part in value) if text)
    if isinstance(value, Mapping):
        return _text_of(value.get("text", value.get("content", value.get("value"))), depth + 1)
    return ""


def _pair_in(record: Record) -> list[Record]:
    """Return a question and its answer as messages; none if the record holds other texts beside them."""
    asked = next((key for key in _ASKED if _asked(record, key)), None)
    answered = next((key for key in _ANSWERED if key != asked and _text_of(record.get(key))), None)
    if not asked or not answered:
        return []
    own = {asked, answered, "input"}
    if any(key not in own and key not in _ASIDE and _text_of(value) for key, value in record.items()):
        return []
    answer = {"role": "assistant", "content": _text_of(record.get(answered))}
    return [{"role": "user", "content": _asked(record, asked)}, answer]


def _asked(record: Record, key: str) -> str:
    """Return what is asked: the user's messages if there are some; Alpaca's instruction is followed by its input."""
    value = record.get(key)
    if isinstance(value, Mapping) and "messages" in value:
        value = value["messages"]
    users = [message["content"] for message in _messages_of(value) if message["role"] == "user"]
    parts = users or [_text_of(value)]
    if key == "instruction":
        parts.append(_text_of(record.get("input")))
    return "\n".join(part for part in parts if part)


def _bounded(record: Record) -> Record:
    """Return a record without what is nested deeper than a record of people's making."""
    return {key: _cut(value, 1) for key, value in record.items()}


def _cut(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return None
    if isinstance(value, Mapping):
        return {key: _cut(part, depth + 1) for key, part in value.items()}
    return [_cut(part, depth + 1) for part in value] if isinstance(value, list) else value
