"""The JSON Schema of a tool's arguments: made sure of once, so that checking a call holds no surprise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Unusable(ValueError):
    """What is wrong with a definition, as the end of a sentence that names it."""


def checked(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema, of an object with properties; providers insist on both being there.

    Raises:
        Unusable: it isn't a JSON Schema, isn't of an object, or refers to what isn't there.
    """
    from jsonschema import Draft202012Validator  # late: 60 ms
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    schema = {"type": "object", "properties": {}, **schema}
    if schema["type"] != "object":
        raise Unusable("the schema of its arguments must be of type object")
    if not isinstance(schema.get("$schema", ""), str):
        raise Unusable("`$schema` must be a text")
    validator: Any = validator_for(schema, default=Draft202012Validator)
    try:
        validator.check_schema(schema, format_checker=validator.FORMAT_CHECKER)
        for reference in _references(schema):
            follow(reference, schema)
    except SchemaError as problem:
        place = "/".join(str(part) for part in problem.path)
        raise Unusable(f"not a JSON Schema: {place or 'the schema'}: {problem.message}") from problem
    except RecursionError as problem:
        raise Unusable("its schema is nested too deeply") from problem
    return schema


def follow(reference: str, schema: Mapping[str, Any]) -> Any:
    """The part of the schema that a reference means; nothing is fetched from elsewhere.

    Raises:
        Unusable: it leads nowhere, or to what isn't a schema.
    """
    from referencing import Registry  # late, as jsonschema
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    resource = DRAFT202012.create_resource(schema)
    place = resource.id() or ""
    registry: Registry[Any] = Registry().with_resource(place, resource)
    try:
        found = registry.resolver(place).lookup(reference).contents
    except (Unresolvable, ValueError, TypeError, AttributeError) as problem:
        raise Unusable(f"its $ref {reference} leads nowhere; define that part under $defs") from problem
    if not isinstance(found, (Mapping, bool)):
        raise Unusable(f"its $ref {reference} leads to what isn't a schema")
    return found


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict) and isinstance(reference := part.get("$ref"), str):
        yield reference
    for below in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _references(below)
