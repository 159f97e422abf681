"""Definitions of tools, tool calls and results, and the check of a call's arguments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from deepfabric_core.chat.json_schema import Checker, Uncheckable
from deepfabric_core.chat.messages import JsonObject
from deepfabric_core.chat.strict_json import parsed

_SHOWN_CHARACTERS = 300


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """The definition of a tool; `parameters` is the JSON Schema of its arguments, of type object."""

    name: str
    description: str
    parameters: JsonObject

    def as_openai(self) -> dict[str, Any]:
        """Return the definition in OpenAI's format, as it is sent to models and recorded in samples."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool call to carry out; its arguments satisfy the tool's schema."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a tool call, as the model is shown it; `error` is the name of the error, or "" for success.

    `session` is the id under which a service keeps the state after the call, or "" if none does.
    """

    content: str
    error: str = ""
    session: str = field(default="", compare=False)


def text_of(value: Any) -> str:
    """Return a tool's result as text: a string as it is, anything else as JSON. Lone surrogates are replaced."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def arguments_of(tool: Tool, text: str) -> dict[str, Any]:
    """Parse and check the arguments of a call.

    Raises:
        ValueError: they aren't a JSON object, or don't satisfy the tool's schema; the message says how.
    """
    try:
        arguments = parsed(text.strip() or "{}")
        json.dumps(arguments, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as problem:
        said = str(problem)[:_SHOWN_CHARACTERS]
        raise ValueError(f"the arguments of {tool.name} aren't valid JSON ({said})") from problem
    if not isinstance(arguments, dict):
        raise ValueError(f"the arguments of {tool.name} aren't a JSON object")  # noqa: TRY004 - a reply, not a bug
    try:
        misfit = _checker(tool).misfit(arguments)
    except Uncheckable as problem:
        raise ValueError(f"the arguments of {tool.name} can't be checked: {problem}") from problem
    if misfit:
        where = ".".join(map(str, misfit.path))
        place = f"argument {where}" if where else "the arguments"
        raise ValueError(f"{place} of {tool.name}: {misfit.message[:_SHOWN_CHARACTERS]}")
    return arguments


@cache
def _checker(tool: Tool) -> Checker:
    return Checker(tool.parameters)


def by_name(tools: tuple[Tool, ...]) -> Mapping[str, Tool]:
    """Return the tools by name."""
    return {tool.name: tool for tool in tools}
