"""ShareGPT as LLaMA-Factory reads it: what is asked or found out, and what is answered or called, in strict turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deepfabric_core.export.columns import TEXT, Columns, ListOf, Struct
from deepfabric_core.export.conversation import Conversation, Turn, as_json
from deepfabric_core.export.formats.format import Converted, Format, LeftOut, Loss, Pair, Reasoning, Row
from deepfabric_core.export.formats.messages import (
    content_of,
    ends_with_answer,
    lost_in,
    with_single_answers,
    with_tags,
)
from deepfabric_core.export.formats.sequence import in_turns, one_call_at_a_time

_ASKING = ("human", "observation")
_ANSWERING = ("gpt", "function_call")
_SAID = Struct({"from": TEXT, "value": TEXT})
_COLUMNS: Columns = {"conversations": ListOf(_SAID), "system": TEXT, "tools": TEXT}
_PLACES: tuple[Reasoning, ...] = ("think-tags", "drop")


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
    row = {"conversations": said, "system": item.system, "tools": _tools(item)}
    return Converted((row,), (*lost_calls, *lost, *_lost_in(turns, place)))


def _preference(item: Pair, place: Reasoning) -> Converted:
    """Return the pair; the format has room for one message as the answer, and for one call in it."""
    pair = with_single_answers(item)
    if pair is None:
        return Converted(left_out=LeftOut.SEVERAL_ANSWERS)
    answers = (*pair.chosen, *pair.rejected)
    if any(len(turn.calls) > 1 for turn in answers):
        return Converted(left_out=LeftOut.SEVERAL_ANSWERS)
    whole = [_conversation(pair.prompt.with_turn(answer), place) for answer in answers]
    unlike = next((one for one in whole if not one.rows), None)
    if unlike is not None:
        return unlike
    chosen, rejected = (one.rows[0]["conversations"].pop() for one in whole)
    row = {**whole[0].rows[0], "chosen": chosen, "rejected": rejected}
    return Converted((row,), tuple(dict.fromkeys(lost for one in whole for lost in one.lost)))


def _tools(item: Conversation) -> str:
    return as_json([tool["function"] for tool in item.tools]) if item.tools else ""


def _lost_in(turns: Sequence[Turn], place: Reasoning) -> tuple[str, ...]:
    beside = (Loss.TEXT_BESIDE_CALL,) if any(turn.calls and turn.content for turn in turns) else ()
    return (*beside, *lost_in(turns, place))


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


def _preference_info(files: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        name: {**info, "ranking": True, "columns": {**info["columns"], "chosen": "chosen", "rejected": "rejected"}}
        for name, info in _dataset_info(files).items()
    }


_LOSES = frozenset((Loss.AT_ONCE, Loss.JOINED, Loss.SYSTEM_LATER, Loss.TEXT_BESIDE_CALL, Loss.WEIGHT, Loss.PARTS))

FORMATS = (
    Format(
        "sharegpt",
        "conversations with dataset_info.json, for LLaMA-Factory",
        "conversations",
        _conversation,
        _COLUMNS,
        _PLACES,
        _dataset_info,
        _LOSES,
    ),
    Format(
        "sharegpt-preference",
        "a chosen and a rejected answer with dataset_info.json, for LLaMA-Factory's DPO",
        "pairs",
        _preference,
        {**_COLUMNS, "chosen": _SAID, "rejected": _SAID},
        _PLACES,
        _preference_info,
        _LOSES,
    ),
)
