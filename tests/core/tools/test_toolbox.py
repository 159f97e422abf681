"""Which tool is carried out by what, for every way to configure tools, and what is refused before anything is spent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deepfabric_core.chat.tools import ToolResult, ToolUse
from deepfabric_core.config.schema import Config
from deepfabric_core.errors import ConfigError
from deepfabric_core.tools.toolbox import open_toolbox
from tests.core.commands import lines
from tests.core.conftest import Run, local_llm, write_config
from tests.provider import LocalProvider
from tests.spin_server import SpinServer

BUILT_IN = ["read_file", "write_file", "list_files", "delete_file"]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = {"name": "get_weather", "description": "Weather", "parameters": CITY}
TIME = {"type": "function", "function": {"name": "get_time", "parameters": CITY}}
BERN = {"city": "Bern"}


@pytest.fixture
def service() -> Iterator[SpinServer]:
    with SpinServer() as running:
        yield running


def config(tools: dict[str, Any], **generation: Any) -> Config:
    return Config.model_validate(
        {
            "topics": {"prompt": "Bicycles"},
            "generation": {"system_prompt": "You teach.", "tools": tools, **generation},
            "output": {"save_as": "out.jsonl"},
        }
    )


def opened(tools: dict[str, Any], *calls: tuple[str, dict[str, Any]], **generation: Any) -> tuple[list[str], list[str]]:
    """The names of the tools, and what one sample's calls answer."""

    async def use() -> tuple[list[str], list[str]]:
        async with open_toolbox(config(tools, **generation)) as toolbox, toolbox.tool_sessions("a") as tool_sessions:
            results = [await tool_sessions.use(ToolUse(name, given)) for name, given in calls]
            return [tool.name for tool in toolbox.tools], [result.content for result in results]

    return asyncio.run(use())


def refusal(tools: dict[str, Any], **generation: Any) -> str:
    with pytest.raises(ConfigError) as problem:
        opened(tools, **generation)
    assert "\n" not in str(problem.value)
    return str(problem.value)


def echo(name: str) -> str:
    return json.dumps({"tool": name, "arguments": BERN, "mock": True})


# ---- which tools there are


@pytest.mark.parametrize(
    ("tools", "names"),
    [
        ({}, BUILT_IN),
        ({"max_per_query": 2}, BUILT_IN),
        ({"components": {"builtin": []}}, BUILT_IN),
        ({"components": {"builtin": ["list_files", "read_file"]}}, ["read_file", "list_files"]),
        ({"custom": [WEATHER, TIME]}, ["get_weather", "get_time"]),
        ({"file": "tools.yaml"}, ["from_file"]),
        ({"custom": [WEATHER], "file": "tools.yaml"}, ["get_weather", "from_file"]),
        ({"components": {"builtin": []}, "custom": [WEATHER]}, [*BUILT_IN, "get_weather"]),
        ({"components": {"weather": []}, "custom": [WEATHER, TIME]}, ["get_weather", "get_time"]),
        ({"components": {"weather": ["get_time"]}, "custom": [WEATHER, TIME]}, ["get_time"]),
        (
            {"components": {"a": ["get_time"], "b": ["get_weather"]}, "custom": [WEATHER, TIME]},
            ["get_time", "get_weather"],
        ),
        (
            {"components": {"builtin": ["list_files"], "a": ["from_file"]}, "file": "tools.yaml"},
            ["list_files", "from_file"],
        ),
    ],
)
def test_the_tools_are_those_that_are_named_or_else_all_that_are_defined(
    place: Path, tools: dict[str, Any], names: list[str]
) -> None:
    (place / "tools.yaml").write_text(yaml.safe_dump({"tools": [{**WEATHER, "name": "from_file"}]}), encoding="utf-8")
    assert opened(tools)[0] == names


def test_the_files_of_both_places_are_there_and_the_tools_own_come_first(place: Path) -> None:
    tools = {"scenario_seed": {"files": {"a": "tools", "b": "tools"}}}
    seed = {"files": {"a": "generation", "c": "generation"}}
    reads = [("read_file", {"file_path": path}) for path in "abc"]
    assert opened(tools, *reads, scenario_seed=seed)[1] == ["tools", "tools", "generation"]


# ---- what carries them out without a service


@pytest.mark.parametrize("components", [{}, {"weather": []}, {"weather": ["get_weather"]}])
def test_without_a_service_what_is_defined_is_mocked(place: Path, components: dict[str, Any]) -> None:
    tools = {"custom": [WEATHER], "components": components}
    assert opened(tools, ("get_weather", BERN))[1] == [echo("get_weather")]


def test_mock_responses_come_from_the_config_first_and_then_from_the_file(place: Path) -> None:
    data = {"mockResponses": {name: {"defaultResponse": "file in {{city}}"} for name in ("get_weather", "get_time")}}
    (place / "mock.json").write_text(json.dumps(data), encoding="utf-8")
    mock = {"get_weather": {"response": "sun", "fixtures": [{"match": BERN, "response": "rain in {{city}}"}]}}
    tools = {"custom": [WEATHER, TIME], "mock": mock, "mock_data": "mock.json"}
    calls = [("get_weather", BERN), ("get_weather", {"city": "Oslo"}), ("get_time", BERN)]
    assert opened(tools, *calls)[1] == ["rain in Bern", "sun", "file in Bern"]


def test_an_unknown_tool_is_a_result_that_says_so() -> None:
    assert opened({}, ("get_weather", {}))[1] == ["UnknownTool: there is no tool get_weather"]


def test_what_one_sample_writes_no_other_sees() -> None:
    async def use() -> list[str]:
        async with open_toolbox(config({})) as toolbox:
            async with toolbox.tool_sessions("a") as one, toolbox.tool_sessions("a") as other:
                await one.use(ToolUse("write_file", {"file_path": "a", "content": "b"}))
                results: list[ToolResult] = [
                    await tool_sessions.use(ToolUse("list_files", {})) for tool_sessions in (one, other)
                ]
            return [result.content for result in results]

    assert asyncio.run(use()) == ['["a"]', "[]"]


# ---- what carries them out with a service


def paths(service: SpinServer) -> list[str]:
    return [path for path, _ in service.requests]


def test_with_a_service_the_built_in_tools_are_its_own_with_the_files_written_first(service: SpinServer) -> None:
    seed = {"files": {"a": "b"}}
    names, results = opened({"spin_endpoint": service.url}, ("list_files", {}), scenario_seed=seed)
    assert (names, results) == (BUILT_IN, ['["a"]'])
    assert paths(service) == ["/vfs/execute", "/vfs/execute"]
    assert service.ended and not service.sessions


@pytest.mark.parametrize(
    ("component", "execute_path", "sent_to", "result"),
    [
        ("weather", None, "/weather/execute", "Rain in Bern"),
        ("mock", "/mock/execute", "/mock/execute", echo("get_weather")),
        ("weather", "/mock/execute", "/mock/execute", echo("get_weather")),
    ],
)
@pytest.mark.parametrize("listed", [True, False])
def test_with_a_service_a_components_tools_go_to_it_wherever_they_are_defined(
    service: SpinServer, component: str, execute_path: str | None, sent_to: str, result: str, listed: bool
) -> None:
    source: dict[str, Any] = {"tools_endpoint": f"{service.url}/mock/list-tools"} if listed else {"custom": [WEATHER]}
    tools = {"spin_endpoint": service.url, "tool_execute_path": execute_path, "components": {component: []}, **source}
    names, results = opened(tools, ("get_weather", BERN))
    assert names == ["get_weather"]
    assert results[0].startswith(result)
    assert paths(service) == [sent_to]


def test_without_components_listed_tools_go_to_the_services_mock(service: SpinServer) -> None:
    tools = {"spin_endpoint": service.url, "tools_endpoint": f"{service.url}/mock/list-tools"}
    tools["tool_execute_path"] = "/mock/execute"
    assert opened(tools, ("get_weather", BERN))[1] == [echo("get_weather")]
    assert paths(service) == ["/mock/execute"]


def test_listed_tools_are_mocked_here_where_no_service_carries_out_calls(service: SpinServer) -> None:
    assert opened({"tools_endpoint": f"{service.url}/mock/list-tools"}, ("get_weather", BERN))[1] == [
        echo("get_weather")
    ]
    assert not service.requests


def test_built_in_tools_and_a_component_are_used_side_by_side(service: SpinServer) -> None:
    components: dict[str, Any] = {"builtin": ["list_files"], "weather": ["get_weather"]}
    tools = {"spin_endpoint": service.url, "components": components, "custom": [WEATHER, TIME]}
    names, results = opened(tools, ("list_files", {}), ("get_weather", BERN))
    assert names == ["list_files", "get_weather"] and results[0] == "[]"
    assert paths(service) == ["/vfs/execute", "/weather/execute"]


# ---- what is refused


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ({"custom": [WEATHER, WEATHER]}, "two tools are called get_weather"),
        ({"custom": [{**WEATHER, "name": "read_file"}], "components": {"builtin": [], "a": []}}, "called read_file"),
        ({"components": {"a": [], "b": []}, "custom": [WEATHER]}, "two tools are called get_weather"),
        ({"components": {"a": ["wether"]}, "custom": [WEATHER]}, "components.a: there is no definition of wether"),
        ({"components": {"weather": ["get_weather"]}}, "definition of get_weather; give it in tools.custom"),
        ({"components": {"weather": []}}, "there is no tool in it"),
        ({"components": {"builtin": ["open_file"]}}, "there is no built-in tool open_file; there are read_file"),
        ({"custom": [{"name": "a b"}]}, "generation.tools.custom[0] ('a b')"),
        ({"custom": [WEATHER, {"description": "b"}]}, "generation.tools.custom[1]"),
        ({"custom": [WEATHER], "mock": {"get_wether": {"response": "sun"}}}, "mock: there is no tool get_wether"),
        ({"mock": {"get_weather": {"response": "sun"}}}, "mock: there is no tool get_weather"),
        ({"file": "nowhere.yaml"}, "nowhere.yaml"),
        ({"custom": [WEATHER], "mock_data": "nowhere.json"}, "nowhere.json"),
        ({"spin_endpoint": "http://127.0.0.1:9"}, "leave spin_endpoint out"),
        ({"tools_endpoint": "http://127.0.0.1:9"}, "tools_endpoint"),
        ({"scenario_seed": {"files": {"../a": "b"}}}, "scenario_seed.files"),
    ],
)
def test_what_cant_work_is_one_sentence(place: Path, tools: dict[str, Any], said: str) -> None:
    assert said in refusal(tools)


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ({"custom": [WEATHER, WEATHER]}, "two tools are called get_weather"),
        ({"components": {"weather": ["get_weather"]}}, "there is no definition of get_weather"),
    ],
)
def test_such_a_config_is_refused_with_code_2_and_nothing_spent(
    place: Path, deepfabric: Run, provider: LocalProvider, tools: dict[str, Any], said: str
) -> None:
    write_config(place, llm=local_llm(provider), generation={"tools": tools})
    done = deepfabric("generate", "config.yaml", OPENAI_API_KEY="k")
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr
    assert provider.counts.requests == 0
    assert not (place / "out/topics.jsonl").exists()


@pytest.mark.parametrize(
    "generation",
    [
        {"tools": {}},
        {"tools": {}, "conversation": {"type": "basic"}},
        {"tools": {}, "conversation": {"type": "cot", "reasoning_style": "freetext"}},
        {"conversation": {"type": "cot", "reasoning_style": "agent"}},
        {"conversation": {"type": "cot", "reasoning_style": "hybrid"}},
    ],
)
def test_tools_make_an_agent_of_any_conversation_and_an_agent_without_tools_has_the_virtual_files(
    place: Path, deepfabric: Run, generation: dict[str, Any]
) -> None:
    write_config(place, generation=generation, output={"num_samples": 2})
    assert deepfabric("generate", "config.yaml").returncode == 0
    assert deepfabric("replay", "out/dataset.jsonl", "config.yaml").returncode == 0
    for record in lines(place / "out/dataset.jsonl"):
        assert record["reasoning"]["style"] == "agent" and record["tool_context"]["executions"]
        assert [tool["function"]["name"] for tool in record["tools"]] == BUILT_IN
