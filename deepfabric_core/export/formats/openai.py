"""OpenAI's formats for fine-tuning, which Together and Fireworks take too: arguments are JSON texts."""

from __future__ import annotations

from collections.abc import Sequence

from deepfabric_core.export.columns import JSON, TEXT, TRUTH, Columns, ListOf, Struct
from deepfabric_core.export.conversation import Conversation, Turn
from deepfabric_core.export.formats.format import Converted, Format, LeftOut, Loss, Pair, Reasoning, Row
from deepfabric_core.export.formats.messages import ends_with_answer, lost_in, messages_of, with_single_answers

_MESSAGES = ListOf(
    Struct({"role": TEXT, "content": TEXT, "tool_calls": ListOf(JSON), "tool_call_id": TEXT, "weight": JSON})
)
_INPUT: Columns = {"messages": _MESSAGES, "tools": ListOf(JSON), "parallel_tool_calls": TRUTH}
# There is no place for reasoning but the text.
_PLACES: tuple[Reasoning, ...] = ("drop", "think-tags")


def _body(turns: Sequence[Turn], conversation: Conversation, place: Reasoning) -> Row:
    body: Row = {"messages": _messages(turns, place)}
    if conversation.tools:
        at_once = any(len(turn.calls) > 1 for turn in conversation.turns)
        body |= {"tools": list(conversation.tools), "parallel_tool_calls": at_once}
    return body


def _messages(turns: Sequence[Turn], place: Reasoning) -> list[Row]:
    messages = messages_of(turns, place, as_text=True)
    for message, turn in zip(messages, turns, strict=True):
        if "tool_calls" in message and not message["content"]:
            del message["content"]
        if turn.weight is not None:
            message["weight"] = turn.weight
    return messages


def _conversation(item: Conversation, place: Reasoning) -> Converted:
    if not ends_with_answer(item.turns):
        return Converted(left_out=LeftOut.NO_ANSWER)
    return Converted((_body(item.turns, item, place),), tuple(lost_in(item.turns, place, weighted=True)))


def _preference(item: Pair, place: Reasoning) -> Converted:
    """Return the pair; the format has room for one message as the answer."""
    pair = with_single_answers(item)
    if pair is None:
        return Converted(left_out=LeftOut.SEVERAL_ANSWERS)
    before = pair.prompt.turns
    whole = Conversation((*before, *pair.chosen, *pair.rejected), pair.prompt.tools)
    chosen, rejected = (_messages(answer, place) for answer in (pair.chosen, pair.rejected))
    row = {"input": _body(before, whole, place), "preferred_output": chosen, "non_preferred_output": rejected}
    return Converted((row,), tuple(lost_in(whole.turns, place, weighted=True)))


FORMATS = (
    Format(
        "openai",
        "messages and tools, for fine-tuning at OpenAI, Together or Fireworks",
        "conversations",
        _conversation,
        _INPUT,
        _PLACES,
        loses=frozenset((Loss.PARTS,)),
    ),
    Format(
        "openai-preference",
        "a preferred and a non-preferred answer, for preference fine-tuning there",
        "pairs",
        _preference,
        {"input": Struct(_INPUT), "preferred_output": _MESSAGES, "non_preferred_output": _MESSAGES},
        _PLACES,
        loses=frozenset((Loss.PARTS,)),
    ),
)
