"""Mock tools: responses, templates and fixtures, from the config or a file of DeepFabric's."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.chat.tools import Tool, ToolResult
from deepfabric_core.config.schema import MockTool
from deepfabric_core.errors import ConfigError
from deepfabric_core.tools.definitions import tool_from
from deepfabric_core.tools.mock import Mock, read_mock_data

TOOL = tool_from(
    {
        "name": "get_weather",
        "description": "The weather",
        "parameters": [
            {"name": "city", "type": "str", "description": "Where"},
            {"name": "days", "type": "int", "description": "How long", "required": False, "default": "3"},
            {"name": "unit", "type": "str", "description": "C or F", "required": False},
        ],
        "returns": "text",
    },
    where="tests",
)


def answer(mock: Mapping[str, Any] | MockTool | None, arguments: Mapping[str, Any]) -> str:
    made = mock if isinstance(mock, MockTool) else MockTool(**mock) if mock is not None else None
    executor = Mock((TOOL,), {TOOL.name: made} if made else {})
    result = asyncio.run(executor.session("a").call(TOOL.name, arguments))
    assert isinstance(result, ToolResult) and not result.error
    return result.content


def test_it_has_the_tools_it_was_given() -> None:
    assert Mock((TOOL,), {}).tools == (TOOL,)


def test_without_any_response_the_call_is_echoed() -> None:
    echo = {"tool": "get_weather", "arguments": {"city": "Rome"}, "mock": True}
    assert json.loads(answer(None, {"city": "Rome"})) == echo
    assert json.loads(answer({"fixtures": [{"match": {"city": "Oslo"}, "response": 1}]}, {"city": "Rome"})) == echo


def test_a_response_of_null_is_no_echo() -> None:
    assert answer({"response": None}, {}) == "null"


def test_a_text_is_the_result_and_anything_else_is_json() -> None:
    assert answer({"response": "Sun."}, {}) == "Sun."
    assert answer({"response": {"sky": "blé", "°": [1, True, None]}}, {}) == '{"sky": "blé", "°": [1, true, null]}'
    assert answer({"response": [dt.date(2026, 1, 2)]}, {}) == '["2026-01-02"]'  # as YAML reads it


def test_templates_are_filled_in_however_deep_they_stand() -> None:
    response = {"a": [{"b": "In {{city}}, {{ days }} days"}], "c": "{{city}}{{city}}"}
    filled = json.loads(answer({"response": response}, {"city": "Rome", "days": 2}))
    assert filled == {"a": [{"b": "In Rome, 2 days"}], "c": "RomeRome"}


def test_a_text_that_is_one_template_keeps_the_type_of_the_argument() -> None:
    arguments = {"city": {"name": "Rome"}, "days": 2, "unit": None}
    response = {"city": "{{city}}", "days": "{{ days }}", "unit": "{{unit}}"}
    assert json.loads(answer({"response": response}, arguments)) == arguments
    assert answer({"response": "{{city}}"}, {"city": "Rome"}) == "Rome"


def test_inside_a_text_a_value_that_is_no_text_stands_as_json() -> None:
    assert answer({"response": "x{{city}}"}, {"city": {"a": True}}) == 'x{"a": true}'


def test_an_argument_left_out_is_its_default_or_nothing() -> None:
    assert answer({"response": "{{days}} days{{unit}}"}, {"city": "Rome"}) == "3 days"
    assert answer({"response": ["{{days}}", "{{unit}}"]}, {"city": "Rome"}) == "[3, null]"


def test_what_names_no_argument_stays_as_it_is_written() -> None:
    assert answer({"response": "{{ user }} {{user.name}} {{}} {city}"}, {"city": "Rome"}) == (
        "{{ user }} {{user.name}} {{}} {city}"
    )


def test_what_an_argument_holds_is_never_read_as_a_template() -> None:
    assert answer({"response": "In {{city}}"}, {"city": "{{days}}\\1"}) == "In {{days}}\\1"


def test_the_fixture_with_the_most_matching_fields_wins_and_of_equals_the_first() -> None:
    fixtures = [
        {"match": {}, "response": "any"},
        {"match": {"city": "Rome"}, "response": "Rome"},
        {"match": {"city": "Rome", "days": 2}, "response": "Rome, 2"},
        {"match": {"days": 2, "city": "Rome"}, "response": "Rome, 2 again"},
        {"match": {"city": "Rome", "days": 2, "unit": "F"}, "response": "never: a field that doesn't match"},
    ]
    mock = {"response": "default", "fixtures": fixtures}
    assert answer(mock, {"city": "Rome", "days": 2, "unit": "C"}) == "Rome, 2"
    assert answer(mock, {"city": "Rome"}) == "Rome"
    assert answer(mock, {"city": "Oslo"}) == "any"
    assert answer({**mock, "fixtures": fixtures[1:]}, {"city": "Oslo"}) == "default"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ("1", 1, False),
        ([1, {"a": None}], [1, {"a": None}], True),
        ([1], [True], False),
        ([1], [1, 2], False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        (None, None, True),
    ],
)
def test_values_match_as_they_do_in_json(one: object, other: object, same: bool) -> None:
    mock = {"fixtures": [{"match": {"city": one}, "response": "found"}]}
    assert (answer(mock, {"city": other}) == "found") is same


def test_an_argument_that_is_null_is_not_one_left_out() -> None:
    mock = {"response": "no", "fixtures": [{"match": {"unit": None}, "response": "null"}]}
    assert answer(mock, {"unit": None}) == "null" and answer(mock, {}) == "no"


def test_fixtures_may_hold_templates() -> None:
    mock = {"fixtures": [{"match": {"city": "Rome"}, "response": "{{city}}!"}]}
    assert answer(mock, {"city": "Rome"}) == "Rome!"


def test_half_a_character_becomes_one_that_every_file_can_hold() -> None:
    assert answer({"response": "{{city}} \ud83d\ude00"}, {"city": "a\ud800"}) == "a\N{REPLACEMENT CHARACTER} 😀"


def test_a_mock_tool_keeps_no_state_and_a_response_is_never_changed() -> None:
    mock = MockTool(response={"in": ["{{city}}"]})
    assert [answer(mock, {"city": city}) for city in "ab"] == ['{"in": ["a"]}', '{"in": ["b"]}']
    assert mock.response == {"in": ["{{city}}"]}


# ---- mock data


def data(place: Path, text: object) -> Path:
    path = place / "mock.json"
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return path


def test_the_mock_data_of_deepfabric_is_read(tmp_path: Path) -> None:
    file = data(
        tmp_path,
        {
            "mockResponses": {
                "get_weather": {"defaultResponse": {"in": "{{city}}"}},
                "nothing": {"defaultResponse": None},
            },
            "fixtures": {"get_weather": [{"match": {"city": "Rome"}, "response": 1}], "other": []},
        },
    )
    mocks = read_mock_data(file)
    assert answer(mocks["get_weather"], {"city": "Oslo"}) == '{"in": "Oslo"}'
    assert answer(mocks["get_weather"], {"city": "Rome"}) == "1"
    assert answer(mocks["nothing"], {}) == "null"
    assert '"mock": true' in answer(mocks["other"], {})


def test_mock_data_may_be_yaml_and_one_half_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "mock.yaml"
    path.write_text("mockResponses:\n  1:\n    defaultResponse: x\nfixtures:\n", encoding="utf-8")
    assert answer(read_mock_data(path)["1"], {}) == "x"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "mock data is an object with mockResponses, fixtures, or both"),
        ({"mockresponses": {}}, "mock data is an object with mockResponses, fixtures, or both"),
        ({"mockResponses": []}, "mockResponses: it must be an object"),
        ({"mockResponses": {"a": {"response": 1}}}, "mockResponses.a: it must be an object with defaultResponse"),
        ({"fixtures": {"a": {}}}, "fixtures.a: it must be a list"),
        ({"fixtures": {"a": [{"match": {}, "response": 1}, {"match": {}}]}}, r"fixtures.a\[1\]: .* match and response"),
        ({"fixtures": {"a": [{"match": [], "response": 1}]}}, r"fixtures.a\[0\].match: it must be an object"),
        ('{"fixtures": ', "not valid JSON"),
    ],
)
def test_an_error_in_mock_data_names_file_and_place(tmp_path: Path, document: object, said: str) -> None:
    with pytest.raises(ConfigError, match=rf"mock.json: {said}"):
        read_mock_data(data(tmp_path, document))


def test_mock_data_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json: the file can't be read \(No such file"):
        read_mock_data(tmp_path / "none.json")


def test_the_tool_of_these_tests_is_as_deepfabric_writes_it() -> None:
    assert isinstance(TOOL, Tool) and TOOL.parameters["required"] == ["city"]
