"""How the simulated model acts as an agent: which tools it calls, with which arguments, and when it is done."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from deepfabric_core.chat.messages import JsonObject, Request, ToolCall
from deepfabric_core.llm.simulated.prose import Writer
from deepfabric_core.llm.simulated.values import Builder

# Tools that list things are called first, those that delete something last.
_ORDER = (("list", "search", "find"), ("get", "read", "show"), ("add", "write", "set"), ("delete", "remove", "drop"))
_MOST_CALLS = 3
_PATH = re.compile(r"(?:(?:^|[_-])(?:file(?:name|path)?|path)|File(?:[nN]ame|[pP]ath)?|Path)(?![a-z])")
_PLAIN = {"type", "description", "title", "default", "examples"}
_NEW_FILES = ("notes.md", "summary.txt", "report.json", "todo.md")


def next_call(request: Request, writer: Writer) -> tuple[ToolCall, ...]:
    """Return the next tool call, or none if enough were made. The order of the tools is drawn once per task."""
    made = sum(len(message.tool_calls) for message in request.messages)
    functions = [tool["function"] for tool in request.tools]
    order = sorted(functions, key=lambda function: _rank(function["name"], writer))
    wanted = writer.number(1, min(_MOST_CALLS, len(order)))
    if made >= wanted:
        return ()
    function = order[made]
    arguments = _arguments(function.get("parameters", {}), writer, sorted(set(_files_named(request))))
    return (ToolCall(f"call_{made}", function["name"], json.dumps(arguments, ensure_ascii=False)),)


def _rank(name: str, writer: Writer) -> tuple[int, int]:
    words = name.lower().replace("-", "_").split("_")
    order = next((place for place, known in enumerate(_ORDER) if any(word in known for word in words)), 1)
    return order, writer.number(0, 1000)


def _arguments(schema: JsonObject, writer: Writer, files: list[str]) -> dict[str, Any]:
    built: dict[str, Any] = Builder(schema, writer).build(schema)
    properties: Mapping[str, Any] = schema.get("properties", {})
    for name in built:
        if name == "_thought":
            built[name] = writer.sentence()
        elif _is_a_path(name, properties.get(name)):
            known = files or list(_NEW_FILES)
            built[name] = known[writer.number(0, len(known) - 1)]
    return built


def _is_a_path(name: str, schema: Any) -> bool:
    """Return whether an argument is any text and is named like a file: file_path, filename, inputPath; not profile."""
    plain = isinstance(schema, Mapping) and schema.get("type") == "string" and schema.keys() <= _PLAIN
    return plain and _PATH.search(name) is not None


def _files_named(request: Request) -> Iterator[str]:
    """Yield the files that tool results listed."""
    for message in request.messages:
        if message.role == "tool":
            try:
                listed = json.loads(message.content)
            except ValueError:
                continue
            if isinstance(listed, list):
                yield from (one for one in listed if isinstance(one, str))
