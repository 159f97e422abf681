"""Records for the tests of exports: a question, an agent's work, and any conversation that can be drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

Record = dict[str, Any]

READ = {
    "type": "function",
    "function": {
        "name": "read_file",
        "description": "Read a file.",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    },
}


def answered(question: str = "How long does green tea steep?", answer: str = "Two minutes.", **more: Any) -> Record:
    """A question and its answer, with the metadata of a topic."""
    path = ["Tea", more.pop("branch", "Green tea"), more.pop("topic", question)]
    metadata = {"conversation_type": "basic", "topic_id": path[-1], "topic_path": path, "cycle": 0, "simulated": False}
    messages = [
        {"role": "system", "content": "You know tea."},
        {"role": "user", "content": question},
        {"role": "assistant", "content": answer},
    ]
    reasoning = {"style": "freetext", "content": more.pop("reasoning", "")}
    return {
        "messages": messages,
        "metadata": metadata,
        "reasoning": reasoning,
        "question": question,
        "final_answer": answer,
        **more,
    }


def worked(*, at_once: bool = False, text: str = "") -> Record:
    """An agent's work: two calls, one after the other or at once, each with a thought, and the answer."""
    calls = [_call("a1", {"path": "tea.txt"}), _call("b2", {"path": "pot.txt"})]
    results = [
        {"role": "tool", "content": "green", "tool_call_id": "a1"},
        {"role": "tool", "content": "red", "tool_call_id": "b2"},
    ]
    steps: list[Record] = []
    if at_once:
        steps = [{"role": "assistant", "content": text, "tool_calls": calls}, *results]
    else:
        for call, result in zip(calls, results, strict=True):
            steps += [{"role": "assistant", "content": text, "tool_calls": [call]}, result]
    thoughts = ["See the tea.", "See the pot.", "I know enough to answer."]
    return {
        **answered("What is in the files?", "Green tea, a red pot."),
        "messages": [
            {"role": "system", "content": "You read files."},
            {"role": "user", "content": "What is in the files?"},
            *steps,
            {"role": "assistant", "content": "Green tea, a red pot."},
        ],
        "reasoning": {
            "style": "agent",
            "content": [
                {"step_number": number, "thought": thought, "action": ""} for number, thought in enumerate(thoughts, 1)
            ],
        },
        "tools": [READ],
    }


def _call(identity: str, arguments: Record) -> Record:
    function = {"name": "read_file", "arguments": json.dumps(arguments)}
    return {"id": identity, "type": "function", "function": function}


def write(path: Path, *records: Record) -> Path:
    """Write records to a dataset."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def rows(path: Path) -> list[Record]:
    """Read the lines of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# Texts that can stand in every format: neither empty nor with the formats' own marks.
_CHARACTERS = "aB 1.\n\t\"'\\{}[]|>#/é茶😀\u2028\x00"
_TEXTS = st.text(_CHARACTERS, min_size=1, max_size=12).filter(lambda text: text.strip() == text)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(_CHARACTERS, max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def conversations(draw: st.DrawFn) -> Record:
    """Records as recipes make them: a system prompt or none, perhaps calls one after the other, reasoning or none."""
    messages: list[Record] = [{"role": "system", "content": draw(_TEXTS)}] if draw(st.booleans()) else []
    messages.append({"role": "user", "content": draw(_TEXTS)})
    thoughts = []
    for number in range(draw(st.integers(0, 2))):
        arguments = json.dumps(draw(st.dictionaries(_TEXTS, _JSON, max_size=2)))
        call = {"id": f"call{number}", "type": "function", "function": {"name": "read_file", "arguments": arguments}}
        messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
        messages.append({"role": "tool", "content": draw(_TEXTS), "tool_call_id": f"call{number}"})
        thoughts.append(draw(_TEXTS | st.just("")))
    messages.append({"role": "assistant", "content": draw(_TEXTS)})
    thoughts.append(draw(_TEXTS | st.just("")))
    steps = [{"step_number": number, "thought": thought, "action": ""} for number, thought in enumerate(thoughts, 1)]
    reasoning = (
        {"style": "agent", "content": steps} if len(thoughts) > 1 else {"style": "freetext", "content": thoughts[0]}
    )
    return {"messages": messages, "reasoning": reasoning, **({"tools": [READ]} if len(thoughts) > 1 else {})}
