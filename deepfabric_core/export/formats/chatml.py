"""ChatML as text, with tools and calls between tags, as models of the Qwen and Hermes families have them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from deepfabric_core.export.columns import TEXT
from deepfabric_core.export.conversation import Conversation, Turn, as_json
from deepfabric_core.export.formats.format import Converted, Format, LeftOut, Loss, Reasoning
from deepfabric_core.export.formats.messages import content_of, ends_with_answer, lost_in

_BEGIN, _END = "<|im_start|>", "<|im_end|>"
_CALLING = (
    'These tools can be called. A call is a JSON object with "name" and "arguments" within <tool_call></tool_call>; '
    "results come back within <tool_response></tool_response>."
)


def _conversation(item: Conversation, place: Reasoning) -> Converted:
    if not ends_with_answer(item.turns):
        return Converted(left_out=LeftOut.NO_ANSWER)
    blocks = [*_system(item), *_spoken(item, place)]
    if any(marker in text for _, text in blocks for marker in (_BEGIN, _END)):
        return Converted(left_out=LeftOut.MARKERS)
    text = "".join(f"{_BEGIN}{role}\n{text}{_END}\n" for role, text in blocks)
    return Converted(({"text": text},), tuple(lost_in(item.turns, place)))


def _system(item: Conversation) -> Iterator[tuple[str, str]]:
    parts = [item.system] if item.system else []
    if item.tools:
        tools = "\n".join(as_json(tool) for tool in item.tools)
        parts.append(f"# Tools\n\n{_CALLING}\n<tools>\n{tools}\n</tools>")
    if parts:
        yield "system", "\n\n".join(parts)


def _spoken(item: Conversation, place: Reasoning) -> Iterator[tuple[str, str]]:
    """Yield role and text of each block; results that stand together are one block of the user's."""
    for is_result, turns in groupby(item.spoken, key=lambda turn: turn.role == "tool"):
        if is_result:
            yield "user", "\n".join(f"<tool_response>\n{turn.content}\n</tool_response>" for turn in turns)
        else:
            yield from ((turn.role, _text(turn, place)) for turn in turns)


def _text(turn: Turn, place: Reasoning) -> str:
    calls = [as_json({"name": call.name, "arguments": call.arguments}) for call in turn.calls]
    said = content_of(turn, place)
    return "\n".join(
        [*([said] if said or not calls else []), *(f"<tool_call>\n{call}\n</tool_call>" for call in calls)]
    )


FORMATS = (
    Format(
        "chatml",
        "rendered as text in ChatML, with tools in tags",
        "conversations",
        _conversation,
        {"text": TEXT},
        ("think-tags", "drop"),
        loses=frozenset((Loss.WEIGHT, Loss.PARTS)),
    ),
)
