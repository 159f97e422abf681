"""Tool calls as other tools write them: as objects, as JSON texts, and between tags in a text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from deepfabric_core.samples.foreign.reader import UnreadableRecordError
from deepfabric_core.samples.foreign.tools import parsed

Call = dict[str, Any]

_CALL = re.compile(r"\n?<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
_RESULT = re.compile(r"<tool_response>\n?(.*?)\n?</tool_response>", re.DOTALL)


def calls_in(value: Any) -> list[Call]:
    """Return calls in OpenAI's format, each with an id or "", of a list of them, of one, or of a JSON text.

    Raises:
        UnreadableRecordError: something in it is no call.
    """
    found = parsed(value)
    given = found if isinstance(found, list) else [found]
    return [_call(parsed(one)) for one in given]


def _call(one: Any) -> Call:
    function = parsed(one.get("function", one)) if isinstance(one, Mapping) else None
    if not isinstance(function, Mapping):
        raise UnreadableRecordError("a tool call in it is no JSON object with a name and arguments")
    name = function.get("name", function.get("tool_name"))
    if not isinstance(name, str) or not name:
        raise UnreadableRecordError("a tool call in it has no name")
    keys = ("arguments", "parameters", "input", "args")
    arguments: Any = next((function[key] for key in keys if function.get(key) is not None), {})
    return call_of(name, arguments, one.get("id"))


def call_of(name: str, arguments: Any, identity: Any = "") -> Call:
    """Return a call in OpenAI's format; its arguments are a JSON text."""
    text = (
        _encoded_once(arguments)
        if isinstance(arguments, str)
        else json.dumps(arguments, ensure_ascii=False, default=str)
    )
    own = identity if isinstance(identity, str) else "" if identity is None else str(identity)
    return {"id": own, "type": "function", "function": {"name": name, "arguments": text}}


def tagged_calls(text: str) -> tuple[str, list[Call]]:
    """Return a text without the calls between tags in it, and those; all as it is if one of them can't be read."""
    if "<tool_call>" not in text:
        return text, []
    try:
        calls = [call for found in _CALL.finditer(text) for call in calls_in(found[1])]
    except UnreadableRecordError:
        return text, []
    return (_CALL.sub("", text), calls) if calls else (text, [])


def tagged_results(text: str) -> list[str]:
    """Return the results of tools that a text is made of, between tags; none if it holds anything else."""
    if "<tool_response>" not in text or _RESULT.sub("", text).strip():
        return []
    return [found[1] for found in _RESULT.finditer(text)]


class CallIds:
    """Gives calls without an id one, and finds out which call a result without an id belongs to."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._waiting: list[tuple[str, str]] = []
        self._made = 0

    def name(self, calls: list[Call]) -> None:
        """Give each call its id, of nine letters and digits, as every template takes them."""
        self._known.update(call["id"] for call in calls)
        for call in calls:
            call["id"] = call["id"] or self._new()
            self._waiting.append((call["id"], call["function"]["name"]))

    def _new(self) -> str:
        while True:
            self._made += 1
            identity = f"call{self._made:05d}"
            if identity not in self._known:
                return identity

    def answered(self, identity: str, name: str) -> tuple[str, bool]:
        """Return the id of the call that a result belongs to, "" if there is none, and whether it has this name."""
        waiting = self._waiting
        own = next((one for one in waiting if identity and one[0] == identity), None)
        if own is None and not identity:
            own = next((one for one in waiting if one[1] == name), waiting[0] if waiting else None)
        if own is None:
            return identity, False
        waiting.remove(own)
        return own[0], own[1] == name


def result_texts(contents: Any) -> Iterator[str]:
    """Yield the results in the content of one message of a tool."""
    if isinstance(contents, str):
        yield from tagged_results(contents) or [contents]
    else:
        yield json.dumps(contents, ensure_ascii=False, default=str)


def _encoded_once(text: str) -> str:
    """Return a JSON text that was encoded as a JSON text once more as it was before."""
    if text[:1] != '"':
        return text
    try:
        inner = json.loads(text)
        return inner if isinstance(inner, str) and isinstance(json.loads(inner), dict) else text
    except (ValueError, RecursionError):
        return text
