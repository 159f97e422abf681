"""What may be wrong with a conversation in training, by itself and as a chat template renders it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from deepfabric_core.export.conversation import Call, Conversation, Turn

_SPACE = re.compile(r"\s+")


class Defect(StrEnum):
    """What is wrong with a record, in words that complete "3 records: ..."."""

    TEXT = "a message isn't in the rendered text, or not as a whole"
    REASONING = "reasoning isn't in the rendered text"
    CALLS = "a tool call isn't in the rendered text, or not as a whole"
    TOOLS = "the definition of a tool isn't in the rendered text"
    EMPTY_MASK = "nothing is marked as the assistant's, so nothing of it is learned"
    PARTIAL_MASK = "not all that the assistant says is marked as its own, so a part isn't learned"
    BEGINNING = "the rendered prompt isn't how the whole begins, so what is learned begins at another place"
    NULL = "a parameter of a call is null"
    IDS = "a call has no id of its own, or a result has none of a call before it"
    EMPTY = "the assistant says nothing and calls nothing"
    NOT_AN_OBJECT = "the arguments of a call aren't a JSON object"
    TYPES = "a parameter has another type than in records before it"
    TOO_LONG = "it has more tokens than the context"
    TWO_BEGINNINGS = "it begins with two BOS tokens"
    TWO_ENDS = "it ends with two EOS tokens"


def defects_in(conversation: Conversation) -> Iterator[Defect]:
    """Yield what is wrong with a conversation, whatever the template."""
    calls = [call for turn in conversation.turns for call in turn.calls]
    if any(turn.role == "assistant" and not turn.calls and not turn.content.strip() for turn in conversation.turns):
        yield Defect.EMPTY
    if not _ids_fit(conversation.turns):
        yield Defect.IDS
    if any(isinstance(call.arguments, str) for call in calls):
        yield Defect.NOT_AN_OBJECT
    if any(_has_null(call, conversation.tools) for call in calls):
        yield Defect.NULL


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


def _has_null(call: Call, tools: Sequence[Mapping[str, Any]]) -> bool:
    if isinstance(call.arguments, str):
        return False
    return any(value is None and not _may_be_null(call.name, name, tools) for name, value in call.arguments.items())


def _may_be_null(tool: str, parameter: str, tools: Sequence[Mapping[str, Any]]) -> bool:
    schema = parameter_schema(tool, parameter, tools)
    if schema is None:
        return False
    kinds = schema.get("type")
    variants = [one for key in ("anyOf", "oneOf") for one in schema.get(key) or () if isinstance(one, Mapping)]
    return "null" in (kinds if isinstance(kinds, list) else [kinds]) or any(
        one.get("type") == "null" for one in variants
    )


def parameter_schema(tool: str, parameter: str, tools: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the schema of a tool's parameter; None if there is none."""
    function: Mapping[str, Any] = next((one["function"] for one in tools if one["function"].get("name") == tool), {})
    parameters = function.get("parameters")
    properties = parameters.get("properties") if isinstance(parameters, Mapping) else None
    schema = properties.get(parameter) if isinstance(properties, Mapping) else None
    return schema if isinstance(schema, Mapping) else None


def lost_in_text(conversation: Conversation, text: str, thought: Sequence[Turn]) -> Iterator[Defect]:
    """Yield what of a conversation isn't in its rendered text; reasoning is looked for in the turns `thought` alone."""
    whole = _plain(text)
    if not all(_is_in(whole, turn.content) for turn in conversation.turns):
        yield Defect.TEXT
    if not all(_is_in(whole, turn.reasoning) for turn in thought):
        yield Defect.REASONING
    parts = (part for turn in conversation.turns for call in turn.calls for part in _parts_of(call))
    if not all(_is_in(whole, part) for part in parts):
        yield Defect.CALLS
    if not all(_is_in(whole, str(tool["function"].get("name"))) for tool in conversation.tools):
        yield Defect.TOOLS


def mask_defect(turns: Sequence[Turn], text: str, learned: str) -> Defect | None:
    """Return what is wrong with what a template marks as learned; None if it has all of the assistant's."""
    whole, marked = _plain(text), _plain(learned)
    if not marked:
        return Defect.EMPTY_MASK
    said = [turn for turn in turns if turn.role == "assistant"]
    texts = [part for turn in said for part in (turn.content, turn.reasoning)]
    texts += [part for turn in said for call in turn.calls for part in _parts_of(call)]
    missed = any(_is_in(whole, part) and not _is_in(marked, part) for part in texts)
    return Defect.PARTIAL_MASK if missed else None


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
    return _plain(text) in whole or any(
        _plain(json.dumps(text, ensure_ascii=as_ascii)[1:-1]) in whole for as_ascii in (False, True)
    )
