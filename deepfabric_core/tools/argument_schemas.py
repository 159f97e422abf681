"""The JSON Schema of a tool's arguments: made sure of once, so that checking a call holds no surprise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepfabric_core.chat.json_schema import Unusable, check_schema


def checked(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema, of an object with properties; providers insist on both being there.

    Raises:
        Unusable: it isn't a JSON Schema, isn't of an object, or refers to what isn't there.
    """
    schema = {"type": "object", "properties": {}, **schema}
    if schema["type"] != "object":
        raise Unusable("the schema of its arguments must be of type object")
    check_schema(schema)
    return schema
