"""Definitions of tools in every format, what is wrong with them in a sentence, and whether calls keep to them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.chat.tools import arguments_of, text_of
from deepfabric_core.errors import ConfigError
from deepfabric_core.tools.definitions import as_deepfabric, read_tools, tool_from, tools_in
from deepfabric_core.tools.virtual_files import BUILT_IN

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Where"}, "days": {"type": "integer"}},
    "required": ["city"],
}
FUNCTION = {"name": "get_weather", "description": "Weather", "parameters": SCHEMA}
OPENAI = {"type": "function", "function": FUNCTION}
MCP = {"name": "get_weather", "description": "Weather", "inputSchema": SCHEMA, "annotations": {"readOnlyHint": True}}
OWN = {
    "name": "get_weather",
    "description": "Weather",
    "parameters": [
        {"name": "city", "type": "str", "description": "Where", "required": True},
        {"name": "days", "type": "int", "description": "How long", "required": False},
    ],
    "returns": "text",
    "category": "weather",
    "component": "mock",
}


def schema_of(parameters: Any) -> dict[str, Any]:
    return dict(tool_from({"name": "a", "parameters": parameters}, where="here").parameters)


def said_of(definition: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        tool_from(definition, where="tools.yaml: definition 2")
    message = str(caught.value)
    assert message.startswith("tools.yaml: definition 2") and message.endswith(".") and "\n" not in message
    return message


# ---- the formats


@pytest.mark.parametrize("definition", [OPENAI, FUNCTION, {**FUNCTION, "type": "function"}, MCP])
def test_openais_and_mcps_formats_are_read_as_they_are(definition: dict[str, Any]) -> None:
    tool = tool_from(definition, where="here")
    assert tool.as_openai() == OPENAI
    assert arguments_of(tool, '{"city": "Rome"}') == {"city": "Rome"}


def test_deepfabrics_format_becomes_the_schema_that_deepfabric_makes_of_it() -> None:
    assert tool_from(OWN, where="here").as_openai()["function"] == {
        "name": "get_weather",
        "description": "Weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Where"},
                "days": {"type": "integer", "description": "How long"},
            },
            "required": ["city"],
        },
    }


def test_a_parameter_is_required_unless_it_says_otherwise() -> None:
    assert schema_of([{"name": "a", "type": "str"}])["required"] == ["a"]
    assert schema_of([{"name": "a", "type": "str", "required": False}])["required"] == []


@pytest.mark.parametrize(
    ("kind", "default", "made"),
    [
        ("str", "3", {"type": "string", "default": "3"}),
        ("int", "3", {"type": "integer", "default": 3}),
        ("int", 3, {"type": "integer", "default": 3}),
        ("int", "many", {"type": "integer"}),
        ("int", "true", {"type": "integer"}),
        ("float", "2.5", {"type": "number", "default": 2.5}),
        ("bool", "False", {"type": "boolean", "default": False}),
        ("bool", "true", {"type": "boolean", "default": True}),
        ("bool", "1", {"type": "boolean"}),
        ("list", "['a']", {"type": "array", "items": {}, "default": ["a"]}),
        ("list", "None", {"type": "array", "items": {}}),
        ("dict", '{"a": 1}', {"type": "object", "default": {"a": 1}}),
        ("dict", "{" * 10_000, {"type": "object"}),
        ("str", "", {"type": "string"}),
    ],
)
def test_types_and_defaults_are_those_of_json_schema(kind: str, default: Any, made: dict[str, Any]) -> None:
    schema = schema_of([{"name": "a", "type": kind, "description": "", "required": False, "default": default}])
    assert schema["properties"]["a"] == {"description": "", **made}


@pytest.mark.parametrize("parameters", [None, [], {}, {"type": "object"}, {"type": "object", "properties": {}}])
def test_a_tool_may_have_no_arguments(parameters: Any) -> None:
    schema = schema_of(parameters)
    assert schema["type"] == "object" and schema["properties"] == {}
    assert tool_from({"name": "a"}, where="here").parameters == {"type": "object", "properties": {}}


def test_a_schema_may_refer_to_its_own_parts_and_to_itself() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
    tool = tool_from(
        {"name": "a", "inputSchema": {"type": "object", "properties": {"n": node}, "$defs": {"node": node}}},
        where="here",
    )
    assert arguments_of(tool, '{"n": {"next": {"next": {}}}}')
    with pytest.raises(ValueError, match=r"argument n\.next of a"):
        arguments_of(tool, '{"n": {"next": 1}}')


def test_a_definition_is_copied_so_that_nobody_changes_it_later() -> None:
    definition = json.loads(json.dumps(MCP))
    tool = tool_from(definition, where="here")
    definition["inputSchema"]["properties"].clear()
    assert "city" in tool.parameters["properties"]


# ---- what can't be used


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ("get_weather", ": a definition is an object"),
        (None, ": a definition is an object"),
        ({}, ": a tool's name is 1 to 64 letters"),
        ({"name": "get weather"}, " ('get weather'): a tool's name is"),
        ({"name": "x" * 65}, f" ('{'x' * 64}'): a tool's name is"),
        ({"name": "a\n"}, r" ('a\n'): a tool's name is"),
        ({"name": 5}, ": `name` must be a text"),
        ({"name": "a", "description": ["x"]}, " ('a'): `description` must be a text"),
        ({"type": "web_search"}, ": its type is 'web_search', but only"),
        ({"type": "function", "function": "a"}, ": `function` must be an object"),
        ({"name": "a", "paramaters": []}, " ('a'): it has neither parameters nor inputSchema, but paramaters"),
        ({"name": "a", "parameters": "city"}, "must be a list of {name, type, description, required}, or a JSON"),
        ({"name": "a", "parameters": {"city": {"type": "string"}}}, "must be a list of {name, type"),
        ({"name": "a", "parameters": ["city"]}, "parameter 1 has no `name`"),
        ({"name": "a", "parameters": [{"name": "b"}]}, "parameter b has type None; write one of str, int"),
        ({"name": "a", "parameters": [{"name": "b", "type": ["str"]}]}, "parameter b has type ['str']"),
        ({"name": "a", "parameters": [{"name": "b", "type": "string"}]}, "parameter b has type 'string'"),
        ({"name": "a", "parameters": [{"name": "b", "type": "int", "required": "yes"}]}, "must be true or false"),
        ({"name": "a", "parameters": [{"name": "b", "type": "int"}] * 2}, "two parameters are named b"),
        ({"name": "a", "inputSchema": {"type": "array"}}, "must be of type object"),
        ({"name": "a", "inputSchema": {"type": ["object", "null"]}}, "must be of type object"),
        ({"name": "a", "inputSchema": {"type": "object", "properties": {"b": {"type": "strin"}}}}, "properties/b/type"),
        (
            {"name": "a", "inputSchema": {"type": "object", "properties": {"b": {"pattern": "("}}}},
            "properties/b/pattern",
        ),
        ({"name": "a", "inputSchema": {"type": "object", "required": "b"}}, "not a JSON Schema: required"),
        ({"name": "a", "inputSchema": {"type": "object", "$schema": {}}}, "`$schema` must be a text"),
        ({"name": "a", "inputSchema": {"properties": {"b": {"$ref": "#/$defs/B"}}}}, "$ref #/$defs/B leads nowhere"),
        ({"name": "a", "inputSchema": {"properties": {"b": {"$ref": "http://x/y"}}}}, "$ref http://x/y leads nowhere"),
        ({"name": "a", "inputSchema": {"title": "T", "properties": {"b": {"$ref": "#/title"}}}}, "isn't a schema"),
        ({"name": "a", "description": "\ud800"}, "it holds what JSON can't"),
        ({"name": "a", "inputSchema": {"type": "object", "default": float("nan")}}, "it holds what JSON can't"),
        ({"name": "a", "inputSchema": {"type": "object", "default": {1, 2}}}, "it holds what JSON can't"),
    ],
)
def test_a_definition_that_cannot_be_used_is_named_with_what_is_wrong(definition: Any, said: str) -> None:
    assert said in said_of(definition)


def test_a_definition_without_an_end_is_an_error_and_no_crash() -> None:
    loop: dict[str, Any] = {"name": "a"}
    loop["parameters"] = loop
    deep: dict[str, Any] = {"type": "object"}
    for _ in range(2000):
        deep = {"type": "object", "properties": {"a": deep}}
    assert "it holds what JSON can't" in said_of(loop)
    assert "('a')" in said_of({"name": "a", "inputSchema": deep})


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["object", "#", "str"]),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "type", "properties", "$ref", "required", "anyOf", "$id"]), below)
    ),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["parameters", "inputSchema", "function", "description"]))
def test_whatever_a_definition_holds_it_is_a_tool_or_a_sentence(part: Any, key: str) -> None:
    with contextlib.suppress(ConfigError):
        tool = tool_from({"name": "a", key: part}, where="here")
        json.dumps([tool.as_openai(), as_deepfabric(tool)], allow_nan=False, ensure_ascii=False).encode()


# ---- lists and files


def test_a_list_may_mix_the_formats_and_stand_under_tools() -> None:
    listed = [OWN, {**MCP, "name": "b"}, {**OPENAI, "function": {"name": "c"}}]
    for document in (listed, {"tools": listed}):
        assert [tool.name for tool in tools_in(document, where="here")] == ["get_weather", "b", "c"]
    assert tools_in({"tools": []}, where="here") == ()


@pytest.mark.parametrize("document", [None, "x", {}, {"tool": []}, {"tools": {"a": OWN}}, OWN])
def test_what_is_no_list_is_told(document: Any) -> None:
    with pytest.raises(ConfigError, match="here: tools are a list of definitions, or an object"):
        tools_in(document, where="here")


def test_two_tools_of_one_name_are_an_error_that_names_both() -> None:
    with pytest.raises(ConfigError, match="here: definitions 2 and 3 are both named get_weather; rename or remove one"):
        tools_in([{"name": "a"}, OWN, MCP], where="here")


def test_files_may_be_yaml_or_json(tmp_path: Path) -> None:
    yaml_file, json_file = tmp_path / "tools.yaml", tmp_path / "tools.json"
    yaml_file.write_text("tools:\n- name: a\n  parameters:\n  - {name: b, type: int}\n", encoding="utf-8-sig")
    json_file.write_text(f"[\n\t{json.dumps({'name': 'a', 'description': '😀'})}]", encoding="utf-8")
    assert read_tools(yaml_file)[0].parameters["properties"] == {"b": {"type": "integer", "description": ""}}
    assert read_tools(str(json_file))[0].description == "😀"  # written as two escapes, after a tab


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("tools.yaml", b"tools: [", "not valid YAML: .*line 1"),
        ("tools.yaml", b"tools: 2026-99-99", "not valid YAML"),
        ("tools.yaml", b"[" * 1500, "not valid YAML"),
        ("tools.json", b"{'name': 1}", "not valid JSON: .*line 1"),
        ("tools.yaml", b"\xff\xfe", "the file can't be read .it isn't text in UTF-8"),
        ("tools.yaml", b"", "tools are a list"),
        ("tools.yaml", b"- name: a\n- name: b c", r"definition 2 \('b c'\): a tool's name"),
        ("tools.yaml", b"- &a {name: a, parameters: *a}", "definition 1|not valid YAML"),
        ("tools.yaml", b"- {name: a, parameters: {type: object, default: 2026-01-01}}", "put such a value in quotes"),
    ],
)
def test_an_error_in_a_file_names_the_file_and_the_place(tmp_path: Path, name: str, raw: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(ConfigError, match=f"(?s)/{name}: .*({said})"):
        read_tools(tmp_path / name)


def test_a_file_that_is_not_there_or_a_folder_is_told(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError, match=rf"can't be read \({said}"):
            read_tools(path)


# ---- and back into DeepFabric's format


def test_a_definition_goes_back_to_deepfabrics_format_and_returns_the_same() -> None:
    for tool in (*BUILT_IN.values(), tool_from(OWN, where="here")):
        again = tool_from(as_deepfabric(tool), where="here")
        assert again.as_openai() == tool.as_openai()
    assert as_deepfabric(tool_from(OWN, where="here"))["parameters"] == OWN["parameters"]


def test_what_deepfabrics_format_cannot_say_becomes_the_nearest_of_its_types() -> None:
    properties = {
        "optional": {"anyOf": [{"type": "null"}, {"type": "integer"}], "default": None},
        "several": {"type": ["null", "number"], "default": 1.5},
        "referred": {"$ref": "#/$defs/Kind", "description": "Which"},
        "looped": {"$ref": "#/$defs/Loop"},
        "flag": {"type": "boolean", "default": False},
        "many": {"type": "array", "items": {"type": "string"}, "default": ["a"]},
        "anything": {},
        "true": True,
    }
    defs = {"Kind": {"type": "object"}, "Loop": {"$ref": "#/$defs/Loop"}}
    tool = tool_from({"name": "a", "inputSchema": {"properties": properties, "$defs": defs}}, where="here")
    made = as_deepfabric(tool)
    assert made["returns"] == "" and made["name"] == "a"
    assert [parameter["type"] for parameter in made["parameters"]] == (
        ["int", "float", "dict", "str", "bool", "list", "str", "str"]
    )
    assert [parameter.get("default") for parameter in made["parameters"][:6]] == [
        None,
        "1.5",
        None,
        None,
        "false",
        '["a"]',
    ]
    assert tool_from(made, where="here").parameters["properties"]["many"]["default"] == ["a"]


# ---- the arguments of a call


WEATHER = tool_from(MCP, where="here")


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('{"city": "Rome", "days": 3}', {"city": "Rome", "days": 3}),
        (' {"city": "\\ud83d\\ude00\\u0000"}\n', {"city": "😀\0"}),
        ('{"city": "Rome", "days": 3.0}', {"city": "Rome", "days": 3}),
        ('{"city": "Rome", "more": null}', {"city": "Rome", "more": None}),
    ],
)
def test_arguments_that_keep_to_the_schema_are_read(text: str, arguments: dict[str, Any]) -> None:
    assert arguments_of(WEATHER, text) == arguments


def test_a_call_without_arguments_may_leave_out_the_object() -> None:
    for text in ("", " ", "{}"):
        assert arguments_of(tool_from({"name": "a"}, where="here"), text) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the arguments of get_weather: 'city' is a required property"),
        ('{"days": 3}', "the arguments of get_weather: 'city' is a required property"),
        ('{"city": 5}', "argument city of get_weather: 5 is not of type 'string'"),
        ('{"city": "Rome", "days": "3"}', "argument days of get_weather: '3' is not of type 'integer'"),
        ('{"city": "Rome", "days": true}', "argument days of get_weather: True is not of type 'integer'"),
        ('{"city": "Rome"', "the arguments of get_weather aren't valid JSON"),
        ("city=Rome", "the arguments of get_weather aren't valid JSON"),
        ('["Rome"]', "the arguments of get_weather aren't a JSON object"),
        ("null", "the arguments of get_weather aren't a JSON object"),
        ('{"city": NaN}', "aren't valid JSON .NaN is no JSON value"),
        ('{"city": "Rome", "days": 1e999}', "aren't valid JSON"),
        ('{"city": "\\ud800"}', "aren't valid JSON"),
        (f'{{"city": {"9" * 5000}}}', "aren't valid JSON"),
        ("[" * 100_000, "aren't valid JSON"),
        ('{"city": ' + "[" * 900 + "]" * 900 + "}", "of get_weather"),
    ],
)
def test_arguments_that_do_not_keep_to_it_are_told_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        arguments_of(WEATHER, text)
    assert len(str(caught.value)) < 500


def test_an_unknown_argument_is_refused_where_the_schema_says_so() -> None:
    strict = tool_from({"name": "a", "inputSchema": {**SCHEMA, "additionalProperties": False}}, where="here")
    with pytest.raises(ValueError, match="the arguments of a: Additional properties are not allowed"):
        arguments_of(strict, '{"city": "Rome", "more": 1}')


def test_a_schema_that_never_ends_is_a_sentence_too() -> None:
    endless = tool_from({"name": "a", "inputSchema": {"type": "object", "$ref": "#"}}, where="here")
    with pytest.raises(ValueError, match="the arguments of a can't be checked"):
        arguments_of(endless, "{}")


@given(st.text() | st.from_regex(r'\{"city": ?.*\}', fullmatch=True))
def test_whatever_a_model_writes_is_arguments_or_a_sentence(text: str) -> None:
    try:
        json.dumps(arguments_of(WEATHER, text), ensure_ascii=False, allow_nan=False).encode()
    except ValueError as problem:
        if "get_weather" not in str(problem):
            raise


# ---- what a tool gave back


@given(JSON | st.text(st.characters()))
def test_whatever_a_tool_gave_back_is_a_text_that_a_file_can_hold(value: Any) -> None:
    text_of(value).encode()
