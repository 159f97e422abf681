"""Messages as most formats have them, and what all formats do with reasoning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from deepfabric_core.export.conversation import Call, Conversation, Turn
from deepfabric_core.export.formats.format import Loss, Pair, Reasoning, Row

KEYS: tuple[Reasoning, ...] = ("reasoning_content", "thinking")


def with_tags(reasoning: str, text: str) -> str:
    r"""Return a text after its reasoning in tags, as Qwen3, DeepSeek R1 and LLaMA-Factory have it.

    >>> with_tags("2 + 2", "4")
    '<think>\n2 + 2\n</think>\n\n4'
    """
    return f"<think>\n{reasoning}\n</think>\n\n{text}" if reasoning else text


def content_of(turn: Turn, place: Reasoning) -> str:
    """Return the text of a turn, with its reasoning if that goes into the text."""
    return with_tags(turn.reasoning, turn.content) if place == "think-tags" else turn.content


def messages_of(turns: Sequence[Turn], place: Reasoning, *, as_text: bool = False, named: bool = False) -> list[Row]:
    """Return turns as messages.

    Args:
        turns: the turns.
        place: where the reasoning goes.
        as_text: whether arguments are JSON texts instead of objects.
        named: whether a tool's result has the name of the tool.
    """
    return [_message(turn, place, as_text=as_text, named=named) for turn in turns]


def _message(turn: Turn, place: Reasoning, *, as_text: bool, named: bool) -> Row:
    message: Row = {"role": turn.role, "content": turn.content}
    if turn.reasoning and place != "drop":
        if place == "think-tags":
            message["content"] = with_tags(turn.reasoning, turn.content)
        else:
            message[place] = turn.reasoning
    if turn.calls:
        message["tool_calls"] = [_call(call, as_text=as_text) for call in turn.calls]
    if turn.call_id:
        message["tool_call_id"] = turn.call_id
    if named and turn.name:
        message["name"] = turn.name
    return message


def _call(call: Call, *, as_text: bool) -> Row:
    arguments: Any = call.arguments_text if as_text else call.arguments
    function = {"name": call.name, "arguments": arguments}
    return {"id": call.id, "type": "function", "function": function} if call.id else _without_id(function)


def _without_id(function: Row) -> Row:
    return {"type": "function", "function": function}


def lost_in(
    turns: Sequence[Turn], place: Reasoning, *, as_objects: bool = False, weighted: bool = False
) -> Iterator[str]:
    """Yield what is lost of turns in messages."""
    yield from lost_aside(turns, weighted=weighted)
    if place == "drop" and any(turn.reasoning for turn in turns):
        yield Loss.REASONING
    if as_objects and any(isinstance(call.arguments, str) for turn in turns for call in turn.calls):
        yield Loss.NOT_AN_OBJECT


def lost_aside(turns: Sequence[Turn], *, weighted: bool = False) -> Iterator[str]:
    """Yield what is lost of turns beside what is said in them; `weighted` messages have their weight."""
    if not weighted and any(turn.weight is not None for turn in turns):
        yield Loss.WEIGHT
    if any(turn.has_parts for turn in turns):
        yield Loss.PARTS


def split_at_answer(conversation: Conversation) -> tuple[Conversation, tuple[Turn, ...]] | None:
    """Return the conversation up to the last turn of the user, and those after it; None if either is missing."""
    asked = max((place for place, turn in enumerate(conversation.turns) if turn.role == "user"), default=-1) + 1
    answer = conversation.turns[asked:]
    if not asked or not ends_with_answer(answer):
        return None
    return Conversation(conversation.turns[:asked], conversation.tools), answer


def with_single_answers(pair: Pair) -> Pair | None:
    """Return the pair with what both answers begin with in the prompt; None if more than a message is left of one."""
    shared = 0
    for one, other in zip(pair.chosen, pair.rejected, strict=False):
        if one != other:
            break
        shared += 1
    chosen, rejected = pair.chosen[shared:], pair.rejected[shared:]
    if len(chosen) != 1 or len(rejected) != 1:
        return None
    turns = (*pair.prompt.turns, *pair.chosen[:shared])
    return Pair(Conversation(turns, pair.prompt.tools), chosen, rejected)


def steps_of(conversation: Conversation) -> Iterator[Conversation]:
    """Yield the conversation up to each turn of the assistant since the user last said something."""
    turns = conversation.turns
    asked = max((place for place, turn in enumerate(turns) if turn.role == "user"), default=-1) + 1
    for end in range(asked + 1, len(turns) + 1):
        if turns[end - 1].role == "assistant":
            yield Conversation(turns[:end], conversation.tools)


def ends_with_answer(turns: Sequence[Turn]) -> bool:
    """Whether the last turn is the assistant's, and says something."""
    return bool(turns) and turns[-1].role == "assistant" and bool(turns[-1].content or turns[-1].calls)
