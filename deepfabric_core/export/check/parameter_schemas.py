"""Look up what the definition of a tool says of a parameter, also within objects and lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]
_VARIANTS = ("anyOf", "oneOf", "allOf")


def parameters_of(tool: str, tools: Sequence[Mapping[str, Any]]) -> Schema | None:
    """Return the schema of a tool's parameters; None if there is none."""
    function: Schema = next((one["function"] for one in tools if one["function"].get("name") == tool), {})
    return _schema(function.get("parameters"))


def field_of(schema: Schema | None, name: str) -> Schema | None:
    """Return the schema of a field; None if none is told."""
    for one in _all_of(schema):
        properties = one.get("properties")
        if isinstance(properties, Mapping) and name in properties:
            return _resolved(_schema(properties[name]), schema)
        if more := _schema(one.get("additionalProperties")):
            return _resolved(more, schema)
    return None


def item_of(schema: Schema | None) -> Schema | None:
    """Return the schema of the items of a list; None if none is told."""
    found = next((items for one in _all_of(schema) if (items := _schema(one.get("items")))), None)
    return _resolved(found, schema)


def may_be_null(schema: Schema | None) -> bool:
    """Whether a schema allows null, as one that says nothing of types doesn't."""
    return any(_allows_null(one) for one in _all_of(schema))


def has_several_types(schema: Schema | None) -> bool:
    """Whether a schema is there, and allows values of more than one type besides null."""
    if schema is None:
        return False
    variants = [one for one in _all_of(schema) if one is not schema]
    kinds = {kind for one in variants or [schema] for kind in _types(one)}
    return len(kinds - {"null"}) != 1


def _types(schema: Schema) -> Iterator[str]:
    """Yield the types that a schema names, whole numbers as numbers; "" and "any" if it names none."""
    kinds = schema.get("type")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        yield from ("", "any") if kind is None else ("number" if kind == "integer" else str(kind),)


def _allows_null(schema: Schema) -> bool:
    kinds = schema.get("type")
    choices = schema.get("enum")
    return (
        "null" in (kinds if isinstance(kinds, list) else [kinds])
        or schema.get("nullable") is True
        or (isinstance(choices, list) and None in choices)
        or schema.get("const", 0) is None
    )


def _all_of(schema: Schema | None) -> Iterator[Schema]:
    """Yield a schema and its variants."""
    if schema is None:
        return
    yield schema
    for key in _VARIANTS:
        variants = schema.get(key)
        yield from (one for one in (variants if isinstance(variants, list) else ()) if isinstance(one, Mapping))


def _resolved(schema: Schema | None, root: Schema | None) -> Schema | None:
    """Return a schema that is named by reference, as far as the schema around it defines it."""
    if schema is None or root is None:
        return schema
    found: Any = schema
    if isinstance(reference := schema.get("$ref"), str):
        found = root
        for name in reference.removeprefix("#/").split("/"):
            found = found.get(name) if isinstance(found, Mapping) else None
    known = {key: root[key] for key in ("$defs", "definitions") if key in root}
    return {**known, **found} if isinstance(found, Mapping) else schema


def _schema(value: Any) -> Schema | None:
    return value if isinstance(value, Mapping) else None
