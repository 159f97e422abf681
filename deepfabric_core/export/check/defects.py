"""What may be wrong with a conversation in training, by itself and as a chat template renders it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Any

from deepfabric_core.export.check.parameter_schemas import Schema, field_of, item_of, may_be_null, parameters_of
from deepfabric_core.export.conversation import Call, Conversation, Turn

_SPACE = re.compile(r"\s+")


class Defect(StrEnum):
    """What is wrong with a record, in words that complete "3 records: ..."."""

    TEXT = "a message isn't in the rendered text, or not as a whole"
    REASONING = "reasoning isn't in the rendered text"
    CALLS = "a tool call isn't in the rendered text, or not as a whole"
    RESULTS = "a tool's result isn't in the rendered text, or not as a whole"
    TOOLS = "the definition of a tool isn't in the rendered text"
    EMPTY_MASK = "nothing is marked as the assistant's, so nothing of it is learned"
    PARTIAL_MASK = "not all that the assistant says is marked as its own, so a part isn't learned"
    WIDE_MASK = "what others say is marked as the assistant's, so it is learned too"
    BEGINNING = "the rendered prompt isn't how the whole begins, so what is learned begins at another place"
    MARKERS = "a text in it holds a special token of the template, which ends or begins a turn"
    NULL = "a parameter of a call is null"
    IDS = "a call has no id of its own, or a result has none of a call before it"
    NO_RESULT = "a call has no result, and the conversation goes on"
    ORDER = "its roles are out of order: a system prompt first, user and assistant in turns, results after their calls"
    EMPTY = "the assistant says nothing and calls nothing"
    NO_NAME = "a call names no tool"
    NOT_OFFERED = "a tool is called that isn't among those offered"
    NOT_AN_OBJECT = "the arguments of a call aren't a JSON object"
    UNREAD = "a part of a message can't be read, and isn't exported"
    TYPES = "a parameter has another type than in most records"
    TOO_LONG = "it has more tokens than the context"
    TWO_BEGINNINGS = "two BOS tokens stand side by side"
    TWO_ENDS = "two EOS tokens stand side by side"


def defects_in(conversation: Conversation) -> Iterator[Defect]:
    """Yield what is wrong with a conversation, whatever the template."""
    turns, tools = conversation.turns, conversation.tools
    calls = [call for turn in turns for call in turn.calls]
    if any(turn.role == "assistant" and not turn.calls and not turn.content.strip() for turn in turns):
        yield Defect.EMPTY
    if not _take_turns(turns):
        yield Defect.ORDER
    if not calls and not any(turn.role == "tool" for turn in turns):
        return
    if not _ids_fit(turns):
        yield Defect.IDS
    if not _are_answered(turns):
        yield Defect.NO_RESULT
    offered = {tool["function"].get("name") for tool in tools}
    if offered and any(call.name not in offered for call in calls):
        yield Defect.NOT_OFFERED
    if any(call.name in ("", "None") for call in calls):
        yield Defect.NO_NAME
    if any(isinstance(call.arguments, str) for call in calls):
        yield Defect.NOT_AN_OBJECT
    if any(_has_null(call.arguments, parameters_of(call.name, tools)) for call in calls):
        yield Defect.NULL


def _take_turns(turns: Sequence[Turn]) -> bool:
    """Whether roles are in order: system at most first, then user, then the assistant, whose calls have results."""
    spoken = turns[1:] if turns and turns[0].role == "system" else turns
    if spoken and spoken[0].role != "user":
        return False
    return all(_may_follow(turn, before) for before, turn in pairwise(spoken))


def _may_follow(turn: Turn, before: Turn) -> bool:
    match turn.role:
        case "user":
            return before.role == "assistant" and not before.calls
        case "assistant":
            return before.role in ("user", "tool")
        case "tool":
            return before.role == "tool" or bool(before.calls)
    return False


def _ids_fit(turns: Sequence[Turn]) -> bool:
    known: set[str] = set()
    for turn in turns:
        ids = [call.id for call in turn.calls]
        if not all(ids) or len({*ids}) < len(ids) or known.intersection(ids):
            return False
        known.update(ids)
        if turn.role == "tool" and turn.call_id not in known:
            return False
    return True


def _are_answered(turns: Sequence[Turn]) -> bool:
    """Whether as many results follow each turn's calls as there are calls; the last turn's need none."""
    waiting = 0
    for turn in turns:
        if turn.role == "tool":
            waiting -= 1
        elif waiting > 0:
            return False
        else:
            waiting = len(turn.calls)
    return waiting <= 0 or bool(turns[-1].calls)


def _has_null(value: Any, schema: Schema | None) -> bool:
    """Whether there is a null anywhere in it that its schema doesn't allow."""
    if value is None:
        return not may_be_null(schema)
    if isinstance(value, Mapping):
        return any(_has_null(part, field_of(schema, str(name))) for name, part in value.items())
    return isinstance(value, list) and any(_has_null(part, item_of(schema)) for part in value)


def lost_in_text(conversation: Conversation, text: str, thought: Sequence[Turn]) -> Iterator[Defect]:
    """Yield what of a conversation isn't in its rendered text; reasoning is looked for in the turns `thought` alone."""
    whole = _plain(text)
    for turn in conversation.turns:
        if not _is_in(whole, turn.content):
            yield Defect.RESULTS if turn.role == "tool" else Defect.TEXT
    if not all(_is_in(whole, turn.reasoning) for turn in thought):
        yield Defect.REASONING
    parts = (part for turn in conversation.turns for call in turn.calls for part in _parts_of(call))
    if not all(_is_in(whole, part) for part in parts):
        yield Defect.CALLS
    if not all(_is_in(whole, str(tool["function"].get("name"))) for tool in conversation.tools):
        yield Defect.TOOLS


def holds_any(conversation: Conversation, markers: Sequence[str]) -> bool:
    """Whether a text in it holds one of these."""
    texts = [text for turn in conversation.turns for text in (turn.content, turn.reasoning)]
    texts += [part for turn in conversation.turns for call in turn.calls for part in _parts_of(call)]
    return any(marker in text for text in texts for marker in markers)


def _parts_of(call: Call) -> Iterator[str]:
    yield call.name
    yield from _leaves(call.arguments)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield str(name)
            yield from _leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(part)
    elif isinstance(value, str):
        yield value


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _is_in(whole: str, text: str) -> bool:
    """Whether a text is in another one, as it is or as a JSON text, apart from white space."""
    return (plain := _plain(text)) in whole or any(
        _plain(json.dumps(one, ensure_ascii=as_ascii)[1:-1]) in whole
        for one in (text, plain)
        for as_ascii in (False, True)
    )
