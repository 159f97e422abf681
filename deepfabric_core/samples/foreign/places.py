"""Where the turns of another tool's record stand in it, so that they are shown and edited there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from deepfabric_core.samples.foreign.turns import CALL, ROLES

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
    return ROLES.get(role.strip().casefold()) if isinstance(role, str) else None


def _turns_in(turns: list[Record], at: Place) -> Iterator[Turn]:
    for number, turn in enumerate(turns):
        key = "content" if "content" in turn else "value"
        role = _role_of(turn) or ""
        yield _turn("assistant" if role == CALL else role, turn.get(key), (*at, number, key))


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
    """Return what is asked: a text, or those of the messages of a prompt."""
    value = record.get(key)
    return _text_of(value["messages"] if isinstance(value, Mapping) and "messages" in value else value)
