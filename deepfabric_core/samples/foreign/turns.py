"""Turns of a conversation, whatever their keys and speakers are called, as messages of our records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deepfabric_core.samples.foreign.calls import Call, CallIds, calls_in, result_texts, tagged_calls, tagged_results
from deepfabric_core.samples.foreign.reader import Message, Raw, UnreadableRecordError
from deepfabric_core.samples.foreign.reasoning import MESSAGE_KEYS, apart, reasoning_in
from deepfabric_core.samples.foreign.tools import parsed

CALL = "call"
# Who speaks, by the names that formats have for it.
ROLES: Mapping[str, str] = {
    "human": "user",
    "user": "user",
    "prompter": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "ai": "assistant",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
    "observation": "tool",
    "function_response": "tool",
    "function": "tool",
    "tool": "tool",
    "ipython": "tool",
    "function_call": CALL,
    "tool_call": CALL,
    "tool_calls": CALL,
}
_SPEAKERS = ("role", "from", "speaker")
_TEXTS = ("content", "value", "text")
_CALLS = ("tool_calls", "function_call")
_IDS = ("tool_call_id", "call_id")
_UNDERSTOOD = frozenset((*_SPEAKERS, *_TEXTS, *_CALLS, *_IDS, *MESSAGE_KEYS, "name", "weight", "type"))
_DEEPEST = 20


def role_of(turn: Raw) -> str | None:
    """Return who speaks in a turn, as our records call it, or "call" for a call that is a turn; None if unknown."""
    role = next((turn[key] for key in _SPEAKERS if turn.get(key) is not None), None)
    return ROLES.get(role.strip().casefold()) if isinstance(role, str) else None


def is_talk(value: Any) -> bool:
    """Whether a value is a list of turns."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) and role_of(one) for one in value)


def read_turns(turns: Any, ids: CallIds | None = None) -> tuple[list[Message], dict[str, Any]]:
    """Return the messages of turns, and what of them was not understood, by the number of the turn, from 1.

    Raises:
        UnreadableRecordError: something in it is no turn.
    """
    given = parsed(turns)
    if not isinstance(given, list) or not given:
        raise UnreadableRecordError("it has no messages")
    reading = _Reading(ids or CallIds())
    for number, turn in enumerate(given, 1):
        reading.add(number, parsed(turn))
    return reading.messages, reading.rest


class _Reading:
    """The messages so far."""

    def __init__(self, ids: CallIds) -> None:
        self.messages: list[Message] = []
        self.rest: dict[str, Any] = {}
        self._ids = ids

    def add(self, number: int, turn: Any) -> None:
        if not isinstance(turn, Mapping):
            raise UnreadableRecordError(f"message {number} in it is no object")
        role = role_of(turn)
        if role is None:
            said = next((turn[key] for key in _SPEAKERS if key in turn), None)
            who = f"is by {str(said)[:40]!r}, and nobody knows who that is" if said else "doesn't say who speaks"
            raise UnreadableRecordError(f"message {number} in it {who}")
        content = next((turn[key] for key in _TEXTS if turn.get(key) is not None), "")
        kept = {name: value for name, value in turn.items() if name not in _UNDERSTOOD and value is not None}
        if kept:
            self.rest[str(number)] = kept
        if role == "tool":
            self._add_results(turn, content)
        elif role == CALL:
            self._add_call(content)
        else:
            self._add_said(role, turn, content)

    def _add_results(self, turn: Raw, content: Any) -> None:
        identity = next((str(turn[key]) for key in _IDS if turn.get(key)), "")
        name = str(turn.get("name") or "")
        texts = [text_of(content)] if isinstance(content, list) and _is_text(content) else list(result_texts(content))
        for text in texts:
            self._add_result(text, identity, name)

    def _add_result(self, text: str, identity: str, name: str = "") -> None:
        own, is_named = self._ids.answered(identity, name)
        message: Message = {"role": "tool", "content": text}
        message |= {"tool_call_id": own} if own else {}
        self.messages.append(message | ({"name": name} if name and not is_named else {}))

    def _add_call(self, content: Any) -> None:
        thought, text = apart(content) if isinstance(content, str) else ("", content)
        calls = calls_in(text)
        self._ids.name(calls)
        last = self.messages[-1] if self.messages else {}
        if last.get("tool_calls") and not thought:
            last["tool_calls"].extend(calls)
            return
        reasoning = {"reasoning_content": thought} if thought else {}
        self.messages.append({"role": "assistant", "content": "", **reasoning, "tool_calls": calls})

    def _add_said(self, role: str, turn: Raw, content: Any) -> None:
        if role == "user" and isinstance(content, str) and (results := tagged_results(content)):
            for text in results:
                self._add_result(text, "")
            return
        parts = _Parts(content)
        for identity, text in parts.results:
            self._add_result(text, identity)
        if parts.results and not parts.content:
            return
        message: Message = {"role": role, "content": parts.content}
        if role == "assistant":
            message = self._answer(turn, parts)
        for key in ("name", "weight"):
            if turn.get(key) is not None:
                message[key] = turn[key]
        self.messages.append(message)

    def _answer(self, turn: Raw, parts: _Parts) -> Message:
        reasoning = reasoning_in(turn) or parts.reasoning
        content, calls = parts.content, parts.calls
        if isinstance(content, str):
            if not reasoning:
                reasoning, content = apart(content)
            if not any(turn.get(key) for key in _CALLS):
                content, tagged = tagged_calls(content)
                calls = calls + tagged
        for key in _CALLS:
            if turn.get(key):
                calls = calls + calls_in(turn[key])
        message: Message = {"role": "assistant", "content": content}
        if reasoning:
            message["reasoning_content"] = reasoning
        if calls:
            self._ids.name(calls)
            message["tool_calls"] = calls
        return message


class _Parts:
    """A content in parts: its text, and the reasoning, calls and results that stand beside it.

    Where there is anything but text, as a picture, `content` stays the list of those parts.
    """

    def __init__(self, content: Any) -> None:
        self.content: Any = content
        self.reasoning = ""
        self.calls: list[Call] = []
        self.results: list[tuple[str, str]] = []
        if isinstance(content, list):
            said = [part for part in content if not self._is_aside(part)]
            self.content = text_of(said) if _is_text(said) else said
        elif not isinstance(content, str):
            self.content = text_of(content)

    def _is_aside(self, part: Any) -> bool:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind in ("thinking", "reasoning"):
            thoughts = (part.get(name) for name in ("thinking", "reasoning", "text", "content"))
            text = next((one for one in thoughts if isinstance(one, str)), "")
            self.reasoning = "\n".join(filter(None, (self.reasoning, text)))
        elif kind in ("tool_use", "tool_call"):
            self.calls += calls_in(part)
        elif kind == "tool_result":
            identity = str(part.get("tool_use_id") or part.get("tool_call_id") or "")
            self.results.append((identity, text_of(part.get("content"))))
        else:
            return False
        return True


def _is_text(parts: Sequence[Any]) -> bool:
    return all(isinstance(part, str) or (isinstance(part, Mapping) and _text_in(part) is not None) for part in parts)


def _text_in(part: Raw) -> str | None:
    """Return the text of a part; None if it is a picture or the like."""
    text = next((part[key] for key in _TEXTS if part.get(key) is not None), None)
    return text if isinstance(text, str) else None


def text_of(value: Any, depth: int = 0) -> str:
    """Return the text of a content: a text, parts of one, or nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value)
    if depth > _DEEPEST:
        raise UnreadableRecordError("it is nested too deep")
    return "\n".join(text for text in _texts(value, depth) if text)


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, list):
        yield from (text_of(part, depth + 1) for part in value)
    elif isinstance(value, Mapping):
        found = next((value[key] for key in ("text", "content", "value") if value.get(key) is not None), None)
        yield text_of(found, depth + 1)
