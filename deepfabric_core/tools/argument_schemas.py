"""Check the JSON Schema of a tool's arguments when it is read, before any call is checked against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepfabric_core.chat.json_schema import Unusable, check_schema


def checked(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with `type` and `properties`, which providers require.

    Raises:
        Unusable: it isn't a JSON Schema, isn't of type object, or has a reference without a target.
    """
    schema = {"type": "object", "properties": {}, **schema}
    if schema["type"] != "object":
        raise Unusable("the schema of its arguments must be of type object")
    check_schema(schema)
    return schema
