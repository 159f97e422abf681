"""Harmony, the format of gpt-oss, as text: reasoning, tool calls and answers are in channels of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deepfabric_core.export.columns import TEXT
from deepfabric_core.export.conversation import Conversation, Turn
from deepfabric_core.export.formats.format import Converted, Format, LeftOut, Loss, Reasoning
from deepfabric_core.export.formats.messages import ends_with_answer, lost_in
from deepfabric_core.export.formats.sequence import one_call_at_a_time
from deepfabric_core.export.formats.typescript import namespace

_MARKERS = ("<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|return|>", "<|call|>")
# What stands there in gpt-oss's own prompts, without the date, so that an export is the same every day.
_SELF = "You are ChatGPT, a large language model trained by OpenAI.\nKnowledge cutoff: 2024-06\n\nReasoning: medium"
_CHANNELS = "# Valid channels: analysis, commentary, final. Channel must be included for every message."
_TO_COMMENTARY = "Calls to these tools must go to the commentary channel: 'functions'."


def _conversation(item: Conversation, place: Reasoning) -> Converted:
    if not ends_with_answer(item.turns):
        return Converted(left_out=LeftOut.NO_ANSWER)
    turns, lost = one_call_at_a_time(item.spoken)
    texts = [item.system, *(text for turn in turns for text in (turn.content, turn.reasoning))]
    texts += [call.arguments_text for turn in turns for call in turn.calls]
    if any(marker in text for text in texts for marker in _MARKERS):
        return Converted(left_out=LeftOut.MARKERS)
    text = "".join([*_instructions(item), *_spoken(turns, place)])
    return Converted(({"text": text},), (*lost, *lost_in(turns, place)))


def _instructions(item: Conversation) -> Iterator[str]:
    lines = [f"{_SELF}\n\n{_CHANNELS}", *([_TO_COMMENTARY] if item.tools else [])]
    yield _message("system", "\n".join(lines))
    parts = [f"# Instructions\n\n{item.system}"] if item.system else []
    parts += [f"# Tools\n\n## functions\n\n{namespace('functions', item.tools)}"] if item.tools else []
    if parts:
        yield _message("developer", "\n\n".join(parts))


def _spoken(turns: Sequence[Turn], place: Reasoning) -> Iterator[str]:
    for number, turn in enumerate(turns, 1):
        if turn.role == "tool":
            yield _message(f"functions.{turn.name} to=assistant<|channel|>commentary", turn.content)
        elif turn.role == "assistant":
            yield from _answered(turn, place, is_last=number == len(turns))
        else:
            yield _message("developer" if turn.role == "system" else "user", turn.content)


def _answered(turn: Turn, place: Reasoning, *, is_last: bool) -> Iterator[str]:
    if turn.reasoning and place != "drop":
        yield _message("assistant<|channel|>analysis", turn.reasoning)
    if not turn.calls:
        yield _message("assistant<|channel|>final", turn.content, "<|return|>" if is_last else "<|end|>")
        return
    if turn.content:
        yield _message("assistant<|channel|>commentary", turn.content)
    for call in turn.calls:
        head = f"assistant<|channel|>commentary to=functions.{call.name} <|constrain|>json"
        yield _message(head, call.arguments_text, "<|call|>")


def _message(head: str, text: str, end: str = "<|end|>") -> str:
    return f"<|start|>{head}<|message|>{text}{end}"


FORMATS = (
    Format(
        "harmony",
        "rendered as text in Harmony, the format of gpt-oss",
        "conversations",
        _conversation,
        {"text": TEXT},
        ("thinking", "drop"),
        loses=frozenset((Loss.AT_ONCE, Loss.WEIGHT, Loss.PARTS)),
    ),
)
