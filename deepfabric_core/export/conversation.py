"""Read a record as a trainer sees it: turns with their reasoning and tool calls, and the tools that are offered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from deepfabric_core.chat.strict_json import parsed
from deepfabric_core.chat.tools import text_of
from deepfabric_core.samples.foreign.our_record import as_ours
from deepfabric_core.samples.reading import JournalLine
from deepfabric_core.samples.recipes.agent_record import KNOWS

_ROLES = frozenset(("system", "user", "assistant", "tool"))
_OTHER_NAMES = {"developer": "system", "function": "tool"}


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. `arguments` is an object, or the text as it stands where that isn't a JSON object."""

    id: str
    name: str
    arguments: Mapping[str, Any] | str

    @property
    def arguments_text(self) -> str:
        """The arguments as JSON text."""
        return self.arguments if isinstance(self.arguments, str) else as_json(self.arguments)


class Turn(NamedTuple):
    """What is said at once. Of a tool's result, `call_id` and `name` are those of the call that it answers.

    `weight` says how much an answer is learned, if it is told. `has_parts` says that there was more than text.
    """

    role: str
    content: str
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    call_id: str = ""
    name: str = ""
    weight: float | None = None
    has_parts: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """The turns of a record, and the tools offered in it, in OpenAI's format."""

    turns: tuple[Turn, ...]
    tools: tuple[Mapping[str, Any], ...] = ()

    @property
    def system(self) -> str:
        """The system prompt, or ""."""
        return self.turns[0].content if self.turns and self.turns[0].role == "system" else ""

    @property
    def spoken(self) -> tuple[Turn, ...]:
        """The turns after the system prompt."""
        return self.turns[1:] if self.turns and self.turns[0].role == "system" else self.turns

    def with_turn(self, turn: Turn) -> Conversation:
        """Return the conversation with one more turn at its end."""
        return Conversation((*self.turns, turn), self.tools)

    def has_reasoning(self) -> bool:
        """Whether anything was thought in any of the turns."""
        return any(turn.reasoning for turn in self.turns)

    def has_calls(self) -> bool:
        """Whether a tool is called."""
        return any(turn.calls or turn.role == "tool" for turn in self.turns)


def as_json(value: Any) -> str:
    """Return a value as JSON text in which every language can be read."""
    return json.dumps(value, ensure_ascii=False, default=str)


def conversation_of(record: JournalLine) -> Conversation | None:
    """Return the conversation of a record in any format; None if it holds none."""
    own = as_ours(record)
    if own is None:
        return None
    record = own
    turns = list(_turns(record["messages"]))
    if not turns or not _ROLES.issuperset([turn.role for turn in turns]):
        return None
    tools = tuple(_tools(record["tools"])) if record.get("tools") else ()
    return Conversation(tuple(_with_reasoning(turns, record)), tools)


def _turns(messages: Sequence[JournalLine]) -> Iterator[Turn]:
    names: dict[str, str] = {}
    for message in messages:
        role = message.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            role = _OTHER_NAMES.get(role := str(role), role)
        content, has_parts = message.get("content"), False
        if not isinstance(content, str):
            content, has_parts = _content(content)
        if role == "assistant":
            calls = tuple(_calls(message["tool_calls"])) if message.get("tool_calls") else ()
            if calls:
                names.update((call.id, call.name) for call in calls)
            reasoning = message.get("reasoning_content") or message.get("thinking")
            thought = reasoning if isinstance(reasoning, str) else ""
            yield Turn(role, content, thought, calls, weight=_weight(message.get("weight")), has_parts=has_parts)
        elif role == "tool":
            call_id = str(message.get("tool_call_id") or "")
            yield Turn(role, content, call_id=call_id, name=names.get(call_id) or str(message.get("name") or ""))
        else:
            yield Turn(role, content, has_parts=has_parts)


def _weight(value: Any) -> float | None:
    return value if isinstance(value, int | float) else None


def _content(content: Any) -> tuple[str, bool]:
    """Return the text of a message, which may come in parts, and whether there are others."""
    if isinstance(content, str):
        return content, False
    if isinstance(content, list):
        texts = [str(part["text"]) for part in content if isinstance(part, Mapping) and "text" in part]
        return "\n".join(texts), len(texts) < len(content)
    return "" if content is None else text_of(content), False


def _calls(calls: Any) -> Iterator[Call]:
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function", call) if _is_object(call) else None
        if function is not None and _is_object(function):
            yield Call(str(call.get("id") or ""), str(function.get("name")), _arguments(function.get("arguments")))


def _arguments(given: Any) -> Mapping[str, Any] | str:
    if _is_object(given):
        return given  # type: ignore[no-any-return]
    try:
        value = parsed(given.strip() or "{}") if isinstance(given, str) else {} if given is None else given
    except ValueError:
        return str(given)
    return value if _is_object(value) else text_of(given)


def _is_object(value: Any) -> bool:
    """Whether a value is an object; of what JSON is read as, that is told quickly."""
    return type(value) is dict or isinstance(value, Mapping)


def _with_reasoning(turns: list[Turn], record: JournalLine) -> list[Turn]:
    """Return the turns with the record's reasoning where it belongs: before a call, or before the answer."""
    said = record.get("reasoning", record.get("chain_of_thought"))
    content = said.get("content") if isinstance(said, Mapping) else said
    places = [place for place, turn in enumerate(turns) if turn.role == "assistant"] if content else []
    if not places or any(turns[place].reasoning for place in places):
        return turns
    thoughts = {places[-1]: [content]} if isinstance(content, str) else _thoughts(content, turns, places)
    for place, texts in thoughts.items():
        turns[place] = turns[place]._replace(reasoning="\n".join(filter(None, texts)))
    return turns


def _thoughts(steps: Any, turns: Sequence[Turn], places: Sequence[int]) -> dict[int, list[str]]:
    """Return an agent's thoughts by turn: one a call, or one a turn with calls; the rest is the last one's."""
    said = [step.get("thought") for step in steps if isinstance(step, Mapping)] if isinstance(steps, list) else []
    # What recipes write before the answer says nothing.
    texts = [text if isinstance(text, str) and text != KNOWS else "" for text in said]
    calling = [place for place in places if turns[place].calls]
    calls = sum(len(turns[place].calls) for place in calling)
    found: dict[int, list[str]] = {}
    for place in calling:
        count = len(turns[place].calls) if len(texts) >= calls else 1
        found.setdefault(place, []).extend(texts[:count])
        texts = texts[count:]
        calls -= len(turns[place].calls)
    found.setdefault(places[-1], []).extend(texts)
    return found


def _tools(tools: Any) -> Iterator[Mapping[str, Any]]:
    for tool in tools if isinstance(tools, list) else ():
        if _is_object(tool) and _is_object(tool.get("function")):
            yield tool
        elif isinstance(tool, Mapping) and isinstance(tool.get("name"), str):
            parameters = tool.get("inputSchema", tool.get("parameters"))
            schema = parameters if isinstance(parameters, Mapping) else {"type": "object", "properties": {}}
            function = {"name": tool["name"], "description": tool.get("description") or "", "parameters": schema}
            yield {"type": "function", "function": function}
