"""Axolotl's `type: chat_template`: arguments and parameters are JSON texts, since its rows have one schema for all."""

from __future__ import annotations

from typing import Any

from deepfabric_core.chat.tools import text_of
from deepfabric_core.export.columns import TEXT, ListOf, Struct
from deepfabric_core.export.conversation import Conversation, as_json
from deepfabric_core.export.formats.format import Converted, Format, LeftOut, Loss, Reasoning, Row
from deepfabric_core.export.formats.messages import ends_with_answer, lost_in, messages_of

_CALL = Struct({"id": TEXT, "type": TEXT, "function": Struct({"name": TEXT, "arguments": TEXT})})
_FUNCTION = Struct({"name": TEXT, "description": TEXT, "parameters": TEXT})
_COLUMNS = {
    "messages": ListOf(
        Struct(
            {
                "role": TEXT,
                "content": TEXT,
                "reasoning_content": TEXT,
                "thinking": TEXT,
                "tool_calls": ListOf(_CALL),
                "tool_call_id": TEXT,
                "name": TEXT,
            }
        )
    ),
    "tools": ListOf(Struct({"type": TEXT, "function": _FUNCTION})),
}


def _conversation(item: Conversation, place: Reasoning) -> Converted:
    if not ends_with_answer(item.turns):
        return Converted(left_out=LeftOut.NO_ANSWER)
    if any(isinstance(call.arguments, str) for turn in item.turns for call in turn.calls):
        return Converted(left_out=LeftOut.UNREADABLE_CALL)
    row: Row = {"messages": messages_of(item.turns, place, as_text=True, named=True)}
    if item.tools:
        row["tools"] = [_tool(tool["function"]) for tool in item.tools]
    return Converted((row,), tuple(lost_in(item.turns, place)))


def _tool(function: Any) -> Row:
    known = {name: text_of(function.get(name) or "") for name in ("name", "description")}
    return {"type": "function", "function": {**known, "parameters": as_json(function.get("parameters") or {})}}


FORMATS = (
    Format(
        "axolotl",
        "messages and tools, for Axolotl's chat_template datasets",
        "conversations",
        _conversation,
        _COLUMNS,
        ("reasoning_content", "think-tags", "thinking", "drop"),
        loses=frozenset((Loss.WEIGHT, Loss.PARTS)),
    ),
)
