"""Alpaca: an instruction and its output, with earlier turns as history. It has no place for tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepfabric_core.export.columns import TEXT, ListOf
from deepfabric_core.export.conversation import Conversation
from deepfabric_core.export.formats.format import Converted, Format, LeftOut, Loss, Reasoning
from deepfabric_core.export.formats.messages import content_of, ends_with_answer, lost_aside
from deepfabric_core.export.formats.sequence import in_turns

_PAIR = 2


def _conversation(item: Conversation, place: Reasoning) -> Converted:
    if not ends_with_answer(item.turns) or item.turns[-1].calls:
        return Converted(left_out=LeftOut.NO_ANSWER)
    spoken = [turn for turn in item.spoken if turn.role != "tool" and not turn.calls]
    turns, lost = in_turns(spoken)
    if len(turns) % _PAIR or any(turn.role != ("user", "assistant")[at % _PAIR] for at, turn in enumerate(turns)):
        return Converted(left_out=LeftOut.TURNS)
    texts = [content_of(turn, place) for turn in turns]
    pairs = [texts[at : at + _PAIR] for at in range(0, len(texts), _PAIR)]
    question, answer = pairs[-1]
    row = {"instruction": question, "input": "", "output": answer, "system": item.system, "history": pairs[:-1]}
    return Converted((row,), (*_lost(item, place), *lost))


def _lost(item: Conversation, place: Reasoning) -> list[str]:
    thought = [turn for turn in item.turns if turn.reasoning and (place == "drop" or turn.calls)]
    lost: list[str] = [Loss.REASONING] if thought else []
    lost += [Loss.CALLS] if item.has_calls() else []
    lost += [Loss.TEXT_BESIDE_CALL] if any(turn.calls and turn.content for turn in item.turns) else []
    lost += [Loss.TOOLS] if item.tools else []
    return [*lost, *lost_aside(item.turns)]


def _dataset_info(files: Mapping[str, str]) -> Mapping[str, Any]:
    columns = {
        "prompt": "instruction",
        "query": "input",
        "response": "output",
        "system": "system",
        "history": "history",
    }
    return {name: {"file_name": file, "columns": columns} for name, file in files.items()}


FORMATS = (
    Format(
        "alpaca",
        "instruction and output with dataset_info.json; it can't hold tools",
        "conversations",
        _conversation,
        {"instruction": TEXT, "input": TEXT, "output": TEXT, "system": TEXT, "history": ListOf(ListOf(TEXT))},
        ("drop", "think-tags"),
        _dataset_info,
        frozenset(
            (
                *(Loss.TOOLS, Loss.CALLS, Loss.TEXT_BESIDE_CALL, Loss.REASONING),
                *(Loss.JOINED, Loss.SYSTEM_LATER, Loss.WEIGHT, Loss.PARTS),
            )
        ),
    ),
)
