"""DeepFabric's own records, of today and of its versions 2 and 3: reasoning, steps and tool runs beside messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deepfabric_core.samples.foreign.calls import CallIds, call_of
from deepfabric_core.samples.foreign.openai import is_messages
from deepfabric_core.samples.foreign.reader import ForeignSample, Message, Raw, Reader, UnreadableRecordError
from deepfabric_core.samples.foreign.tools import tools_in
from deepfabric_core.samples.foreign.turns import read_turns, text_of

_QUESTIONS = ("question", "task", "user_query")
_ANSWERS = ("final_answer", "answer")
_TRACES = ("reasoning_trace", "reasoning_steps", "tool_planning")
_THOUGHTS = ("chain_of_thought", "initial_analysis", "initial_reasoning")
_RUNS = ("tool_executions", "executions")
_TOOLS = ("tools", "available_tools")
_OWN = frozenset(
    ("tool_context", "agent_context", *_TRACES, *_THOUGHTS, *_RUNS, "available_tools", "conversation_type")
)


def _matches(record: Raw) -> bool:
    if is_messages(record.get("messages")):
        said = record.get("reasoning")
        has_style = isinstance(said, Mapping) and "style" in said
        return has_style or not _OWN.isdisjoint(record) or {"question", "final_answer"} <= set(record)
    return _key(record, _QUESTIONS) is not None and (
        any(key in record for key in (*_TRACES, *_THOUGHTS, *_RUNS, "tool_context"))
    )


def _key(record: Raw, keys: tuple[str, ...]) -> str | None:
    return next((key for key in keys if isinstance(record.get(key), str) and record[key]), None)


def _read(record: Raw) -> ForeignSample:
    ids = CallIds()
    asked, answered = _key(record, _QUESTIONS), _key(record, _ANSWERS)
    rest: dict[str, Any] = {}
    if is_messages(record.get("messages")):
        messages, unread = read_turns(record["messages"], ids)
        rest = {"messages": unread} if unread else {}
    elif asked and answered:
        messages = [{"role": "user", "content": record[asked]}, {"role": "assistant", "content": record[answered]}]
    else:
        raise UnreadableRecordError("it has a question, but no messages and no final answer")
    context = record.get("tool_context")
    runs = _runs(record, context)
    thought, thought_keys = _reasoning(record)
    if runs and not any(message.get("tool_calls") for message in messages):
        messages = _with_runs(messages, runs, ids, is_thought=bool(thought))
    tools, tools_key = _tools(record, context)
    taken = {"messages", *_RUNS, *tools_key, *filter(None, (asked, answered))}
    return ForeignSample(messages, frozenset(taken | thought_keys), tools, thought, rest=rest)


def _runs(record: Raw, context: Any) -> list[Raw]:
    beside = context.get("executions") if isinstance(context, Mapping) else None
    given = next((record[key] for key in _RUNS if isinstance(record.get(key), list)), beside)
    return [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []


def _with_runs(messages: list[Message], runs: list[Raw], ids: CallIds, *, is_thought: bool) -> list[Message]:
    """Return messages with what tools did before the last answer, and what was thought of it if nothing else was."""
    is_answered = bool(messages) and messages[-1]["role"] == "assistant"
    end = len(messages) - 1 if is_answered else len(messages)
    return [*messages[:end], *_steps(runs, ids, is_thought=is_thought), *messages[end:]]


def _steps(runs: list[Raw], ids: CallIds, *, is_thought: bool) -> Iterator[Message]:
    for run in runs:
        name = run.get("function_name", run.get("function", run.get("tool_name", run.get("name"))))
        if not isinstance(name, str):
            raise UnreadableRecordError("a tool run in it doesn't say which tool it was")
        calls = [call_of(name, run.get("arguments", run.get("parameters", {})))]
        ids.name(calls)
        thought = None if is_thought else run.get("reasoning")
        more = {"reasoning_content": thought} if isinstance(thought, str) and thought else {}
        yield {"role": "assistant", "content": "", **more, "tool_calls": calls}
        yield {"role": "tool", "content": text_of(run.get("result")), "tool_call_id": ids.answered("", name)[0]}


def _tools(record: Raw, context: Any) -> tuple[list[Raw], set[str]]:
    for key in _TOOLS:
        if record.get(key) and (found := tools_in(record[key])) is not None:
            return found, {key}
    beside = context.get("available_tools") if isinstance(context, Mapping) else None
    return tools_in(beside) or [], {"tools"} if not record.get("tools") else set()


def _reasoning(record: Raw) -> tuple[Any, set[str]]:
    """Return the reasoning: as it stands, or of an older record its text and its steps as today's."""
    said = record.get("reasoning")
    if isinstance(said, Mapping | str):
        return said, {"reasoning"}
    trace = next((key for key in _TRACES if isinstance(record.get(key), list)), None)
    thoughts = [key for key in _THOUGHTS if isinstance(record.get(key), str)]
    text = "\n".join(record[key] for key in thoughts)
    if trace is None:
        return text or None, set(thoughts)
    steps = [_step(number, step) for number, step in enumerate(record[trace], 1)]
    if text:
        steps = [{"step_number": 0, "thought": text, "action": ""}, *steps]
    return {"style": "agent", "content": steps}, {trace, *thoughts}


def _step(number: int, step: Any) -> Raw:
    if not isinstance(step, Mapping):
        return {"step_number": number, "thought": text_of(step), "action": ""}
    if "thought" in step:
        return step
    thought = next((step[key] for key in ("reasoning", "content", "text") if isinstance(step.get(key), str)), "")
    tool = step.get("selected_tool_name", step.get("action", ""))
    rest = {name: value for name, value in step.items() if name not in ("reasoning", "content", "text", "action")}
    return {"step_number": number, "thought": thought, "action": str(tool or ""), **rest}


READERS = (Reader("deepfabric", "DeepFabric's records, of today and of versions 2 and 3", _matches, _read),)
