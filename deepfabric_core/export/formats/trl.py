"""TRL's formats: whole conversations, a prompt and its completion, preferences, labelled answers, and prompts alone.

Arguments are objects, as chat templates want them. In files that keep types, tools and calls are JSON values, so that
no call gets the empty parameters of another one.
"""

from __future__ import annotations

from deepfabric_core.export.columns import JSON, TEXT, TRUTH, ListOf, Struct
from deepfabric_core.export.conversation import Conversation
from deepfabric_core.export.formats.format import Answer, Converted, Format, LeftOut, Loss, Pair, Reasoning, Row
from deepfabric_core.export.formats.messages import ends_with_answer, lost_in, messages_of, split_at_answer

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


def _tools(conversation: Conversation) -> Row:
    return {"tools": list(conversation.tools)} if conversation.tools else {}


def _conversation(item: Conversation, place: Reasoning) -> Converted:
    if not ends_with_answer(item.turns):
        return Converted(left_out=LeftOut.NO_ANSWER)
    row = {"messages": messages_of(item.turns, place, named=True), **_tools(item)}
    return Converted((row,), tuple(lost_in(item.turns, place, as_objects=True)))


def _prompt_and_completion(item: Conversation, place: Reasoning) -> Converted:
    parts = split_at_answer(item)
    if parts is None:
        return Converted(left_out=LeftOut.NO_ANSWER)
    prompt, answer = parts
    row = {
        "prompt": messages_of(prompt.turns, place, named=True),
        "completion": messages_of(answer, place, named=True),
        **_tools(item),
    }
    return Converted((row,), tuple(lost_in(item.turns, place, as_objects=True)))


def _preference(item: Pair, place: Reasoning) -> Converted:
    turns = (*item.prompt.turns, *item.chosen, *item.rejected)
    row = {
        "prompt": messages_of(item.prompt.turns, place, named=True),
        "chosen": messages_of(item.chosen, place, named=True),
        "rejected": messages_of(item.rejected, place, named=True),
        **_tools(item.prompt),
    }
    return Converted((row,), tuple(lost_in(turns, place, as_objects=True)))


def _labelled(item: Answer, place: Reasoning) -> Converted:
    made = _prompt_and_completion(item.conversation, place)
    return Converted(tuple({**row, "label": item.good} for row in made.rows), made.lost, made.left_out)


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
    ),
    Format(
        "trl-prompt-completion",
        "a prompt and its completion, for TRL's SFTTrainer, which then learns the completion alone",
        "conversations",
        _prompt_and_completion,
        {"prompt": MESSAGES, "completion": MESSAGES, "tools": TOOLS},
        _PLACES,
    ),
    Format(
        "trl-preference",
        "a prompt with a better and a worse answer, for TRL's DPOTrainer",
        "pairs",
        _preference,
        {"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES, "tools": TOOLS},
        _PLACES,
    ),
    Format(
        "trl-kto",
        "answers with a label, good or not, for TRL's KTOTrainer",
        "answers",
        _labelled,
        {"prompt": MESSAGES, "completion": MESSAGES, "label": TRUTH, "tools": TOOLS},
        _PLACES,
    ),
    Format(
        "grpo",
        "prompts, with the answer beside each for rewards, for TRL's GRPOTrainer",
        "conversations",
        _prompt,
        {"prompt": MESSAGES, "answer": TEXT},
        _PLACES,
    ),
)
