"""Tools as a model is told of them: their definitions, and whether a call keeps to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from deepfabric_core.chat.messages import JsonObject

_SHOWN_CHARACTERS = 300


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """A tool's definition; `parameters` is the JSON Schema of its arguments, an object."""

    name: str
    description: str
    parameters: JsonObject

    def as_openai(self) -> dict[str, Any]:
        """The definition in OpenAI's format, as it is sent and recorded."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered, as the model is shown it; `error` is the error's name, or "" where all went well."""

    content: str
    error: str = ""


def arguments_of(tool: Tool, text: str) -> dict[str, Any]:
    """The arguments of a call.

    Raises:
        ValueError: they aren't a JSON object, or don't keep to the tool's schema; the message says how.
    """
    try:
        arguments = json.loads(text or "{}")
    except ValueError as problem:
        raise ValueError(f"the arguments of {tool.name} aren't valid JSON ({problem})") from problem
    if not isinstance(arguments, dict):
        raise ValueError(f"the arguments of {tool.name} aren't a JSON object")
    error = next(iter(_validator(tool).iter_errors(arguments)), None)
    if error is not None:
        where = ".".join(str(part) for part in error.absolute_path)
        place = f"argument {where}" if where else "the arguments"
        raise ValueError(f"{place} of {tool.name}: {error.message[:_SHOWN_CHARACTERS]}")
    return arguments


@cache
def _validator(tool: Tool) -> Any:
    from jsonschema.validators import validator_for  # late: 60 ms

    return validator_for(tool.parameters)(tool.parameters)


def by_name(tools: tuple[Tool, ...]) -> Mapping[str, Tool]:
    """The tools by their names."""
    return {tool.name: tool for tool in tools}
