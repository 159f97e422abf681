"""TRL's formats: whole conversations, a prompt and its completion, preferences, labelled answers, and prompts alone.

Arguments are objects, as chat templates want them. In files that keep types, tools and calls are JSON values, so that
no call gets the empty parameters of another one.
"""

from __future__ import annotations

from collections.abc import Sequence

from deepfabric_core.export.columns import JSON, TEXT, TRUTH, ListOf, Struct
from deepfabric_core.export.conversation import Conversation, Turn
from deepfabric_core.export.formats.format import Answer, Converted, Format, LeftOut, Loss, Pair, Reasoning, Row
from deepfabric_core.export.formats.messages import ends_with_answer, lost_in, messages_of, split_at_answer, steps_of

MESSAGES = ListOf(
    Struct(
        {
            "role": TEXT,
            "content": TEXT,
            "reasoning_content": TEXT,
            "thinking": TEXT,
            "tool_calls": ListOf(JSON),
            "tool_call_id": TEXT,
            "name": TEXT,
        }
    )
)
TOOLS = ListOf(JSON)
_PLACES: tuple[Reasoning, ...] = ("reasoning_content", "think-tags", "thinking", "drop")

_LOSES = frozenset((Loss.NOT_AN_OBJECT, Loss.WEIGHT, Loss.PARTS))


def _tools(conversation: Conversation) -> Row:
    return {"tools": list(conversation.tools)} if conversation.tools else {}


def _conversation(item: Conversation, place: Reasoning) -> Converted:
    if not ends_with_answer(item.turns):
        return Converted(left_out=LeftOut.NO_ANSWER)
    row = {"messages": messages_of(item.turns, place, named=True), **_tools(item)}
    return Converted((row,), tuple(lost_in(item.turns, place, as_objects=True)))


def _prompt_and_completion(item: Conversation, place: Reasoning) -> Converted:
    """Return a row for each step of the answer, so that no result of a tool is in what is learned."""
    if split_at_answer(item) is None:
        return Converted(left_out=LeftOut.NO_ANSWER)
    rows = tuple(_row(step, len(step.turns) - 1, place) for step in steps_of(item))
    return Converted(rows, tuple(lost_in(item.turns, place, as_objects=True)))


def _row(item: Conversation, begin: int, place: Reasoning) -> Row:
    return {
        "prompt": messages_of(item.turns[:begin], place, named=True),
        "completion": messages_of(item.turns[begin:], place, named=True),
        **_tools(item),
    }


def _preference(item: Pair, place: Reasoning) -> Converted:
    turns = (*item.prompt.turns, *item.chosen, *item.rejected)
    row = {
        "prompt": messages_of(item.prompt.turns, place, named=True),
        "chosen": messages_of(item.chosen, place, named=True),
        "rejected": messages_of(item.rejected, place, named=True),
        **_tools(item.prompt),
    }
    lost = lost_in(turns, place, as_objects=True)
    return Converted((row,), (*lost, *_results_in((*item.chosen, *item.rejected))))


def _labelled(item: Answer, place: Reasoning) -> Converted:
    whole = item.conversation
    parts = split_at_answer(whole)
    if parts is None:
        return Converted(left_out=LeftOut.NO_ANSWER)
    row = {**_row(whole, len(parts[0].turns), place), "label": item.good}
    lost = lost_in(whole.turns, place, as_objects=True)
    return Converted((row,), (*lost, *_results_in(parts[1])))


def _results_in(answer: Sequence[Turn]) -> tuple[str, ...]:
    return (Loss.RESULTS,) if any(turn.role == "tool" for turn in answer) else ()


def _prompt(item: Conversation, place: Reasoning) -> Converted:
    """Return the prompt, and the answer beside it for rewards that compare with it."""
    parts = split_at_answer(item)
    if parts is None:
        return Converted(left_out=LeftOut.NO_ANSWER)
    prompt, answer = parts
    row = {"prompt": messages_of(prompt.turns, place, named=True), "answer": answer[-1].content}
    lost = list(lost_in(prompt.turns, place, as_objects=True))
    return Converted((row,), (*lost, Loss.TOOLS) if item.tools else tuple(lost))


FORMATS = (
    Format(
        "trl",
        "messages and tools, for TRL's SFTTrainer",
        "conversations",
        _conversation,
        {"messages": MESSAGES, "tools": TOOLS},
        _PLACES,
        loses=_LOSES,
    ),
    Format(
        "trl-prompt-completion",
        "a prompt and its completion, a row for each step of an agent, for TRL's SFTTrainer",
        "conversations",
        _prompt_and_completion,
        {"prompt": MESSAGES, "completion": MESSAGES, "tools": TOOLS},
        _PLACES,
        loses=_LOSES,
    ),
    Format(
        "trl-preference",
        "a prompt with a better and a worse answer, for TRL's DPOTrainer",
        "pairs",
        _preference,
        {"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES, "tools": TOOLS},
        _PLACES,
        loses=_LOSES | {Loss.RESULTS},
    ),
    Format(
        "trl-kto",
        "answers with a label, good or not, for TRL's KTOTrainer",
        "answers",
        _labelled,
        {"prompt": MESSAGES, "completion": MESSAGES, "label": TRUTH, "tools": TOOLS},
        _PLACES,
        loses=_LOSES | {Loss.RESULTS},
    ),
    Format(
        "grpo",
        "prompts, with the answer beside each for rewards, for TRL's GRPOTrainer",
        "conversations",
        _prompt,
        {"prompt": MESSAGES, "answer": TEXT},
        _PLACES,
        loses=_LOSES | {Loss.TOOLS},
    ),
)
