"""Independent readers of formats, as trainers document them: a row becomes what was said, called and thought.

A conversation is a list of (role, text, reasoning, call, result's call): what every format should be able to give back.
"""

from __future__ import annotations

import json
import re
from typing import Any

Row = dict[str, Any]
Said = tuple[str, str, str, tuple[str, str] | None]

_THOUGHT = re.compile(r"<think>\n(.*?)\n</think>\n\n", re.DOTALL)


def _apart(text: str) -> tuple[str, str]:
    found = _THOUGHT.match(text)
    return (found[1], text[found.end() :]) if found else ("", text)


def _call(name: str, arguments: Any) -> tuple[str, str]:
    return name, json.dumps(json.loads(arguments) if isinstance(arguments, str) else arguments, sort_keys=True)


def from_messages(messages: list[Row]) -> list[Said]:
    """Read messages as TRL, OpenAI and Axolotl have them."""
    found: list[Said] = []
    for message in messages:
        thought, text = _apart(message.get("content") or "")
        thought = thought or message.get("reasoning_content") or ""
        calls: list[tuple[str, str] | None] = [_call(**one["function"]) for one in message.get("tool_calls") or ()]
        found += [(message["role"], text, thought, call) for call in (calls or [None])]
    return found


def from_sharegpt(row: Row) -> list[Said]:
    """Read a row as LLaMA-Factory does."""
    roles = {"human": "user", "gpt": "assistant", "observation": "tool", "function_call": "assistant"}
    found: list[Said] = [("system", row["system"], "", None)] if row["system"] else []
    for turn in row["conversations"]:
        thought, text = _apart(turn["value"])
        if turn["from"] == "function_call":
            found.append(("assistant", "", thought, _call(**json.loads(text))))
        else:
            found.append((roles[turn["from"]], text, thought, None))
    return found


def from_chatml(text: str) -> list[Said]:
    """Read ChatML with tools in tags."""
    found: list[Said] = []
    for block in re.findall(r"<\|im_start\|>(.*?)<\|im_end\|>\n", text, re.DOTALL):
        role, _, whole = block.partition("\n")
        thought, said = _apart(whole)
        calls = re.findall(r"<tool_call>\n(.*?)\n</tool_call>", said, re.DOTALL)
        results = re.findall(r"<tool_response>\n(.*?)\n</tool_response>", said, re.DOTALL)
        if role == "system":
            said = said.partition("# Tools\n")[0].removesuffix("\n\n")
            found += [("system", said, "", None)] if said else []
        elif results:
            found += [("tool", result, "", None) for result in results]
        else:
            text_alone = re.sub(r"\n?<tool_call>.*", "", said, flags=re.DOTALL)
            found += [(role, text_alone, thought, _call(**json.loads(call))) for call in calls] or [
                (role, said, thought, None)
            ]
    return found


def from_harmony(text: str) -> list[Said]:
    """Read Harmony: reasoning is a message of its own before what it belongs to."""
    found: list[Said] = []
    thought = ""
    for head, said, _ in re.findall(
        r"<\|start\|>(.*?)<\|message\|>(.*?)(<\|end\|>|<\|return\|>|<\|call\|>)", text, re.DOTALL
    ):
        called = re.search(r"to=functions\.(\S+) ", head)
        if head == "assistant<|channel|>analysis":
            thought = said
        elif called:
            found.append(("assistant", "", thought, _call(called[1], said)))
            thought = ""
        elif head.startswith("functions."):
            found.append(("tool", said, "", None))
        elif head == "developer":
            instructions = said.partition("# Tools\n")[0].removeprefix("# Instructions\n\n").removesuffix("\n\n")
            found += [("system", instructions, "", None)] if instructions else []
        elif head != "system":
            found.append((head.partition("<")[0], said, thought, None))
            thought = ""
    return found
