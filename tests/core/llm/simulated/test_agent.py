"""How the simulated model plays an agent: it looks round first, calls what fits, and always does the same."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest

from deepfabric_core.chat.messages import Message, Reply, Request, Subject
from deepfabric_core.config.llm import Llm, Simulated
from deepfabric_core.llm.simulated.model import SimulatedModel
from deepfabric_core.tools.definitions import tool_from
from deepfabric_core.tools.virtual_files import BUILT_IN

FILES = ["Dockerfile", "src/main.py"]
RESULTS = {"list_files": json.dumps(FILES), "read_file": "FROM python", "write_file": "Wrote", "delete_file": "Deleted"}

NOTHING: dict[str, Any] = {"type": "object", "properties": {}}
ODD: dict[str, dict[str, Any]] = {
    "nothing": NOTHING,
    "nothing but what is required": {"type": "object", "properties": {}, "required": ["city"]},
    "a choice": {"properties": {"unit": {"enum": ["C", 5, None]}, "file": {"type": "string", "enum": ["a", "b"]}}},
    "a constant": {"properties": {"version": {"const": 2}}, "required": ["version"]},
    "nested": {
        "properties": {
            "where": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
            "tags": {"type": "array", "items": {"type": "object", "properties": {"path": {"type": "string"}}}},
        },
        "required": ["where", "tags"],
    },
    "bounds": {
        "properties": {
            "days": {"type": "integer", "minimum": 3, "maximum": 4},
            "share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.01},
            "even": {"type": "integer", "multipleOf": 2, "minimum": 7},
        },
        "required": ["days", "share", "even"],
    },
    "a list of three": {"properties": {"ids": {"type": "array", "minItems": 3, "items": {"type": "integer"}}}},
    "a reference": {
        "properties": {"place": {"$ref": "#/$defs/Place"}, "file": {"$ref": "#/$defs/Name"}},
        "required": ["place", "file"],
        "$defs": {
            "Place": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
            "Name": {"type": "string", "maxLength": 3},
        },
    },
    "a tree": {
        "properties": {"root": {"$ref": "#/$defs/Node"}},
        "required": ["root"],
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {"below": {"type": "array", "items": {"$ref": "#/$defs/Node"}}},
                "required": ["below"],
            }
        },
    },
    "files with limits": {
        "properties": {
            "short_path": {"type": "string", "maxLength": 3},
            "file_id": {"type": "string", "format": "uuid"},
            "files": {"type": "array", "items": {"type": "string"}, "maxItems": 1},
            "file_count": {"type": "integer"},
        },
        "required": ["short_path", "file_id", "files", "file_count"],
    },
    "types in a list": {"properties": {"path": {"type": ["null", "integer"]}}, "required": ["path"]},
    "alternatives": {"properties": {"at": {"anyOf": [{"type": "null"}, {"type": "integer"}]}}, "required": ["at"]},
    "closed": {"properties": {"a": {"type": "boolean"}}, "additionalProperties": False, "required": ["a"]},
    "anything": {"properties": {"value": True}, "required": ["value"]},
}


def model(**simulated: float) -> SimulatedModel:
    return SimulatedModel(Llm(model="m", simulated=Simulated(**simulated)))


def offered(parameters: Mapping[str, Any], name: str) -> dict[str, Any]:
    return tool_from({"name": name, "parameters": dict(parameters)}, where="tests").as_openai()


async def work(number: int, tools: tuple[dict[str, Any], ...], of: SimulatedModel) -> list[tuple[str, dict[str, Any]]]:
    """The calls of a task, with their arguments, until it answers."""
    messages = [Message("system", "Work."), Message("user", f"Task {number}")]
    calls: list[tuple[str, dict[str, Any]]] = []
    while True:
        asked = Request(tuple(messages), 100, tools=tools, subject=Subject(("Root", f"Leaf {number}"), number % 3))
        reply: Reply = await of.complete(asked)
        if not reply.tool_calls:
            assert reply.text and reply.finish_reason == "stop"
            return calls
        assert (reply.text, reply.finish_reason) == ("", "tool_calls")
        (call,) = reply.tool_calls
        calls.append((call.name, json.loads(call.arguments)))
        messages.append(Message("assistant", "", tool_calls=reply.tool_calls))
        messages.append(Message("tool", RESULTS.get(call.name, "done"), tool_call_id=call.id))


def worked(*tools: dict[str, Any], tasks: int = 100) -> list[list[tuple[str, dict[str, Any]]]]:
    async def all_of_them() -> list[list[tuple[str, dict[str, Any]]]]:
        return [await work(number, tools, model()) for number in range(tasks)]

    return asyncio.run(all_of_them())


BUILT_INS = tuple(tool.as_openai() for tool in BUILT_IN.values())


def test_it_lists_before_it_reads_and_reads_before_it_writes() -> None:
    order = ["list_files", "read_file", "write_file", "delete_file"]
    names = [[name for name, _ in calls] for calls in worked(*BUILT_INS)]
    assert all(found == order[: len(found)] for found in names)
    assert {len(found) for found in names} == {1, 2, 3}


def test_it_reads_what_was_listed_and_not_always_the_same() -> None:
    read = {given["file_path"] for calls in worked(*BUILT_INS) for name, given in calls if name == "read_file"}
    assert read == set(FILES)


def test_where_nothing_can_be_listed_it_makes_up_a_file() -> None:
    for calls in worked(BUILT_INS[0], tasks=10):
        assert [name for name, _ in calls] == ["read_file"]
        assert "." in calls[0][1]["file_path"]


@pytest.mark.parametrize(
    "name",
    ["file_path", "path", "file", "filename", "filepath", "filePath", "inputFileName", "inputPath", "target_file"],
)
def test_an_argument_that_names_a_file_gets_one(name: str) -> None:
    tool = offered({"properties": {name: {"type": "string"}}, "required": [name]}, "get_it")
    calls = [call for task in worked(BUILT_INS[2], tool, tasks=20) for call in task if call[0] == "get_it"]
    assert calls and all(given[name] in FILES for _, given in calls)


@pytest.mark.parametrize("name", ["profile", "profile_name", "pathology", "files", "note"])
def test_any_other_argument_gets_none(name: str) -> None:
    tool = offered({"properties": {name: {"type": "string"}}, "required": [name]}, "get_it")
    calls = [call for task in worked(BUILT_INS[2], tool, tasks=20) for call in task if call[0] == "get_it"]
    assert calls and all(given[name] not in FILES for _, given in calls)


@pytest.mark.parametrize("parameters", ODD.values(), ids=ODD)
def test_arguments_fit_the_schema_however_odd(parameters: dict[str, Any]) -> None:
    tool = offered(parameters, "get_it")
    schema = tool["function"]["parameters"]
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    for call, *_ in worked(tool):
        validator.validate(call[1])


def test_a_thought_is_a_sentence() -> None:
    thought = {"properties": {"_thought": {"type": "string"}}, "required": ["_thought"]}
    said = {calls[0][1]["_thought"] for calls in worked(offered(thought, "get_it"))}
    assert len(said) == 100 and all(one.endswith(".") for one in said)


def test_it_does_the_same_in_every_run_however_many_tasks_go_at_once() -> None:
    once = worked(*BUILT_INS)

    async def all_at_once() -> list[list[tuple[str, dict[str, Any]]]]:
        slow = model(latency=0.001)
        order = random.Random(1).sample(range(100), 100)
        done = await asyncio.gather(*(work(number, BUILT_INS, slow) for number in order))
        return [calls for _, calls in sorted(zip(order, done, strict=True), key=lambda pair: pair[0])]

    assert asyncio.run(all_at_once()) == once
