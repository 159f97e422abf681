"""ChatML as text: blocks with a speaker each, with tools, calls and results between tags."""

from __future__ import annotations

import re

from deepfabric_core.samples.foreign.reader import ForeignSample, Message, Raw, Reader, UnreadableRecordError
from deepfabric_core.samples.foreign.tools import tools_in
from deepfabric_core.samples.foreign.turns import read_turns, role_of

_BLOCK = re.compile(r"<\|im_start\|>([^\n]*)\n(.*?)(?:<\|im_end\|>|(?=<\|im_start\|>)|\Z)", re.DOTALL)
_TOOLS = re.compile(r"<tools>\s*(.*?)\s*</tools>", re.DOTALL)
# Where the system prompt ends and the tools begin, in exports of ours and in the templates of Qwen.
_TOOLS_PART = re.compile(r"(?:\A|\n\n)# Tools\n.*<tools>.*", re.DOTALL)
_KEYS = ("text", "prompt", "messages", "conversation", "content", "formatted")


def text_key(record: Raw, mark: str) -> str | None:
    """Return the key of the text in a record that has a mark of a format in it."""
    keys = (*_KEYS, *record) if mark else ()
    return next((key for key in keys if isinstance(record.get(key), str) and mark in record[key]), None)


def _read(record: Raw) -> ForeignSample:
    key = text_key(record, "<|im_start|>")
    if key is None:
        raise UnreadableRecordError("it has no text in ChatML")
    blocks = [(found[1].strip(), found[2]) for found in _BLOCK.finditer(record[key])]
    if unknown := next((role for role, _ in blocks if role_of({"role": role}) is None), None):
        raise UnreadableRecordError(f"nobody knows who {unknown[:40]!r} is")
    tools: list[Raw] = []
    turns: list[Message] = []
    for role, text in blocks:
        said = text
        if role == "system" and (part := _TOOLS_PART.search(text)):
            found = _tools_in(part[0])
            if found:
                tools, said = found, text[: part.start()]
        if said or role != "system":
            turns.append({"role": role, "content": said})
    messages, _ = read_turns(turns)
    return ForeignSample(messages, frozenset((key,)), tools)


def _tools_in(text: str) -> list[Raw]:
    found = _TOOLS.search(text)
    if found is None:
        return []
    lines = found[1].split("\n")
    whole = tools_in(found[1]) if found[1].startswith("[") else tools_in(f"[{','.join(lines)}]")
    return list(whole or ())


READERS = (Reader("chatml", "text in ChatML", lambda record: text_key(record, "<|im_start|>") is not None, _read),)
