"""Tools behind an HTTP service: the Spin protocol as DeepFabric speaks it, and every way in which a service fails."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar
from urllib.request import urlopen

import pytest

from deepfabric_core.chat.tools import Tool, ToolResult
from deepfabric_core.errors import ConfigError, FailureKind, ModelError
from deepfabric_core.tools.definitions import tool_from
from deepfabric_core.tools.spin.component import Component, check, fetch_tools
from deepfabric_core.tools.virtual_files import BUILT_IN
from tests import ROOT
from tests.spin_server import WEATHER, Fault, SpinServer

T = TypeVar("T")

FILES = tuple(BUILT_IN.values())
TOOL = tool_from(WEATHER, where="tests")
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def service() -> Iterator[SpinServer]:
    with SpinServer() as running:
        yield running


def run(what: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(what)


async def calls(component: Component, *asked: tuple[str, dict[str, Any]], key: str = "a") -> list[ToolResult]:
    """The results of calls in one session, and then the end of it all."""
    session = component.session(key)
    try:
        return [await session.call(name, arguments) for name, arguments in asked]
    finally:
        await session.close()
        await component.close()


def files_of(service: SpinServer, **options: Any) -> Component:
    return Component(service.url, "builtin", FILES, **options)


def failed(component: Component, *asked: tuple[str, dict[str, Any]]) -> str:
    with pytest.raises(ModelError) as caught:
        run(calls(component, *(asked or [("list_files", {})])))
    assert caught.value.kind is FailureKind.TOOL
    return str(caught.value)


def test_the_built_in_tools_are_called_in_a_session_that_ends(service: SpinServer) -> None:
    asked = [("write_file", {"file_path": "a", "content": "é"}), ("read_file", {"file_path": "a"}), ("list_files", {})]
    results = run(calls(files_of(service), *asked))
    assert [result.content for result in results[1:]] == ["é", '["a"]']
    assert not any(result.error for result in results)
    path, body = service.requests[1]
    assert path == "/vfs/execute"
    assert set(body) == {"session_id", "tool", "args"} and body["tool"] == "read_file"
    assert service.ended == [body["session_id"]] and service.sessions == {}


def test_what_a_tool_refuses_is_a_result_with_the_name_of_the_error(service: SpinServer) -> None:
    asked = [("read_file", {"file_path": "x"}), ("write_file", {"file_path": "/etc/passwd", "content": ""})]
    missing, invalid = run(calls(files_of(service), *asked))
    assert missing == ToolResult("FileNotFound: File not found: x", "FileNotFound")
    assert invalid.error == "InvalidArguments"


def test_another_component_is_called_by_its_own_name(service: SpinServer) -> None:
    component = Component(service.url + "/", "weather", (TOOL,))
    assert component.tools == (TOOL,)
    rain, sunk = run(calls(component, ("get_weather", {"city": "Rome"}), ("get_weather", {"city": "Atlantis"})))
    assert rain.content == "Rain in Rome \N{REPLACEMENT CHARACTER}"  # half a character, which no file could hold
    assert sunk == ToolResult("IOError: it is under water", "IOError")
    assert {path for path, _ in service.requests} == {"/weather/execute"}


def test_with_an_execute_path_name_and_arguments_are_sent_and_nothing_of_a_session(service: SpinServer) -> None:
    component = Component(service.url, "mock", (TOOL,), "/mock/execute")
    (echo,) = run(calls(component, ("get_weather", {"city": "Rome"})))
    assert json.loads(echo.content) == {"tool": "get_weather", "arguments": {"city": "Rome"}, "mock": True}
    assert service.requests == [("/mock/execute", {"name": "get_weather", "arguments": {"city": "Rome"}})]
    assert service.ended == []


def test_a_service_may_refuse_a_call_by_http_400_and_a_reason(service: SpinServer) -> None:
    (refused,) = run(calls(Component(service.url, "mock", (TOOL,), "mock/execute"), ("refused", {})))
    assert refused == ToolResult("IOError: refused is no tool", "IOError")


def test_the_files_of_a_scenario_are_there_before_the_first_call_and_written_once(service: SpinServer) -> None:
    component = files_of(service, files={"main.py": "print()", "src/a": "é"})
    listed, read = run(calls(component, ("list_files", {}), ("read_file", {"file_path": "src/a"})))
    assert listed.content == '["main.py", "src/a"]' and read.content == "é"
    assert [body["tool"] for _, body in service.requests] == ["write_file", "write_file", "list_files", "read_file"]


def test_calls_that_begin_together_wait_for_the_files(service: SpinServer) -> None:
    async def both() -> list[ToolResult]:
        component = files_of(service, files={"a": "1"})
        session = component.session("k")
        results = await asyncio.gather(*(session.call("list_files", {}) for _ in range(8)))
        await component.close()
        return results

    assert {result.content for result in run(both())} == {'["a"]'}
    assert sum(body["tool"] == "write_file" for _, body in service.requests) == 1


def test_a_scenario_file_that_is_refused_fails_the_sample(service: SpinServer) -> None:
    said = failed(files_of(service, files={"/abs": ""}))
    assert "refused the scenario file '/abs' (InvalidArguments)" in said


def test_sessions_never_see_each_other_even_of_the_same_key_and_at_once(service: SpinServer) -> None:
    async def sample(component: Component, token: str) -> str:
        session = component.session("same key")
        await session.call("write_file", {"file_path": token, "content": token})
        listed = (await session.call("list_files", {})).content
        await session.close()
        return listed

    async def together() -> list[str]:
        component = files_of(service, files={"seed": ""})
        listed = await asyncio.gather(*(sample(component, f"t{number}") for number in range(50)))
        await component.close()
        return listed

    assert run(together()) == [json.dumps(sorted(["seed", f"t{number}"])) for number in range(50)]
    assert len(set(service.ended)) == 50 and service.sessions == {}


def test_a_session_without_a_call_sends_nothing(service: SpinServer) -> None:
    run(calls(files_of(service, files={"a": ""})))
    assert service.requests == [] and service.ended == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("down", "can't be reached for list_files"),
        ("500", "answered list_files with HTTP 500"),
        ("hang", "gave no answer to list_files within 0.1 s"),
        ("broken", "isn't the Spin protocol"),
        ("not an object", "isn't the Spin protocol"),
        ("huge", "more than 1048576 bytes"),
        ("redirect", "HTTP 302"),
    ],
)
def test_a_service_that_fails_is_one_sentence_of_kind_tool_and_closing_is_quiet(
    service: SpinServer, fault: Fault, said: str
) -> None:
    service.fault = fault
    message = failed(files_of(service, timeout=0.1 if fault == "hang" else 30))
    assert said in message and service.url in message
    assert "\n" not in message and "verysecret" not in message


def test_a_service_that_is_gone_is_named_without_the_secrets_in_its_address() -> None:
    message = failed(Component("http://me:hunter22@127.0.0.1:9/?token=abc", "builtin", FILES))
    assert message == (
        "The tool service at http://127.0.0.1:9/vfs/execute can't be reached for list_files (Connection refused)."
    )


def test_the_service_works_again_once_it_is_back(service: SpinServer) -> None:
    async def twice() -> ToolResult:
        component = files_of(service, files={"a": "1"})
        session = component.session("k")
        service.fault = "down"
        with pytest.raises(ModelError):
            await session.call("list_files", {})
        service.fault = ""
        result = await session.call("list_files", {})
        await component.close()
        await session.close()  # too late to be sent, and no error
        return result

    assert run(twice()).content == '["a"]'


def test_the_tools_of_an_endpoint_are_read(service: SpinServer) -> None:
    (tool,) = run(fetch_tools(f"{service.url}/mock/list-tools"))
    assert isinstance(tool, Tool) and tool.as_openai() == TOOL.as_openai()
    service.listed = [WEATHER]
    assert len(run(fetch_tools(f"{service.url}/mock/list-tools"))) == 1


@pytest.mark.parametrize("fault", ["down", "500", "hang", "broken", "not an object", "huge", "redirect"])
def test_an_endpoint_that_lists_no_tools_is_a_mistake_in_the_config(service: SpinServer, fault: Fault) -> None:
    service.fault = fault
    with pytest.raises(ConfigError, match="/mock/list-tools"):
        run(fetch_tools(f"{service.url}/mock/list-tools", 0.1 if fault == "hang" else 30))


def test_a_listed_tool_that_cannot_be_used_is_named(service: SpinServer) -> None:
    service.listed = {"tools": [WEATHER, {"name": "get weather"}]}
    with pytest.raises(ConfigError, match=r"definition 2 \('get weather'\): a tool's name is"):
        run(fetch_tools(f"{service.url}/mock/list-tools"))


def test_a_service_that_is_there_passes_the_check(service: SpinServer) -> None:
    run(check(service.url))


def test_a_service_that_is_not_there_is_told_with_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"Connection refused.*start the service .*spin_endpoint names, or leave"):
        run(check(NOWHERE))


@pytest.mark.parametrize("address", ["", "localhost:3000", "ftp://x", "http://", "http://[", "http://x:99999"])
def test_what_is_no_address_is_told_before_anything_is_sent(address: str) -> None:
    with pytest.raises(ConfigError, match="spin_endpoint is no address"):
        Component(address, "builtin", FILES)
    with pytest.raises(ConfigError, match="tools_endpoint is no address"):
        run(fetch_tools(address))


def test_the_server_of_these_tests_also_runs_alone() -> None:
    command = [sys.executable, "-m", "tests.spin_server", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        with urlopen(f"{url}/components", timeout=10) as answer:  # noqa: S310 - our own server
            assert "vfs" in json.load(answer)["components"]
        process.terminate()
        assert process.wait(10) == 0
