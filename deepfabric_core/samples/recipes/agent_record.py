"""Build the record of an agent sample; several of DeepFabric's fields hold the same calls in different forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deepfabric_core.chat.messages import ToolCall
from deepfabric_core.chat.tools import ToolResult
from deepfabric_core.samples.records import Record

KNOWS = "I know enough to answer."
_READY = "Ready to respond to user"


@dataclass(frozen=True, slots=True)
class Done:
    """A tool call that was carried out, with its thought and result."""

    call: ToolCall
    thought: str
    result: ToolResult


def record_of(
    system_prompt: str | None,
    question: str,
    steps: Sequence[Sequence[Done]],
    answer: str,
    tools: Sequence[Mapping[str, Any]],
) -> Record:
    """Return the record of a task, the calls of each step and the answer; `tools` are in OpenAI's format."""
    done = [one for step in steps for one in step]
    system = [{"role": "system", "content": system_prompt}] if system_prompt else []
    thoughts = [(one.thought, f"{one.call.name}({one.call.arguments})") for one in done]
    return {
        "messages": [
            *system,
            {"role": "user", "content": question},
            *_messages(steps),
            {"role": "assistant", "content": answer},
        ],
        "metadata": {"conversation_type": "cot", "react_steps": len(done) + 1},
        "reasoning": {
            "style": "agent",
            "content": [
                {"step_number": number, "thought": thought, "action": action}
                for number, (thought, action) in enumerate([*thoughts, (KNOWS, _READY)], 1)
            ],
        },
        "tool_context": {"executions": [_execution(one) for one in done]},
        "tools": list(tools),
        "agent_context": {"mode": "single_turn"},
        "question": question,
        "final_answer": answer,
    }


def _messages(steps: Sequence[Sequence[Done]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield {"role": "assistant", "content": "", "tool_calls": [_call(one.call) for one in step]}
        for one in step:
            yield {"role": "tool", "content": one.result.content, "tool_call_id": one.call.id}


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _execution(one: Done) -> dict[str, str]:
    return {
        "function_name": one.call.name,
        "arguments": one.call.arguments,
        "reasoning": one.thought,
        "result": one.result.content,
    }
