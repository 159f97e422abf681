"""Values for any JSON Schema, with the simulated model's text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from deepfabric_core.chat.json_schema import follow
from deepfabric_core.chat.messages import JsonObject
from deepfabric_core.llm.simulated.prose import Writer

Trail = tuple[str, ...]

# Limits: a schema that asks for more, or for an infinite value, gets less than it asks for.
_MOST_VALUES = 10_000
_MOST_CHARACTERS = 100_000
_CHARACTERS_A_VALUE = 20
_DEEPEST = 50

_BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
_TELLING = {"properties": "object", "required": "object", "additionalProperties": "object", "items": "array"}
_TELLING |= {"prefixItems": "array"} | dict.fromkeys((*_BOUNDS, "multipleOf"), "number")


class Builder:
    """Builds values of a JSON Schema; inside a repeated reference it builds only required properties."""

    def __init__(self, root: JsonObject, writer: Writer) -> None:
        self._root = root
        self._writer = writer
        self._values_left = _MOST_VALUES

    def build(self, schema: JsonObject | bool, name: str = "", trail: Trail = (), listed: bool = False) -> Any:
        """Return a value of the schema.

        Args:
            schema: the schema, or a boolean as JSON Schema allows.
            name: the name of the property that the value is for.
            trail: the references that the schema is nested in.
            listed: whether the value is an item of an array.
        """
        self._values_left -= 1
        if self._values_left < 0 or len(trail) > _DEEPEST:
            return None
        schema, trail = self._resolved({} if isinstance(schema, bool) else schema, trail)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][self._writer.number(0, len(schema["enum"]) - 1)]
        match _type_of(schema):
            case "object":
                return self._object(schema, trail)
            case "array":
                return self._array(schema, name, trail)
            case "integer" | "number" as kind:
                return self._number(schema, whole=kind == "integer")
            case "boolean":
                return self._writer.chance(0.5)
            case "null":
                return None
        return self._string(schema, name, listed)

    def _resolved(self, schema: JsonObject, trail: Trail) -> tuple[JsonObject, Trail]:
        """Return the schema with references resolved, `allOf` merged and one alternative chosen."""
        while True:
            rest: JsonObject = {
                key: value for key, value in schema.items() if key not in ("$ref", "allOf", "anyOf", "oneOf")
            }
            if len(rest) == len(schema) or len(trail) > _DEEPEST:
                return rest, trail
            if "$ref" in schema:
                trail = (*trail, schema["$ref"])
                rest = _joined(rest, follow(schema["$ref"], self._root))
            for part in schema.get("allOf", ()):
                rest = _joined(rest, part)
            for choices in (schema.get("anyOf"), schema.get("oneOf")):
                if choices:
                    rest = _joined(rest, _choice(choices, brief=_repeats(trail)))
            schema = rest

    def _object(self, schema: JsonObject, trail: Trail) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), schema.get("required", ())
        names = [name for name in properties if name in required or not _repeats(trail)]
        names += [name for name in dict.fromkeys(required) if name not in properties]
        extra = schema.get("additionalProperties", True)
        least = schema.get("minProperties", 2 if isinstance(extra, Mapping) and not properties else 0)
        names += [f"item_{number}" for number in range(1, min(int(least), _MOST_VALUES) - len(names) + 1)]
        return {name: self.build(properties.get(name, extra), name, trail) for name in names}

    def _array(self, schema: JsonObject, name: str, trail: Trail) -> list[Any]:
        first, items = schema.get("prefixItems", ()), schema.get("items", True)
        if isinstance(items, list):  # JSON Schema drafts before 2020
            first, items = items, schema.get("additionalItems", True)
        usual = len(first) + (0 if items is False or _repeats(trail) else 2)
        count = int(min(max(usual, schema.get("minItems", 0)), schema.get("maxItems", _MOST_VALUES), _MOST_VALUES))
        values: list[Any] = []
        for _ in range(50 * count):  # where items must be unique, some are discarded
            if len(values) == count or self._values_left <= 0:
                break
            part = first[len(values)] if len(values) < len(first) else items
            value = self.build(part, name, trail, listed=True)
            if not (schema.get("uniqueItems") and value in values):
                values.append(value)
        return values

    def _number(self, schema: JsonObject, *, whole: bool) -> int | float:
        """Return a multiple of the step within the bounds; halfway between them if none fits, 0 if they are too far."""
        try:
            return self._within(schema, schema.get("multipleOf", 1 if whole else 0.01), whole=whole)
        except OverflowError:
            return 0

    def _within(self, schema: JsonObject, step: float, *, whole: bool) -> int | float:
        bound = {key: round(schema[key] / step, 9) for key in _BOUNDS if key in schema}
        lows = [math.ceil(bound["minimum"])] if "minimum" in bound else []
        lows += [math.floor(bound["exclusiveMinimum"]) + 1] if "exclusiveMinimum" in bound else []
        highs = [math.floor(bound["maximum"])] if "maximum" in bound else []
        highs += [math.ceil(bound["exclusiveMaximum"]) - 1] if "exclusiveMaximum" in bound else []
        low = max(lows) if lows else min(1, *highs, 1)
        high = min(highs) if highs else low + 99
        count = self._writer.number(low, high) if low <= high else sum(bound.values()) / len(bound)
        return int(count * step) if whole else round(count * step, 10)

    def _string(self, schema: JsonObject, name: str, listed: bool) -> str:
        known = _formatted(schema["format"], self._writer.number) if "format" in schema else ""
        text = known or self._writer.text(name, listed=listed)
        while len(text) < min(schema.get("minLength", 0), _MOST_CHARACTERS):
            text += f" {self._writer.sentence()}"
        text = text[: int(schema.get("maxLength", len(text)))]
        self._values_left -= len(text) // _CHARACTERS_A_VALUE
        return text


def _repeats(trail: Trail) -> bool:
    return len(set(trail)) < len(trail)


def _choice(choices: list[Any], *, brief: bool) -> Any:
    """Return the first alternative that isn't null or, if `brief`, the first without a reference."""
    return min(choices, key=lambda choice: "$ref" in str(choice) if brief else choice == {"type": "null"})


def _joined(one: JsonObject, other: JsonObject | bool) -> JsonObject:
    """Return a schema that combines two; where they conflict, the first one counts."""
    if isinstance(other, bool):
        return one
    properties = {**other.get("properties", {}), **one.get("properties", {})}
    required = [*other.get("required", ()), *one.get("required", ())]
    found = {"properties": properties, "required": required}
    return {**other, **one, **{key: value for key, value in found.items() if value}}


def _type_of(schema: JsonObject) -> str:
    kind = schema.get("type") or next((kind for key, kind in _TELLING.items() if key in schema), "string")
    return str(kind if isinstance(kind, str) else next((one for one in kind if one != "null"), "null"))


def _formatted(kind: str, number: Callable[[int, int], int]) -> str:
    """Return a text of a JSON Schema format, or an empty one for any other format."""
    day = f"20{number(10, 25)}-{number(1, 12):02}-{number(1, 28):02}"
    time = f"{number(0, 23):02}:{number(0, 59):02}:{number(0, 59):02}Z"
    site = f"site-{number(1, 9999)}.example.com"
    made = {"date": day, "time": time, "date-time": f"{day}T{time}", "duration": f"P{number(1, 90)}D"}
    made |= {"email": f"person@{site}", "uri": f"https://{site}/", "hostname": site}
    made |= {"ipv4": f"192.0.2.{number(1, 254)}", "ipv6": f"2001:db8::{number(1, 9999)}"}
    made["uuid"] = str(UUID(int=number(0, 2**53) << 64, version=4))
    return made.get(kind, "")
