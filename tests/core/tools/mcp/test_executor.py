"""Tools of MCP servers: found, called, timed out, killed, and nothing of them left. The servers are real ones."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click
import pytest
from aiohttp import web

from deepfabric_core.chat.tools import ToolResult
from deepfabric_core.cli.app import app
from deepfabric_core.config.schema import McpServer
from deepfabric_core.errors import ConfigError, FailureKind, ModelError
from deepfabric_core.tools.definitions import read_tools
from deepfabric_core.tools.mcp.executor import McpTools, start
from tests import ROOT
from tests.core.conftest import Run

SERVER = (
    sys.executable,
    "-c",
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.mcp_server import main; main()",
)
STDIO: dict[str, Any] = {"command": SERVER[0], "args": [*SERVER[1:]]}
HIDDEN = "correct-horse-battery"

# A server in twenty lines: some speak only an old protocol and end at any other first message, some only a new one.
PLAIN = """
import json, os, sys
kind, began = sys.argv[1], False
tools = [] if kind == "bare" else [{"name": f"tool{n}", "inputSchema": {"type": "object"}} for n in range(5)]
if kind == "patterned":
    tools[0]["outputSchema"] = {"type": "object", "properties": {"said": {"pattern": r"^(\\w+\\s?)+$"}}}
print("Welcome!", flush=True)
if kind == "telling":
    sys.exit("bad token " + os.environ["TOKEN"])
for line in sys.stdin:
    asked = json.loads(line)
    method, params = asked["method"], asked.get("params", {})
    if kind != "modern" and not began and method != "initialize":
        sys.exit(1)
    began = True
    head = {"capabilities": {"tools": {}}, "serverInfo": {"name": "plain", "version": "1"}}
    extra = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"} if kind == "modern" else {}
    answer = {"result": {"protocolVersion": "2025-06-18", **head}}
    if method == "initialize" and kind == "modern":
        answer = {"error": {"code": -32601, "message": "no such method"}}
    elif method == "server/discover":
        answer = {"result": {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, **extra}}
    elif method == "tools/list":
        at = int(params.get("cursor", 0))
        answer = {"result": {"tools": tools[at : at + 2], **extra}}
        if at + 2 < len(tools):
            answer["result"]["nextCursor"] = str(at + 2)
    elif method == "tools/call" and kind == "patterned":
        answer = {"result": {"content": [], "structuredContent": {"said": params["arguments"]["say"]}}}
    elif method == "tools/call":
        answer = {"error": {"code": -32050, "message": "refused " + os.environ.get("TOKEN", "")}}
    if "id" in asked:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **answer}), flush=True)
"""


def plain(kind: str, **settings: Any) -> McpServer:
    return McpServer(command=sys.executable, args=["-c", PLAIN, kind], **settings)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with HttpServer() as (address, _):
        yield address


class HttpServer:
    """The server of tests.mcp_server in a process of its own; used as a context manager."""

    def __init__(self, port: str = "0") -> None:
        self.arguments = [*SERVER, "--transport", "http", "--port", port]

    def __enter__(self) -> tuple[str, subprocess.Popen[str]]:
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip(), self.process

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(params=["stdio", "http"])
def settings(request: pytest.FixtureRequest, url: str) -> dict[str, Any]:
    return STDIO if request.param == "stdio" else {"url": url}


def using(settings: McpServer, use: Callable[[McpTools], Awaitable[None]], **options: Any) -> None:
    """Start a server, use it in another task than the one that ends it, and let no warning pass."""

    async def whole() -> None:
        tools = await start("here", settings, **options)
        try:
            await asyncio.create_task(as_coroutine(use(tools)))
        finally:
            await asyncio.wait_for(tools.close(), 5)

    asyncio.run(whole())
    gc.collect()


async def as_coroutine(awaited: Awaitable[None]) -> None:
    await awaited


def refusal(settings: McpServer, **options: Any) -> str:
    async def nothing(_: McpTools) -> None:
        raise AssertionError

    began = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        using(settings, nothing, **options)
    assert time.monotonic() - began < 5
    said = str(caught.value)
    assert said.startswith("generation.tools.mcp.here") and said.endswith(".") and "\n" not in said
    return said


async def failure(tools: McpTools, name: str, **arguments: object) -> str:
    with pytest.raises(ModelError) as caught:
        await tools.session("a").call(name, arguments)
    assert caught.value.kind is FailureKind.TOOL
    return str(caught.value)


@asynccontextmanager
async def listening(answer: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[str]:
    """A server whose every POST is answered so."""
    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def lives(pid: str) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True, check=False)  # noqa: S607
    return state.stdout.strip()[:1] not in ("", "Z")


def test_tools_are_found_and_called(settings: dict[str, Any]) -> None:
    async def use(tools: McpTools) -> None:
        found = {tool.name: tool for tool in tools.tools}
        assert found["add"].description == "Add two numbers."
        assert found["add"].parameters["required"] == ["a", "b"]
        session, other = tools.session("one"), tools.session("two")
        assert await session.call("add", {"a": 2, "b": 3}) == ToolResult("5")
        assert await session.call("unicode", {}) == ToolResult("Grüße, 世界, مرحبا, 🧵\u2028end")
        assert await session.call("picture", {}) == ToolResult("a dot\n[image: image/png, 12 bytes]")
        assert (await session.call("big", {})).content == "x" * 3_000_000
        assert await session.call("fail", {}) == ToolResult(
            "Error executing tool fail: the shelf is empty", "ToolError"
        )
        await session.call("note", {"text": "seen by all"})
        assert "seen by all" in (await other.call("notes", {})).content

    using(McpServer(**settings), use)


def test_32_calls_go_at_once(settings: dict[str, Any]) -> None:
    async def use(tools: McpTools) -> None:
        began = time.monotonic()
        calls = [tools.session(str(n)).call("slow", {"seconds": 0.5}) for n in range(32)]
        sums = [tools.session(str(n)).call("add", {"a": n, "b": n}) for n in range(32)]
        answers = await asyncio.gather(*calls, *sums)
        assert [answer.content for answer in answers] == ["done"] * 32 + [str(2 * n) for n in range(32)]
        assert time.monotonic() - began < 4

    using(McpServer(**settings), use)


def test_only_the_named_tools_are_taken_and_a_missing_one_is_named() -> None:
    async def use(tools: McpTools) -> None:
        assert [tool.name for tool in tools.tools] == ["tool1", "tool4"]

    using(plain("old", tools=["tool4", "tool1"]), use)
    assert "no tool tool9; it has tool0, tool1" in refusal(plain("old", tools=["tool9"]))
    assert "has no tools" in refusal(plain("bare"))


@pytest.mark.parametrize("kind", ["old", "modern"])
def test_servers_of_either_protocol_are_understood_page_by_page(kind: str) -> None:
    async def use(tools: McpTools) -> None:
        assert len(tools.tools) == 5
        assert "refused" in await failure(tools, "tool1")

    using(plain(kind), use)


def test_a_slow_call_times_out_and_costs_no_other(settings: dict[str, Any]) -> None:
    async def use(tools: McpTools) -> None:
        slow = failure(tools, "slow", seconds=30)
        quick = tools.session("b").call("slow", {"seconds": 0.1})
        said, answer = await asyncio.gather(slow, quick)
        assert "slow didn't answer within 1 seconds" in said
        assert answer.content == "done"
        assert (await tools.session("c").call("add", {"a": 1, "b": 1})).content == "2"

    using(McpServer(**settings, timeout=1), use)


def test_a_server_that_dies_fails_its_calls_at_once_and_is_begun_again_after_a_while() -> None:
    async def use(tools: McpTools) -> None:
        waiting = asyncio.create_task(failure(tools, "slow", seconds=20))
        await asyncio.sleep(0.2)
        said = await failure(tools, "die")
        assert "was ended by SIGKILL, saying 'giving up the ghost' (in a call of die)" in said
        assert "SIGKILL" in await asyncio.wait_for(waiting, 1)
        began = time.monotonic()
        for _ in range(20):
            assert "SIGKILL" in await failure(tools, "add", a=1, b=1)
        assert time.monotonic() - began < 0.5
        await asyncio.sleep(restart_seconds)
        calls = [tools.session(str(n)).call("process", {}) for n in range(8)]
        assert len({answer.content for answer in await asyncio.gather(*calls)}) == 1

    restart_seconds = 2.0
    using(McpServer(**STDIO), use, restart_seconds=restart_seconds)


def test_an_http_server_that_dies_fails_calls_quickly_until_it_is_there_again() -> None:
    async def use(tools: McpTools) -> None:
        waiting = asyncio.create_task(failure(tools, "slow", seconds=20))
        await asyncio.sleep(0.2)
        server.kill()
        assert "generation.tools.mcp.here" in await asyncio.wait_for(waiting, 2)
        for _ in range(5):
            assert "can't be reached (" in await asyncio.wait_for(failure(tools, "notes"), 1)
        with HttpServer(address.split(":")[2].split("/")[0]) as (_, again):
            said = await failure(tools, "process")  # it knows nothing of our session, and so we begin another
            assert "session" in said.lower()
            assert (await tools.session("a").call("process", {})).content == str(again.pid)

    with HttpServer() as (address, server):
        using(McpServer(url=address), use, restart_seconds=0)


@pytest.mark.parametrize("stubborn", [False, True])
def test_nothing_is_left_of_a_server_nor_of_what_it_started(*, stubborn: bool) -> None:
    pids: list[str] = []

    async def use(tools: McpTools) -> None:
        if stubborn:
            await tools.session("a").call("stubborn", {})
        pids.extend([(await tools.session("a").call(name, {})).content for name in ("process", "child")])
        assert all(map(lives, pids))

    using(McpServer(**STDIO), use)
    assert not any(map(lives, pids))


def test_nothing_is_left_where_the_run_is_cancelled_in_the_middle_of_a_call() -> None:
    pids: list[str] = []

    async def whole() -> None:
        tools = await start("here", McpServer(**STDIO))
        pids.extend([(await tools.session("a").call(name, {})).content for name in ("process", "child")])
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_later(0.2, task.cancel)
        await asyncio.gather(*(tools.session("a").call("slow", {"seconds": 20}) for _ in range(32)))

    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(whole())
    gc.collect()
    assert time.monotonic() - began < 6
    assert len(pids) == 2 and not any(map(lives, pids))


@pytest.mark.parametrize("stubborn", ["", "trap '' TERM; "])
def test_nothing_is_left_of_a_server_that_ignores_the_end_of_its_input_where_we_are_killed(stubborn: str) -> None:
    served = f"{stubborn}{sys.executable} -m tests.mcp_server; sleep 600"
    script = f"""
import asyncio
from deepfabric_core.config.schema import McpServer
from tests.core.tools.mcp.test_executor import start
async def whole():
    tools = await start("here", McpServer(command="sh", args=["-c", {served!r}], env={{"PYTHONPATH": {str(ROOT)!r}}}))
    print(*[(await tools.session("a").call(name, {{}})).content for name in ("process", "child")], flush=True)
    await asyncio.sleep(600)
asyncio.run(whole())
"""
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    server, child = process.stdout.readline().split()
    shell = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[1]
    assert all(map(lives, (shell, server, child)))
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while any(map(lives, (shell, server, child))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(lives, (shell, server, child)))


def test_ctrl_c_while_a_server_starts_leaves_nothing_and_says_nothing_else(tmp_path: Path) -> None:
    script = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    arguments = ["import-tools", "--transport", "stdio", "-c", f'{sys.executable} -c "{script}"']
    process = subprocess.Popen(
        [sys.executable, "-X", "dev", "-m", "deepfabric_core", *arguments], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    while not (tmp_path / "pid").exists() or not (pid := (tmp_path / "pid").read_text()):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    slow = "Executing <"  # what asyncio's debug mode says of a busy machine
    rest = [line for line in said.splitlines() if line and not line.startswith(slow)]
    assert (process.returncode, rest) == (130, [])
    assert not lives(pid)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"command": "no-such-command"}, "no-such-command can't be started (no such file or directory)"),
        ({"command": "cat"}, "cat doesn't answer as an MCP server"),
        ({"command": "true"}, "true exited with code 0"),
        ({"command": "yes"}, "yes writes to its standard output what isn't MCP"),
        (
            {"command": "sleep", "args": ["60"], "timeout": 0.5},
            "sleep didn't answer as an MCP server within 0.5 seconds",
        ),
        ({"command": "sh", "args": ["-c", "echo no luck >&2; exit 3"]}, "exited with code 3, saying 'no luck'"),
        (
            {"url": "http://me:pass@127.0.0.1:1/mcp?key=pass"},
            "http://127.0.0.1:1/mcp can't be reached (connection refused)",
        ),
        ({"url": "http://nowhere.invalid/mcp"}, "http://nowhere.invalid/mcp can't be reached"),
        ({"url": "http://127.0.0.1:1/mcp", "headers": {"A": "a\nb"}}, "here.headers.A: a header is one line"),
    ],
)
def test_what_is_no_mcp_server_is_one_sentence_soon(given: dict[str, Any], words: str) -> None:
    said = refusal(McpServer(**given), patience=0.5 if "timeout" in given else 20)
    assert words in said
    assert "pass" not in said


def test_a_variable_that_is_not_set_is_named() -> None:
    for part, settings in (("env", STDIO), ("headers", {"url": "http://127.0.0.1:1/mcp"})):
        given = McpServer(**settings, **{part: {"KEY": "Bearer ${THE_TOKEN}"}})
        assert f"here.{part}.KEY: THE_TOKEN isn't set" in refusal(given, environment={})


def test_env_reaches_the_server_and_nothing_else_of_ours_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-ours")

    async def use(tools: McpTools) -> None:
        found = [await tools.session("a").call("variable", {"name": name}) for name in ("TOKEN", "OPENAI_API_KEY")]
        assert [one.content for one in found] == [f"my {HIDDEN}", "nothing"]

    using(McpServer(**STDIO, env={"TOKEN": "my ${THE_TOKEN}"}), use, environment={"THE_TOKEN": HIDDEN})


def test_a_secret_of_env_shows_neither_in_errors_nor_in_the_log(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async def use(tools: McpTools) -> None:
        assert "refused [hidden]" in await failure(tools, "tool1")

    caplog.set_level(logging.DEBUG)
    assert "saying 'bad token [hidden]'" in refusal(plain("telling", env={"TOKEN": HIDDEN}))
    using(plain("old", env={"TOKEN": HIDDEN}), use)
    assert "bad token [hidden]" in caplog.text
    assert HIDDEN not in caplog.text
    assert capfd.readouterr() == ("", "")


def test_a_secret_of_headers_reaches_the_server_and_shows_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    given: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        given.append(request.headers["Authorization"])
        error = {"code": -32099, "message": f"I don't know {given[0]}"}
        plain_text = web.Response(status=401, text=f"go away with {given[0]}")
        body = {"jsonrpc": "2.0", "id": None, "error": error}
        return plain_text if len(given) == 1 else web.json_response(body, status=401)

    async def whole() -> list[str]:
        said = []
        async with listening(answer) as address:
            settings = McpServer(url=f"{address}/mcp", headers={"Authorization": "Bearer ${T}"})
            for _ in range(2):
                with pytest.raises(ConfigError) as caught:
                    await start("here", settings, environment={"T": HIDDEN})
                said.append(str(caught.value))
        return said

    caplog.set_level(logging.DEBUG)
    said = asyncio.run(whole())
    assert given[0] == f"Bearer {HIDDEN}"
    assert "answered HTTP 401; check the address, the headers" in said[0]
    assert HIDDEN not in "".join(said) + caplog.text


@pytest.mark.parametrize(("style", "ending"), [("deepfabric", ".yaml"), ("openai", ".json")])
def test_imported_tools_are_read_back(
    style: str, ending: str, settings: dict[str, Any], place: Path, deepfabric: Run
) -> None:
    way = ("http", "-e", settings["url"]) if "url" in settings else ("stdio", "-c", shlex.join(SERVER))
    done = deepfabric("import-tools", "--transport", *way, "--format", style, "-o", f"tools{ending}")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr == f"tools{ending} has the definitions of 13 tools.\n"
    tools = {tool.name: tool for tool in read_tools(place / f"tools{ending}")}
    assert len(tools) == 13
    assert tools["add"].parameters["properties"]["a"]["type"] == "integer"
    assert [file.name for file in place.iterdir()] == [f"tools{ending}"]


def test_without_a_file_the_import_is_json_on_standard_output(deepfabric: Run) -> None:
    command = shlex.join([sys.executable, "-c", PLAIN, "old"])
    done = deepfabric("import-tools", "--transport", "stdio", "--command", command, "--format", "openai")
    assert (done.returncode, done.stderr) == (0, "")
    assert [tool["function"]["name"] for tool in json.loads(done.stdout)["tools"]] == [f"tool{n}" for n in range(5)]


def test_the_import_gives_a_spin_service_the_definitions_as_they_are(deepfabric: Run) -> None:
    given: list[tuple[str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        given.append((request.path, await request.json()))
        return web.json_response({"loaded": 5}) if len(given) == 1 else web.Response(status=500, text="full")

    async def whole() -> list[subprocess.CompletedProcess[str]]:
        command = shlex.join([sys.executable, "-c", PLAIN, "old"])
        async with listening(answer) as address:
            arguments = ("import-tools", "--transport", "stdio", "-c", command, "-s", address)
            return [await asyncio.to_thread(deepfabric, *arguments) for _ in range(2)]

    loaded, refused = asyncio.run(whole())
    assert (loaded.returncode, loaded.stdout) == (0, "")
    assert "has loaded 5 tools" in loaded.stderr
    path, body = given[0]
    assert path == "/mock/load-schema"
    assert body["tools"][0] == {"name": "tool0", "inputSchema": {"type": "object"}}
    assert refused.returncode == 1
    assert "answered HTTP 500 (full)" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["stdio"], "--transport stdio needs -c COMMAND"),
        (["http"], "--transport http needs -e ENDPOINT"),
        (["stdio", "-c", "cat 'it"], "--command: no closing quotation"),
        (["stdio", "-c", " "], "--command: it names no program"),
        (["stdio", "-c", "cat", "--header", "A=b"], "--header has no meaning with --transport stdio"),
        (["stdio", "-c", "cat", "--env", f"TOKEN {HIDDEN}"], "--env number 1 isn't of the form K=V"),
        (["http", "-e", "localhost"], "--endpoint: an address begins with http://"),
        (["http", "-e", "http://localhost", "-o", "tools.txt"], "tools.txt ends neither in .yaml nor in .json"),
        (["http", "-e", "http://localhost", "--header", "A=${NOT_SET_HERE}"], "NOT_SET_HERE isn't set"),
        (["http", "-e", "http://localhost", "--timeout", "0"], "--timeout"),
    ],
)
def test_a_wrong_flag_of_the_import_is_a_sentence(arguments: list[str], words: str) -> None:
    with pytest.raises((click.UsageError, ConfigError)) as caught:
        app.main(["import-tools", "--transport", *arguments], standalone_mode=False)
    problem = caught.value
    assert isinstance(problem, click.UsageError | ConfigError) and problem.exit_code == 2
    said = problem.format_message() if isinstance(problem, click.UsageError) else str(problem)
    assert words in said
    assert HIDDEN not in said


@pytest.mark.parametrize(
    "way",
    [("stdio", "-c", "cat", "--env", f"KEY={HIDDEN}"), ("http", "-e", "http://127.0.0.1:1", "--header", f"A={HIDDEN}")],
)
def test_an_import_from_no_server_is_a_sentence_and_writes_nothing(
    deepfabric: Run, place: Path, way: tuple[str, ...]
) -> None:
    done = deepfabric("import-tools", "--transport", *way, "-o", "tools.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
    assert HIDDEN not in done.stderr
    assert not list(place.iterdir())


def test_an_answer_that_a_pattern_would_search_for_ever_is_refused() -> None:
    async def use(tools: McpTools) -> None:
        assert (await tools.call("tool0", {"say": "a fine day"})).content == '{"said": "a fine day"}'
        with pytest.raises(ModelError, match=r"here: tool0 answered structured content that .*: said: "):
            await tools.call("tool0", {"say": "a" * 60 + "!"})

    using(plain("patterned"), use)
