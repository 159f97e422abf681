"""Samples that judges are asked about, and rubrics to judge them by."""

from __future__ import annotations

from typing import Any

from deepfabric_core.config.schema import Config
from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.quality.judge.rubric import Rubric, criteria_named

PATH = ("Bicycles", "Wheels", "Truing a rim")
RUBRIC = Rubric(criteria_named(["correctness", "clarity"]), 1, 5, 4.0)


def chat(question: str = "Why true a rim?", answer: str = "It wobbles, and rubs on the brake.") -> Candidate:
    turns = [("system", "You know bicycles."), ("user", question), ("assistant", answer)]
    messages = [{"role": role, "content": content} for role, content in turns]
    return candidate_of({"messages": messages, "metadata": {}, "question": question, "final_answer": answer}, PATH)


def agent() -> Candidate:
    call = {"id": "c1", "type": "function", "function": {"name": "read_file", "arguments": '{"file_path": "rims.md"}'}}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "What do my notes say about rims?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "Half a turn at a time.", "tool_call_id": "c1"},
        {"role": "assistant", "content": "Half a turn at a time."},
    ]
    return candidate_of({"messages": messages, "metadata": {}}, PATH)


def config(generation: dict[str, Any] | None = None, **output: Any) -> Config:
    return Config.model_validate(
        {
            "topics": {"prompt": "Bicycles"},
            "generation": {"system_prompt": "You know bicycles.", **(generation or {})},
            "output": {"save_as": "out.jsonl", **output},
        }
    )
