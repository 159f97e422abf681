"""Harmony, the format of gpt-oss, as text: each message has a channel, and says whom it is for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from deepfabric_core.samples.foreign.calls import call_of
from deepfabric_core.samples.foreign.chatml import text_key
from deepfabric_core.samples.foreign.reader import ForeignSample, Message, Raw, Reader, UnreadableRecordError
from deepfabric_core.samples.foreign.turns import read_turns
from deepfabric_core.samples.foreign.typescript import tools_of

_START = "<|start|>"
_MESSAGE = re.compile(
    r"<\|start\|>(.*?)<\|message\|>(.*?)(?:<\|end\|>|<\|return\|>|<\|call\|>|(?=<\|start\|>)|\Z)", re.DOTALL
)
_TO = re.compile(r"to=(?:functions\.)?(\S+?)(?=[\s<]|$)")
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)")
_INSTRUCTIONS = "# Instructions"
_TOOLS = re.compile(r"(?:\A|\n\n)# Tools\n\n(.*)", re.DOTALL)
# What stands in the system message of each prompt of gpt-oss, and says nothing of this conversation.
_EVERYWHERE = "You are ChatGPT, a large language model trained by OpenAI."


def _read(record: Raw) -> ForeignSample:
    key = text_key(record, _START)
    if key is None:
        raise UnreadableRecordError("it has no text in Harmony")
    reading = _Reading()
    for found in _MESSAGE.finditer(record[key]):
        reading.add(found[1], found[2])
    messages, _ = read_turns(list(reading.turns()))
    return ForeignSample(messages, frozenset((key,)), reading.tools, rest=reading.rest)


class _Reading:
    """The messages so far, and the reasoning and the text that wait for what they belong to."""

    def __init__(self) -> None:
        self.tools: Sequence[Raw] = ()
        self.rest: dict[str, Any] = {}
        self._turns: list[Message] = []
        self._thought = ""
        self._said: str | None = None

    def turns(self) -> Iterator[Message]:
        """Yield the turns."""
        self._let_go()
        yield from self._turns

    def add(self, head: str, text: str) -> None:
        """Add a message."""
        to, channel = _TO.search(head), _CHANNEL.search(head)
        role = re.split(r"[\s<]", head, maxsplit=1)[0]
        if role == "assistant" and not to:
            self._add_said(text, channel[1] if channel else "final")
        elif role == "assistant" and to:
            self._call(to[1], text)
        elif role in ("system", "developer"):
            self._add_instructions(role, text)
        else:
            self._let_go()
            is_user = role == "user"
            name = {} if is_user else {"name": role.removeprefix("functions.")}
            self._turns.append({"role": "user" if is_user else "tool", "content": text, **name})

    def _add_said(self, text: str, channel: str) -> None:
        if channel == "analysis":
            self._thought = "\n".join(filter(None, (self._thought, text)))
        elif channel == "commentary":
            self._said = "\n".join(filter(None, (self._said, text)))
        else:
            self._turns.append(self._answer("\n\n".join(filter(None, (self._said, text)))))

    def _call(self, name: str, text: str) -> None:
        self._turns.append({**self._answer(self._said or ""), "tool_calls": [call_of(name, text)]})

    def _answer(self, text: str) -> Message:
        thought = {"reasoning_content": self._thought} if self._thought else {}
        self._thought, self._said = "", None
        return {"role": "assistant", "content": text, **thought}

    def _let_go(self) -> None:
        """Keep what was said or thought with nothing after it."""
        if self._thought or self._said is not None:
            self._turns.append(self._answer(self._said or ""))

    def _add_instructions(self, role: str, text: str) -> None:
        if role == "system":
            if not text.startswith(_EVERYWHERE):
                self._turns.append({"role": "system", "content": text})
            return
        said = text
        if part := _TOOLS.search(text):
            self.tools, left = tools_of(part[1])
            said = text[: part.start()]
            if left:
                self.rest["tools"] = part[1]
        if not said.strip():
            return
        if said.startswith(_INSTRUCTIONS):
            said = said.removeprefix(_INSTRUCTIONS).removeprefix("\n\n")
        self._turns.append({"role": "system", "content": said})


def _matches(record: Raw) -> bool:
    return text_key(record, _START) is not None


READERS = (Reader("harmony", "text in Harmony, the format of gpt-oss", _matches, _read),)
