"""Edit a record by hand: put texts at places of it, and keep what repeats them the same."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any

from deepfabric_core.chat.json_schema import Schema
from deepfabric_core.chat.strict_json import parsed
from deepfabric_core.chat.tools import text_of
from deepfabric_core.errors import ConfigError
from deepfabric_core.samples.records import Record
from deepfabric_nb.samples.output_schema import check_edit, is_of, kinds_of, wanted

# Keys and numbers that lead to a value in a record.
Place = list[str | int]

_REPEATING = ("question", "final_answer", "answer")


def edited(record: Mapping[str, Any], texts: Iterable[tuple[Place, str]], schema: Schema | None = None) -> Record:
    """Return the record with other texts at places of it.

    A text takes the place of a text; anywhere else, and for the arguments of a tool call, it has to be JSON of the same
    kind, or of one that the schema of the records allows. The fields `question`, `answer` and `final_answer`, and
    `tool_context`, follow the messages that they repeat.

    Raises:
        ConfigError: the record has no such place, a text isn't the JSON that it has to be, or the record doesn't fit
            its schema any more.
    """
    after: Record = copy.deepcopy(dict(record))
    for place, text in texts:
        before = at_place(after, place)
        value = _arguments(text, before) if place[-1] == "arguments" else _value(text, before, place, schema)
        _put(after, place, value)
        _repeat(after, place, before, value)
    if schema is not None:
        check_edit(record, after, schema)
    return after


def at_place(record: Any, place: Place) -> Any:
    """Return the value at a place, None if there is none."""
    value = record
    for step in place:
        try:
            value = value[step]
        except (LookupError, TypeError):
            return None
    return value


def text_at(record: Any, place: Place) -> str:
    """Return the value at a place as text, by which two are compared."""
    return text_of(at_place(record, place))


def _put(record: Any, place: Place, value: Any) -> None:
    holder = at_place(record, place[:-1])
    try:
        holder[place[-1]]  # a place that is there already
        holder[place[-1]] = value
    except (LookupError, TypeError) as problem:
        raise ConfigError("The sample has no such text any more: open it again.") from problem


def _value(text: str, before: Any, place: Place, schema: Schema | None) -> Any:
    name = str(place[-1])
    kinds = kinds_of(name, before, schema if len(place) == 1 else None)
    if isinstance(before, str) and (not kinds or "string" in kinds):
        return text
    if before is None and name == "content":
        return text
    try:
        value = _parsed(text, f"The field {name}")
    except ConfigError:
        if kinds and not {"array", "object", "string"} & set(kinds):
            raise ConfigError(wanted(name, kinds)) from None
        if "string" in kinds:
            return text
        raise
    if is_of(value, kinds):
        return value
    if "string" in kinds:
        return text
    raise ConfigError(wanted(name, kinds))


def _arguments(text: str, before: Any) -> Any:
    """Return arguments in the form that they had; as they were if they say the same."""
    value = _parsed(text, "The arguments of a tool call")
    if not isinstance(value, dict):
        raise ConfigError("The arguments of a tool call have to be a JSON object: begin with { and end with }.")
    if not isinstance(before, str):
        return value
    try:
        if json.loads(before) == value:
            return before
    except (ValueError, RecursionError):
        pass
    return json.dumps(value, ensure_ascii=False)


def _parsed(text: str, what: str) -> Any:
    try:
        return parsed(text)
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno}, column {problem.colno}"
        raise ConfigError(f"{what} can't be saved: {problem.msg.lower()} at {where}; mend the JSON there.") from problem
    except ValueError as problem:
        raise ConfigError(f"{what} can't be saved: {problem}; mend the JSON there.") from problem


def _repeat(record: Record, place: Place, before: Any, value: Any) -> None:
    """Change what repeats a text of the messages: DeepFabric's records have several texts twice."""
    if place[0] != "messages" or before == value:
        return
    for name in _REPEATING:
        if isinstance(before, str) and before and record.get(name) == before:
            record[name] = value
    own = "arguments" if place[-1] == "arguments" else "result"
    context = record.get("tool_context")
    executions = context.get("executions") if isinstance(context, dict) else None
    for one in executions if isinstance(executions, list) else ():
        if isinstance(one, dict) and before and one.get(own) == before:
            one[own] = value
    if own == "arguments" and isinstance(before, str) and isinstance(value, str):
        _repeat_in_steps(record, before, value)


def _repeat_in_steps(record: Record, before: str, value: str) -> None:
    reasoning = record.get("reasoning")
    steps = reasoning.get("content") if isinstance(reasoning, dict) else None
    for step in steps if isinstance(steps, list) else ():
        action = step.get("action") if isinstance(step, dict) else None
        if isinstance(action, str) and before and action.endswith(f"({before})"):
            step["action"] = f"{action[: -len(before) - 1]}{value})"
