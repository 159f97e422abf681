"""Read records of datasets in other shapes: OpenAI's messages, ShareGPT, Alpaca, a prompt and its completion.

Lines of our journal count too. A shape that isn't known is read as a record of the user's own schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

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
Place = tuple[str | int, ...]


class Turn(NamedTuple):
    """What is said at once. `place` are the keys and numbers that lead to its text; () where it isn't one text."""

    role: str
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class ForeignConversation:
    """The turns of a record in another shape than ours, and the keys of the record that hold them."""

    turns: tuple[Turn, ...]
    keys: frozenset[str]


def foreign_conversation(record: Record) -> ForeignConversation | None:
    """Return the conversation that a record holds in another shape than messages with roles; None if it holds none.

    >>> found = foreign_conversation({"instruction": "Sum up.", "input": "", "output": "So."})
    >>> [(turn.role, turn.text, turn.place) for turn in found.turns]
    [('user', 'Sum up.', ('instruction',)), ('assistant', 'So.', ('output',))]
    """
    if _has_roles(record.get("messages")):
        return None
    talk = next((key for key in _TALKS if _is_talk(record.get(key))), None)
    if talk:
        keys, turns = {talk}, list(_turns_in(record[talk], (talk,)))
    elif pair := _pair_keys(record):
        keys, turns = set(pair), list(_turns_of_pair(record, *pair))
    else:
        return None
    if isinstance(record.get("system"), str):
        keys.add("system")
        turns[:0] = [Turn("system", record["system"], ("system",))] if record["system"] else []
    return ForeignConversation(tuple(turns), frozenset(keys))


def _has_roles(messages: Any) -> bool:
    return isinstance(messages, list) and any(isinstance(one, Mapping) and "role" in one for one in messages)


def _is_talk(value: Any) -> bool:
    """Whether a value is a list of turns alone, so that nothing is lost when it is read as a conversation."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(one, Mapping) and _role_of(one) and not one.get("tool_calls") for one in value)


def _role_of(turn: Record) -> str | None:
    role = turn.get("role", turn.get("from"))
    return _ROLES.get(role.strip().casefold()) if isinstance(role, str) else None


def _turns_in(turns: list[Record], at: Place) -> Iterator[Turn]:
    for number, turn in enumerate(turns):
        key = "content" if "content" in turn else "value"
        role = _role_of(turn) or ""
        yield _turn("assistant" if role == "call" else role, turn.get(key), (*at, number, key))


def _turns_of_pair(record: Record, asked: str, answered: str, *more: str) -> Iterator[Turn]:
    for key, role in ((asked, "user"), *((key, "user") for key in more), (answered, "assistant")):
        value, at = record.get(key), (key,)
        if isinstance(value, Mapping) and _is_talk(value.get("messages")):
            yield from _turns_in(value["messages"], (key, "messages"))
        elif _is_talk(value):
            yield from _turns_in(value, at)  # type: ignore[arg-type]
        elif _text_of(value):
            yield _turn(role, value, at)


def _turn(role: str, value: Any, at: Place) -> Turn:
    return Turn(role, _text_of(value), at if isinstance(value, str) else ())


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
    known = _role_of(turn)
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
    if (keys := _pair_keys(record)) is None:
        return []
    asked, answered, *_ = keys
    answer = {"role": "assistant", "content": _text_of(record.get(answered))}
    return [{"role": "user", "content": _asked(record, asked)}, answer]


def _pair_keys(record: Record) -> tuple[str, ...] | None:
    """Return the keys of a question and of its answer, and that of Alpaca's input; None if there is no such pair."""
    asked = next((key for key in _ASKED if _asked(record, key)), None)
    answered = next((key for key in _ANSWERED if key != asked and _text_of(record.get(key))), None)
    if not asked or not answered:
        return None
    own = {asked, answered, "input"}
    if any(key not in own and key not in _ASIDE and _text_of(value) for key, value in record.items()):
        return None
    return (asked, answered, "input") if asked == "instruction" else (asked, answered)


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
