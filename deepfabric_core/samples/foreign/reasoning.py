"""Tell reasoning in a text from what is said, and know the keys that hold reasoning."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Keys of a message that hold its reasoning, and those of a record.
MESSAGE_KEYS = ("reasoning_content", "thinking", "reasoning", "thought", "thoughts")
RECORD_KEYS = ("reasoning", "chain_of_thought", "reasoning_content", "cot", "thinking", "think", "thought", "rationale")

_TAGGED = re.compile(
    r"\s*(?:<(?P<tag>think|thinking|thought|reasoning)>|\[THINK\])\n?(?P<thought>.*?)\n?"
    r"(?(tag)</(?P=tag)>|\[/THINK\])\n{0,2}",
    re.DOTALL,
)
# Templates put the first tag into the prompt, so that texts of models often begin without it.
_END = re.compile(r"\n?</think>\n{0,2}")


def apart(text: str) -> tuple[str, str]:
    r"""Return the reasoning in a text, "" if there is none, and what is said after it.

    >>> apart("<think>\n2 + 2\n</think>\n\n4")
    ('2 + 2', '4')
    """
    if found := _TAGGED.match(text):
        return found["thought"], text[found.end() :]
    if "<think>" not in text and (end := _END.search(text)):
        return text[: end.start()], text[end.end() :]
    return "", text


def reasoning_in(message: Mapping[str, Any]) -> str:
    """Return what a message holds of reasoning under a key of its own; "" if there is none."""
    return next((value for key in MESSAGE_KEYS if isinstance(value := message.get(key), str) and value), "")
