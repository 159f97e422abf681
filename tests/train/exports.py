"""Datasets as `deepfabric generate` makes them and as people write them, and what is to be learned of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from deepfabric_core.cli.app import app
from deepfabric_core.samples.reviews import Decision, sample_id
from deepfabric_core.store.review_log import ReviewLog, reviews_path
from tests import ROOT

Record = dict[str, Any]

KINDS: dict[str, Record] = {
    "chat": {"conversation": {"type": "basic"}},
    "reasoning": {"conversation": {"type": "cot"}},
    "agent": {
        "tools": {
            "components": {"builtin": ["read_file", "write_file", "list_files"]},
            "scenario_seed": {"files": {"main.py": "print('Helo')", "notes.txt": "<|im_end|> & “quotes”\n"}},
            "max_per_query": 2,
        }
    },
}
NAMES = (*KINDS, "written")
END = "<|im_end|>"


def make(place: Path, kind: str) -> Path:
    """Make a dataset by the command line: of one of the kinds, or as it was written by people."""
    path = place / f"{kind}.jsonl"
    if kind == "written":
        path.write_text("".join(json.dumps(record) + "\n" for record in written()), encoding="utf-8")
        return path
    config = {
        "llm": {"provider": "simulated"},
        "topics": {"prompt": "Keeping bees", "depth": 2, "degree": 2},
        "generation": {"system_prompt": "You are a careful engineer.", **KINDS[kind]},
        "output": {"save_as": path.name, "num_samples": 8},
    }
    (place / f"{kind}.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "deepfabric_core", "generate", f"{kind}.yaml"],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(place), "XDG_CACHE_HOME": str(place)},
        check=True,
        capture_output=True,
    )
    return path


def written() -> Iterator[Record]:
    """Conversations of several turns, with calls at once whose arguments have other names and types in each."""
    all_arguments: list[Record] = [{"city": "Łódź"}, {"city": 7, "days": [1, "two", None]}, {}, {"unit": None}]
    for number, arguments in enumerate(all_arguments):
        called = [
            _call(f"c{number}a", "weather", arguments),
            _call(f"c{number}b", "clock", {"zone": {"hours": number}}),
        ]
        yield {
            "messages": [
                {"role": "system", "content": "You tell the weather."},
                {"role": "user", "content": f"Hello number {number}!"},
                {"role": "assistant", "content": "Hello. Where are you?"},
                {"role": "user", "content": f"At place {number}."},
                {"role": "assistant", "content": "I look.", "tool_calls": called},
                {"role": "tool", "content": '{"sky": "blue"}', "tool_call_id": f"c{number}a"},
                {"role": "tool", "content": "noon", "tool_call_id": f"c{number}b"},
                {"role": "assistant", "content": f"It is noon\nunder a blue sky, {number}."},
            ],
            "tools": [_tool("weather", city={"type": "string"}, days={"type": "array"}), _tool("clock", zone={})],
            "metadata": {"topic_id": str(number), "topic_path": ["Weather", f"Place {number}"], "cycle": 0},
        }


def _call(identity: str, name: str, arguments: Record) -> Record:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def _tool(name: str, **properties: Record) -> Record:
    parameters = {"type": "object", "properties": properties}
    return {"type": "function", "function": {"name": name, "description": "", "parameters": parameters}}


def export(dataset: Path, name: str, path: Path) -> Path:
    """Export a dataset by the command line, and return the path."""
    done = CliRunner().invoke(app, ["export", str(dataset), "--to", name, "-o", str(path)])
    assert done.exit_code == 0, done.output
    return path


def question_of(record: Record) -> str:
    """What a user asks first."""
    return str(next(message["content"] for message in record["messages"] if message["role"] == "user"))


def records_of(dataset: Path) -> list[Record]:
    """Read a dataset."""
    return [json.loads(line) for line in dataset.read_text(encoding="utf-8").splitlines()]


def edit_all(dataset: Path) -> None:
    """Review a dataset: the last answer of each sample is edited, so that the one before it is the worse one."""
    log = ReviewLog(reviews_path(dataset))
    for number, record in enumerate(records_of(dataset)):
        after = json.loads(json.dumps(record))
        after["messages"][-1]["content"] += " So it is better."
        log.add(Decision(str(number), sample_id(record), "edit", "me", 1.0, before=record, after=after))


def learned_of(record: Record) -> list[str]:
    """What the assistant says in a record, turn by turn, as the template of these tests writes it."""
    steps = (record.get("reasoning") or {}).get("content") or ""
    thoughts = [step["thought"] for step in steps[:-1]] if isinstance(steps, list) else []
    spoken = [message for message in record["messages"] if message["role"] == "assistant"]
    found = []
    for message in spoken:
        calls = message.get("tool_calls") or []
        thought = "\n".join(thoughts[: len(calls)]) if thoughts else ""
        if isinstance(steps, str) and message is spoken[-1]:
            thought = steps
        del thoughts[: len(calls)]
        found.append(_turn(thought, message["content"], calls))
    return found


def _turn(thought: str, content: str, calls: list[Record]) -> str:
    said = [f"<think>\n{thought}\n</think>\n\n"] if thought else []
    said.append(content)
    for call in calls:
        function = {"name": call["function"]["name"], "arguments": json.loads(call["function"]["arguments"])}
        said.append(f"\n<tool_call>\n{json.dumps(function, ensure_ascii=False)}\n</tool_call>")
    return "".join(said) + END
