"""Notice a parameter that has one type in some records and another one in others, which columns can't hold."""

from __future__ import annotations

from typing import Any

from deepfabric_core.export.check.defects import parameter_schema
from deepfabric_core.export.conversation import Conversation


class ParameterTypes:
    """The type that each parameter of each tool was first seen with."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], str] = {}

    def are_mixed_by(self, conversation: Conversation) -> bool:
        """Whether a call in it has a parameter of another type than before, where its schema names no others."""
        found = [
            self._seen.setdefault((call.name, name), kind) != kind
            for turn in conversation.turns
            for call in turn.calls
            if not isinstance(call.arguments, str)
            for name, value in call.arguments.items()
            if (kind := _kind(value)) and not _has_several(call.name, name, conversation)
        ]
        return any(found)


def _kind(value: Any) -> str:
    """Return the type of a value in JSON; "" for null."""
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__


def _has_several(tool: str, parameter: str, conversation: Conversation) -> bool:
    schema = parameter_schema(tool, parameter, conversation.tools)
    return schema is not None and not isinstance(schema.get("type"), str)
