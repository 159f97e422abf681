"""ShareGPT as LLaMA-Factory reads it: what is asked or found out, and what is answered or called, in strict turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deepfabric_core.export.columns import TEXT, ListOf, Struct
from deepfabric_core.export.conversation import Conversation, Turn, as_json
from deepfabric_core.export.formats.format import Converted, Format, LeftOut, Loss, Reasoning, Row
from deepfabric_core.export.formats.messages import content_of, ends_with_answer, lost_in, with_tags
from deepfabric_core.export.formats.sequence import in_turns, one_call_at_a_time

_ASKING = ("human", "observation")
_ANSWERING = ("gpt", "function_call")


def _conversation(item: Conversation, place: Reasoning) -> Converted:
    if not ends_with_answer(item.turns):
        return Converted(left_out=LeftOut.NO_ANSWER)
    apart, lost_calls = one_call_at_a_time(item.spoken)
    turns, lost = in_turns(apart)
    if any(isinstance(call.arguments, str) for turn in turns for call in turn.calls):
        return Converted(left_out=LeftOut.UNREADABLE_CALL)
    said = [_said(turn, place) for turn in turns]
    if not _takes_turns(said):
        return Converted(left_out=LeftOut.TURNS)
    beside = (Loss.TEXT_BESIDE_CALL,) if any(turn.calls and turn.content for turn in turns) else ()
    tools = as_json([tool["function"] for tool in item.tools]) if item.tools else ""
    row = {"conversations": said, "system": item.system, "tools": tools}
    return Converted((row,), (*lost_calls, *lost, *beside, *lost_in(turns, place)))


def _said(turn: Turn, place: Reasoning) -> Row:
    if turn.calls:
        call = as_json({"name": turn.calls[0].name, "arguments": turn.calls[0].arguments})
        thought = turn.reasoning if place == "think-tags" else ""
        return {"from": "function_call", "value": with_tags(thought, call)}
    names = {"user": "human", "tool": "observation"}
    return {"from": names.get(turn.role, "gpt"), "value": content_of(turn, place)}


def _takes_turns(said: Sequence[Row]) -> bool:
    """Whether those who ask and those who answer take turns, and the last one answers."""
    wanted = (_ASKING, _ANSWERING)
    return len(said) % 2 == 0 and all(one["from"] in wanted[place % 2] for place, one in enumerate(said))


def _dataset_info(files: Mapping[str, str]) -> Mapping[str, Any]:
    tags = {
        "role_tag": "from",
        "content_tag": "value",
        "user_tag": "human",
        "assistant_tag": "gpt",
        "observation_tag": "observation",
        "function_tag": "function_call",
        "system_tag": "system",
    }
    columns = {"messages": "conversations", "system": "system", "tools": "tools"}
    return {
        name: {"file_name": file, "formatting": "sharegpt", "columns": columns, "tags": tags}
        for name, file in files.items()
    }


FORMATS = (
    Format(
        "sharegpt",
        "conversations with dataset_info.json, for LLaMA-Factory",
        "conversations",
        _conversation,
        {"conversations": ListOf(Struct({"from": TEXT, "value": TEXT})), "system": TEXT, "tools": TEXT},
        ("think-tags", "drop"),
        _dataset_info,
        frozenset((Loss.AT_ONCE, Loss.JOINED, Loss.SYSTEM_LATER, Loss.TEXT_BESIDE_CALL, Loss.WEIGHT, Loss.PARTS)),
    ),
)
