"""Repeat the tool calls of a dataset, to check that its recorded results match what the tools return."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepfabric_core.chat.tools import ToolUse, arguments_of, by_name
from deepfabric_core.config.schema import Config
from deepfabric_core.errors import ConfigError, ModelError
from deepfabric_core.samples.reading import RecordedCall, calls_in, problems
from deepfabric_core.store.files import reason
from deepfabric_core.tools.toolbox import Toolbox, open_toolbox


@dataclass(frozen=True, slots=True)
class Difference:
    """A call whose result differs from the dataset's; `line` counts from 1."""

    line: int
    call: str
    recorded: str
    now: str


@dataclass
class Replayed:
    """The outcome of a replay."""

    samples: int = 0
    without_calls: int = 0
    calls: int = 0
    differences: list[Difference] = field(default_factory=list)


async def replay(dataset: Path, config: Config) -> Replayed:
    """Repeat every tool call of a dataset with the tools of a config.

    Raises:
        ConfigError: the dataset can't be read, or the config has no tools.
    """
    if not config.uses_tools:
        raise ConfigError("The config has no generation.tools, so there is nothing to carry out calls with.")
    done = Replayed()
    async with open_toolbox(config) as toolbox:
        for line, record in _records(dataset):
            done.samples += 1
            calls = list(calls_in(record))
            done.calls += len(calls)
            done.without_calls += not calls
            done.differences.extend(Difference(line, "the trace", said, "") for said in _damage(record, toolbox))
            done.differences.extend([one async for one in _differences(line, calls, toolbox)])
    return done


def _damage(record: Mapping[str, Any], toolbox: Toolbox) -> Iterator[str]:
    return problems(record, by_name(toolbox.tools)) if record.get("tools") else iter(())


async def _differences(line: int, calls: list[RecordedCall], toolbox: Toolbox) -> Any:
    async with toolbox.tool_sessions(f"replay-{line}") as tool_sessions:
        for call in calls:
            now = await _now(call, toolbox, tool_sessions)
            if now != call.result:
                yield Difference(line, f"{call.name}({call.arguments})", str(call.result), now)


async def _now(call: RecordedCall, toolbox: Toolbox, tool_sessions: Any) -> str:
    tool = by_name(toolbox.tools).get(call.name)
    if tool is None:
        return f"there is no tool {call.name}"
    try:
        return str((await tool_sessions.use(ToolUse(call.name, arguments_of(tool, call.arguments)))).content)
    except (ValueError, ModelError) as problem:
        return str(problem)


def _records(dataset: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with dataset.open("rb") as file:
            for number, text in enumerate(file, 1):
                if text.strip():
                    yield number, _record(dataset, number, text)
    except OSError as problem:
        raise ConfigError(f"{dataset}: the dataset can't be read: {reason(problem)}.") from problem


def _record(dataset: Path, number: int, text: bytes) -> dict[str, Any]:
    try:
        record = json.loads(text)
        list(calls_in(record))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as problem:
        raise ConfigError(f"{dataset}, line {number}: this is no record with messages.") from problem
    return dict(record)
