"""Definitions of tools as types of TypeScript, as Harmony tells a model of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deepfabric_core.export.conversation import as_json

_NAMES = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}
# Schemas deeper than this, which may contain themselves, are said to be anything.
_DEEPEST = 8


def namespace(name: str, tools: Sequence[Mapping[str, Any]]) -> str:
    """Return tools, in OpenAI's format, as a namespace of functions."""
    lines = [line for tool in tools for line in (*_function(tool["function"]), "")]
    return "\n".join([f"namespace {name} {{", "", *lines, f"}} // namespace {name}"])


def _function(function: Mapping[str, Any]) -> Iterator[str]:
    yield from _comments(function.get("description"), "")
    parameters = function.get("parameters")
    fields = list(_fields(parameters, "", 0)) if isinstance(parameters, Mapping) else []
    if fields:
        yield from (f"type {function.get('name')} = (_: {{", *fields, "}) => any;")
    else:
        yield f"type {function.get('name')} = () => any;"


def _fields(schema: Mapping[str, Any], indent: str, depth: int) -> Iterator[str]:
    properties, required = schema.get("properties"), schema.get("required")
    for name, field in properties.items() if isinstance(properties, Mapping) else ():
        part = field if isinstance(field, Mapping) else {}
        yield from _comments(part.get("description"), indent)
        mark = "" if isinstance(required, list) and name in required else "?"
        default = f", // default: {as_json(part['default'])}" if "default" in part else ","
        yield f"{indent}{name}{mark}: {_type(part, indent, depth + 1)}{default}"


def _type(schema: Mapping[str, Any], indent: str, depth: int) -> str:
    kind = schema.get("type")
    if depth > _DEEPEST:
        return "any"
    if isinstance(choices := schema.get("enum"), list) and choices:
        return " | ".join(as_json(choice) for choice in choices)
    if isinstance(variants := schema.get("anyOf", schema.get("oneOf")), list) and variants:
        found = [_type(one, indent, depth + 1) for one in variants if isinstance(one, Mapping)]
        return " | ".join(dict.fromkeys(found)) or "any"
    if isinstance(kind, list):
        return " | ".join(_type({**schema, "type": one}, indent, depth + 1) for one in kind) or "any"
    if kind == "array":
        item = _type(schema["items"], indent, depth + 1) if isinstance(schema.get("items"), Mapping) else "any"
        return f"({item})[]" if "|" in item else f"{item}[]"
    if kind == "object":
        fields = list(_fields(schema, f"{indent}  ", depth))
        return "\n".join(["{", *fields, f"{indent}}}"]) if fields else "object"
    return _NAMES.get(str(kind), "any")


def _comments(text: Any, indent: str) -> Iterator[str]:
    return (f"{indent}// {line}" for line in (text.splitlines() if isinstance(text, str) else ()))
