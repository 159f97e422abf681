"""Find out which parts of a conversation a template renders and marks, by texts that stand nowhere else.

A text may stand in a rendered conversation for another reason: the name of a tool that is called in its definition,
an argument in the question. So each part is replaced by one of its own, and what becomes of that is known for all
conversations of the same shape.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from deepfabric_core.export.check.defects import Defect
from deepfabric_core.export.conversation import Call, Conversation, Turn

_FIRST_NUMBER = 8_100_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a conversation: the text that stands for it, whose turn it is in, and what its loss is called."""

    text: str
    loss: Defect
    turn: int = -1
    is_learned: bool = False


@dataclass(slots=True)
class Placeholders:
    """A conversation with texts that stand nowhere else, and what they stand for."""

    conversation: Conversation
    parts: tuple[Part, ...]

    def lost_in(self, text: str, first_learned: int, *, thoughts: bool) -> Iterator[Defect]:
        """Yield what isn't in a rendered text; thoughts are looked for from a turn on, if at all."""
        for part in self.parts:
            is_wanted = part.loss is not Defect.REASONING or (thoughts and part.turn >= first_learned)
            if is_wanted and part.text not in text:
                yield part.loss

    def wrongly_marked(self, text: str, marked: str) -> Iterator[Defect]:
        """Yield in which ways what is marked differs from what the assistant says."""
        for part in self.parts:
            if part.is_learned and part.text in text and part.text not in marked:
                yield Defect.PARTIAL_MASK
            elif not part.is_learned and part.text in marked:
                yield Defect.WIDE_MASK


def shape_of(conversation: Conversation) -> Hashable:
    """Return what a template can tell conversations apart by, apart from their words."""
    return (len(conversation.tools), *map(_shape_of_turn, conversation.turns))


def _shape_of_turn(turn: Turn) -> Hashable:
    calls = tuple((bool(call.id), _shape(call.arguments)) for call in turn.calls)
    return turn.role, bool(turn.content.strip()), bool(turn.reasoning.strip()), calls, bool(turn.call_id)


def _shape(value: Any) -> Hashable:
    if isinstance(value, Mapping):
        return ("object", *map(_shape, value.values()))
    if isinstance(value, list):
        return ("list", *map(_shape, value))
    return value if isinstance(value, bool) else type(value).__name__


def with_placeholders(conversation: Conversation) -> Placeholders:
    """Return a conversation of the same shape, with texts that stand nowhere else."""
    made = _Replacing()
    turns = tuple(made.turn(number, turn) for number, turn in enumerate(conversation.turns))
    tools = tuple(made.tool(tool) for tool in conversation.tools)
    return Placeholders(Conversation(turns, tools), tuple(made.parts))


@dataclass(slots=True)
class _Replacing:
    parts: list[Part] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _ids: dict[str, tuple[str, str]] = field(default_factory=dict)

    def turn(self, number: int, turn: Turn) -> Turn:
        learned = turn.role == "assistant"
        loss = Defect.RESULTS if turn.role == "tool" else Defect.TEXT
        content = self._text(turn.content, Part("", loss, number, learned))
        reasoning = self._text(turn.reasoning, Part("", Defect.REASONING, number, learned))
        calls = tuple(self._call(call, Part("", Defect.CALLS, number, learned)) for call in turn.calls)
        call_id, name = self._ids.get(turn.call_id, (turn.call_id and "unknown00", turn.name))
        return Turn(turn.role, content, reasoning, calls, call_id, name)

    def tool(self, tool: Mapping[str, Any]) -> Mapping[str, Any]:
        name = self._text(str(tool["function"].get("name")), Part("", Defect.TOOLS))
        return {**tool, "function": {**tool["function"], "name": name}}

    def _call(self, call: Call, part: Part) -> Call:
        name = self._text(call.name, part)
        identity = f"call{len(self._ids):05d}" if call.id else ""
        self._ids[call.id] = identity, name
        if isinstance(call.arguments, str):
            return Call(identity, name, self._text(call.arguments, part))
        return Call(
            identity, name, {self._text(key, part): self._value(one, part) for key, one in call.arguments.items()}
        )

    def _value(self, value: Any, part: Part) -> Any:
        if isinstance(value, Mapping):
            return {self._text(str(key), part): self._value(one, part) for key, one in value.items()}
        if isinstance(value, list):
            return [self._value(one, part) for one in value]
        if isinstance(value, str):
            return self._text(value, part)
        if isinstance(value, bool) or value is None:
            return value
        number = _FIRST_NUMBER + next(self._numbers)
        self._add(str(number), part)
        return number

    def _text(self, text: str, part: Part) -> str:
        if not text.strip():
            return text
        made = f"Qx{next(self._numbers)}xQ"
        self._add(made, part)
        return made

    def _add(self, text: str, part: Part) -> None:
        self.parts.append(Part(text, part.loss, part.turn, part.is_learned))
