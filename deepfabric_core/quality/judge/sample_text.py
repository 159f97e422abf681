"""A sample as a judge reads it: each part between tags that nothing in the sample can close, and of bounded length.

A sample is written by a model, so it may hold orders to the judge. The tags carry a mark made of the sample's own text,
which no text can foresee; the signs by which chat templates separate turns are made harmless.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from deepfabric_core.printable import printable, printable_text
from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.samples.reading import messages_of

# In characters: what a judge reads of each part.
_LONGEST = {"topic": 500, "system": 3000, "question": 6000, "reasoning": 8000, "steps": 8000, "answer": 12_000}
_LONGEST_RECORD = 16_000
_LONGEST_STEP = 1500
_MARK_CHARACTERS = 12

# By these, chat templates separate the turns of a conversation.
_TURNS = re.compile(
    r"<(?=\|[^|<>\n]{1,40}\|>|\uff5c[^\uff5c<>\n]{1,40}\uff5c>|/?s>|(?:start|end)_of_turn>|</?SYS>>|/?SYS>>)"
    r"|\[(?=/?INST\]|/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])"
)
_OPENING = {"<": "\u2039", "[": "\u2045"}


@dataclass(frozen=True, slots=True)
class Fenced:
    """A text between tags; `mark` is what all its tags have in common."""

    text: str
    mark: str


def fenced(*candidates: Candidate) -> tuple[Fenced, ...]:
    """Return each sample between tags, which have the same mark for all of them."""
    samples = [list(parts_of(candidate)) for candidate in candidates]
    everything = "\n".join(text for parts in samples for _, text in parts)
    mark = sha256(everything.encode()).hexdigest()[:_MARK_CHARACTERS]
    return tuple(Fenced("\n".join(_between_tags(parts, mark)), mark) for parts in samples)


def texts_between_tags(message: str) -> list[tuple[str, str]]:
    """Return the parts of the samples in a message to a judge, each after its name."""
    found = re.search(rf"<[a-z]+-([0-9a-f]{{{_MARK_CHARACTERS}}})>\n", message)
    if not found:
        return []
    part = re.compile(rf"<([a-z]+)-{found[1]}>\n(.*?)\n</\1-{found[1]}>", re.DOTALL)
    return [(name, text) for name, text in part.findall(message)]


def _between_tags(parts: list[tuple[str, str]], mark: str) -> Iterator[str]:
    for name, text in parts:
        yield f"<{name}-{mark}>\n{text}\n</{name}-{mark}>"


def parts_of(candidate: Candidate) -> Iterator[tuple[str, str]]:
    """Yield the parts of a sample that a judge reads, shortened and made harmless, each after its name."""
    yield "topic", harmless(printable(" > ".join(candidate.path) or "(none)"), _LONGEST["topic"])
    if not candidate.is_conversation:
        record = {key: value for key, value in candidate.record.items() if key != "metadata"} or candidate.fields
        yield "record", harmless(_json(record), _LONGEST_RECORD)
        return
    messages = messages_of(candidate.record) or []
    spoken = {
        "system": "\n".join(_content(one) for one in messages if one.get("role") == "system"),
        "question": candidate.question,
        "reasoning": candidate.reasoning,
        "steps": "\n".join(_steps(messages)),
        "answer": candidate.answer,
    }
    for name, text in spoken.items():
        if text or name in ("question", "answer"):
            yield name, harmless(text, _LONGEST[name])


def harmless(text: str, longest: int) -> str:
    """Return a text of bounded length without invisible characters and without the signs of chat templates."""
    return _TURNS.sub(lambda sign: _OPENING[sign[0]], printable_text(shortened(text, longest)))


def shortened(text: str, longest: int) -> str:
    """Return a text that is cut in the middle if it is too long, with a note of how much is left out."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}\n(... {len(text) - 2 * half:,} characters are left out here ...)\n{text[-half:]}"


def _steps(messages: list[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what is between the first question and the last answer: tool calls, their results, and further turns."""
    turns = [one for one in messages if one.get("role") != "system"]
    for turn in turns[1:-1]:
        calls = turn.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            yield f"call: {shortened(_call(call), _LONGEST_STEP)}"
        if content := _content(turn):
            yield f"{turn.get('role')}: {shortened(content, _LONGEST_STEP)}"


def _call(call: object) -> str:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        return _json(call)
    arguments = function.get("arguments")
    return f"{function.get('name')}({arguments if isinstance(arguments, str) else _json(arguments)})"


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else "" if content is None else _json(content)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, default=str)
