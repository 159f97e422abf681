"""Definitions of tools as other tools write them, in OpenAI's format as our records have it."""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

Definition = Mapping[str, Any]

_TYPES = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "list": "array",
    "dict": "object",
    "any": "string",
}
_LONGEST_PRINTED = 1 << 20
_ANY: Mapping[str, Any] = {"type": "object", "properties": {}}


def parsed(value: Any) -> Any:
    """Return what a JSON text says, or one as Python prints lists and dicts; any other value as it is.

    >>> parsed("[{'role': 'user'}]")
    [{'role': 'user'}]
    """
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return _printed(value)


def _printed(text: str) -> Any:
    """Return what Python printed into a cell of a table."""
    if len(text) > _LONGEST_PRINTED or "'" not in text:
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text


def tools_in(value: Any) -> list[Definition] | None:
    """Return the definitions in a value, which may be a JSON text; None if it has something else."""
    found = parsed(value)
    if found in (None, "", {}, []):
        return []
    given = [found] if isinstance(found, Mapping) else found
    if not isinstance(given, list):
        return None
    tools = [_definition(parsed(one)) for one in given]
    return None if None in tools else [one for one in tools if one is not None]


def _definition(tool: Any) -> Definition | None:
    if not isinstance(tool, Mapping):
        return None
    function = parsed(tool.get("function"))
    if isinstance(function, Mapping):
        own = _schema(function)
        return tool if own is function.get("parameters") else {**tool, "function": {**function, "parameters": own}}
    if not isinstance(tool.get("name"), str):
        return None
    known = {"name": tool["name"], "description": str(tool.get("description") or ""), "parameters": _schema(tool)}
    return {"type": "function", "function": known}


def _schema(function: Mapping[str, Any]) -> Any:
    """Return the JSON Schema of the parameters, under any of its names."""
    names = ("parameters", "inputSchema", "input_schema", "arguments")
    given = next((function[name] for name in names if function.get(name) is not None), None)
    found = parsed(given)
    if isinstance(found, list):
        return _of_list(found)
    if not isinstance(found, Mapping):
        return dict(_ANY)
    if found and all(isinstance(one, Mapping) and "type" in one for one in found.values()):
        # The properties alone, without the object around them.
        return {"type": "object", "properties": dict(_properties(found.items()))}
    return found


def _of_list(parameters: list[Any]) -> Mapping[str, Any]:
    known = [one for one in parameters if isinstance(one, Mapping) and isinstance(one.get("name"), str)]
    properties = dict(_properties((one["name"], {k: v for k, v in one.items() if k != "name"}) for one in known))
    required = [one["name"] for one in known if one.get("required", True)]
    return {"type": "object", "properties": properties, "required": required}


def _properties(named: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, one in named:
        kind = one.get("type")
        more = {key: value for key, value in one.items() if key not in ("required", "type") and value is not None}
        yield name, {"type": _TYPES.get(kind, kind) if isinstance(kind, str) else kind, **more}
