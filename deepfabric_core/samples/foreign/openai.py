"""Messages and tools, as OpenAI, TRL, Axolotl and many others have them, and OpenAI's preferences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepfabric_core.samples.foreign.calls import CallIds
from deepfabric_core.samples.foreign.reader import ForeignSample, Message, Raw, Reader
from deepfabric_core.samples.foreign.reasoning import RECORD_KEYS
from deepfabric_core.samples.foreign.tools import parsed, tools_in
from deepfabric_core.samples.foreign.turns import is_talk, read_turns, text_of

_TOOLS = ("tools", "functions", "available_tools")
_PREFERRED, _OTHER = "preferred_output", "non_preferred_output"


def is_messages(value: Any) -> bool:
    """Whether a value is a list of messages that say their role."""
    found = parsed(value)
    return isinstance(found, list) and any(isinstance(one, Mapping) and "role" in one for one in found)


def with_system(messages: list[Message], record: Raw) -> tuple[list[Message], set[str]]:
    """Return messages after the system prompt that stands beside them, and the key of that."""
    for key in ("system", "system_prompt"):
        if isinstance(record.get(key), str):
            text = record[key]
            return ([{"role": "system", "content": text}, *messages] if text else messages), {key}
        if isinstance(record.get(key), list):
            return [{"role": "system", "content": text_of(record[key])}, *messages], {key}
    return messages, set()


def tools_beside(record: Raw) -> tuple[list[Raw], set[str]]:
    """Return the tools that stand beside messages, and the keys of what was understood."""
    for key in _TOOLS:
        if key in record and (found := tools_in(record[key])) is not None:
            return found, {key}
    return [], set()


def reasoning_beside(record: Raw) -> tuple[Any, set[str]]:
    """Return the reasoning that stands beside a conversation, None if there is none, and its key."""
    for key in RECORD_KEYS:
        if isinstance(record.get(key), str):
            return record[key], {key}
    return None, set()


def _matches(record: Raw) -> bool:
    return is_messages(record.get("messages"))


def _read(record: Raw) -> ForeignSample:
    messages, rest = read_turns(record["messages"])
    messages, system = with_system(messages, record)
    tools, keys = tools_beside(record)
    thought, thought_key = reasoning_beside(record)
    # What OpenAI is asked for besides follows from the messages.
    taken = {"messages", "parallel_tool_calls", *system, *keys, *thought_key}
    said = {"messages": rest} if rest else {}
    return ForeignSample(messages, frozenset(taken), tools, thought, rest=said)


def _is_preference(record: Raw) -> bool:
    return _PREFERRED in record and isinstance(parsed(record.get("input")), Mapping)


def _read_preference(record: Raw) -> ForeignSample:
    given = parsed(record["input"])
    ids = CallIds()
    prompt, rest = read_turns(given.get("messages"), ids)
    tools, _ = tools_beside(given)
    better, _ = read_turns(record[_PREFERRED], ids)
    other = record.get(_OTHER)
    worse = [*prompt, *read_turns(other)[0]] if is_talk(parsed(other)) else None
    said = {name: value for name, value in given.items() if name not in ("messages", "parallel_tool_calls", *_TOOLS)}
    said |= {"messages": rest} if rest else {}
    taken = frozenset(("input", _PREFERRED, *([_OTHER] if worse else [])))
    return ForeignSample([*prompt, *better], taken, tools, worse=worse, rest=said)


READERS = (
    Reader(
        "openai-preference",
        "a preferred and a non-preferred answer, as OpenAI's preference fine-tuning takes them",
        _is_preference,
        _read_preference,
    ),
    Reader("openai", "messages and tools, as OpenAI, TRL, Axolotl and others have them", _matches, _read),
)
