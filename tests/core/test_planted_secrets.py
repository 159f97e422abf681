"""Secrets in every place where one can be: found in no file, in no output, and in no packet but those they are for."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from deepfabric_core.llm.api_keys import KEY_VARIABLES
from tests import ROOT
from tests.answers import Calls, Json
from tests.core.commands import wait_for
from tests.planted import Quoting, files_below, found, planted
from tests.provider import Faults, LocalProvider
from tests.spin_server import SpinServer

# A tool server that tells everyone what it was given.
TELLING = r"""
import json, os, sys

kind = sys.argv[1]
given = " ".join([*sys.argv, *(f"{name} is {value}" for name, value in os.environ.items())])
print("started with", given, file=sys.stderr, flush=True)
if kind == "crashing":
    sys.exit("can't go on with " + given)
for line in sys.stdin:
    asked = json.loads(line)
    method = asked["method"]
    head = {"capabilities": {"tools": {}}, "serverInfo": {"name": "telling", "version": "1"}}
    answer = {"result": {"protocolVersion": "2025-06-18", **head}}
    if method == "tools/list":
        answer = {"result": {"tools": [{"name": "look_up", "inputSchema": {"type": "object"}}]}}
    elif method == "tools/call" and kind == "failing":
        print("a call with", given, file=sys.stderr, flush=True)
        answer = {"error": {"code": -32050, "message": "refused for " + given}}
    elif method == "tools/call":
        answer = {"result": {"content": [{"type": "text", "text": "all is well"}]}}
    if "id" in asked:
        print("stray", given, flush=True)
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **answer}), flush=True)
"""

VARIABLES = sorted({name for names in KEY_VARIABLES.values() for name in names} | {"MY_SERVICE_PASSWORD"})
OF_CONFIG = ("base password", "env", "env of a plain name", "header", "flag", "assignment", "word", "spin", "query")


def looks_up_once(body: Json) -> Calls:
    called = any(message["role"] == "tool" for message in body["messages"])
    return () if called else (("look_up", {}),)


class Scene:
    """A folder with a config full of secrets, and everything that was said in it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.secrets = planted(*OF_CONFIG, "proxy", *VARIABLES)
        self.said: dict[str, bytes] = {}
        self.environment = {
            **{name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
            **{name: self.secrets[name] for name in VARIABLES},
            "HOME": str(place / "home"),
            "XDG_DATA_HOME": str(place / "data"),
            "XDG_CACHE_HOME": str(place / "cache"),
            "DEEPFABRIC_LEARNED_LIMITS": "on",
            "TMPDIR": str(place / "tmp"),
            "PYTHONPATH": str(ROOT),
        }
        for folder in ("home", "tmp", "work"):
            (place / folder).mkdir()

    def __getitem__(self, name: str) -> str:
        return self.secrets[name]

    def in_address(self, address: str, secret: str) -> str:
        return address.replace("://", f"://me:{quote(self[secret], safe='')}@")

    def tool_server(self, kind: str = "good") -> dict[str, Any]:
        flags = ["--token", self["flag"], f"--client-secret={self['assignment']}", self["word"].replace("/", "")]
        env = {"SERVICE_TOKEN": self["env"], "PLACE": self["env of a plain name"]}
        return {"command": sys.executable, "args": ["-c", TELLING, kind, *flags], "env": env}

    def config(self, base_url: str, tools: Mapping[str, Any] | None = None, **llm: Any) -> None:
        """Write the config; with tools, its samples are an agent's."""
        base = self.in_address(base_url, "base password")
        generation: dict[str, Any] = {"system_prompt": "You teach.", "max_retries": 0, "sample_retries": 0}
        content = {
            "llm": {"provider": "openai", "model": "gpt-4o", "base_url": base, **llm},
            "topics": {"prompt": "Tea", "depth": 1, "degree": 2, "max_retries": 0, "expansion_retries": 0},
            "generation": generation | ({"tools": dict(tools)} if tools else {}),
            "output": {"save_as": "tea.jsonl", "num_samples": 2, "checkpoint": {"interval": 1}},
        }
        (self.place / "work/config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")

    def config_without_user(self) -> None:
        """Take the user out of base_url, so that the key is sent."""
        path = self.place / "work/config.yaml"
        path.write_text(re.sub(r"//\S+@", "//", path.read_text(encoding="utf-8")), encoding="utf-8")

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [sys.executable, "-m", "deepfabric_core", *arguments],
            cwd=self.place / "work",
            env=self.environment | environment,
            capture_output=True,
            timeout=120,
            check=False,
        )
        self.said[f"{len(self.said)}: {' '.join(arguments)[:60]}"] = done.stdout + done.stderr
        return done

    def on_a_terminal(self, *arguments: str) -> bytes:
        screen, own = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "deepfabric_core", *arguments],
            cwd=self.place / "work",
            env=self.environment | {"TERM": "xterm", "COLUMNS": "250", "LINES": "50"},
            stdin=own,
            stdout=own,
            stderr=own,
        )
        os.close(own)
        shown = b"".join(_pieces(screen))
        process.wait(60)
        os.close(screen)
        self.said["terminal"] = shown
        return shown

    def leaks(self) -> list[str]:
        """Secrets in what was said and in every file but the config that the user wrote."""
        config = self.place / "work/config.yaml"
        return found(self.said | files_below(self.place, but=[config]), self._searched())

    def _searched(self) -> dict[str, str]:
        return {**self.secrets, "word": self["word"].replace("/", "")}


def _pieces(screen: int) -> Iterator[bytes]:
    while select.select([screen], [], [], 60)[0]:
        try:
            piece = os.read(screen, 1 << 16)
        except OSError:  # the other side is closed
            return
        yield piece
        if not piece:
            return


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture
def agents() -> Iterator[LocalProvider]:
    with LocalProvider(Faults(), agent=looks_up_once) as server:
        yield server


def text(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stdout + done.stderr).decode()


def test_a_complete_run_with_tools_a_look_at_it_and_a_replay(scene: Scene, agents: LocalProvider) -> None:
    with SpinServer() as spin:
        endpoint = f"{scene.in_address(spin.url, 'spin')}?api_key={quote(scene['query'], safe='')}"
        tools = {"mcp": {"telling": scene.tool_server()}, "spin_endpoint": endpoint, "components": {"builtin": []}}
        scene.config(agents.base_url, tools)
        done = scene.run("generate", "config.yaml", "--debug")
        assert done.returncode == 0, text(done)
        for arguments in (
            ["validate", "config.yaml", "--check-api"],
            ["info", "--json"],
            ["replay", "tea.jsonl", "config.yaml", "--debug"],
            ["init", "new.yaml"],
            ["limits", "--json"],
        ):
            done = scene.run(*arguments)
            assert done.returncode == 0, text(done)
    assert agents.base_url.split("//")[1] in (scene.place / "cache/deepfabric/learned_limits.json").read_text()
    assert "all is well" in (scene.place / "work/tea.jsonl").read_text(encoding="utf-8")
    assert scene.leaks() == []


QUOTING: Mapping[str, Callable[[str], tuple[int, str]]] = {
    "a refusal": lambda said: (401, json.dumps({"error": {"message": f"Incorrect API key: {said}"}})),
    "an error of the server": lambda said: (500, f"<html><body>It broke: {said}</body></html>"),
    "an error in place of an answer": lambda said: (200, json.dumps({"error": {"message": said, "code": 400}})),
    "an answer that is none": lambda said: (200, f"what is {said}?"),
}


@pytest.mark.parametrize(
    ("client", "kind"),
    [
        *(("direct", kind) for kind in QUOTING),
        *(pytest.param("litellm", kind, marks=pytest.mark.slow) for kind in ("a refusal", "an answer that is none")),
    ],
)
def test_a_provider_that_quotes_what_it_was_sent(scene: Scene, client: str, kind: str) -> None:
    """As a text and in base64: the key, the password of base_url, and the headers as they came."""

    def answer(packet: bytes) -> tuple[int, str]:
        headers = " ".join(packet.decode(errors="replace").split("\r\n\r\n")[0].split("\r\n")[1:])
        sent = [scene["OPENAI_API_KEY"], *([] if client == "litellm" else [scene["base password"]])]
        spoken = " / ".join((*sent, *(quote(one, safe="") for one in sent)))
        return QUOTING[kind](f"{spoken} / {headers}")

    with Quoting(answer) as provider:
        scene.config(f"{provider.url}/v1", client=client)
        if client == "litellm":  # its transport takes no user in an address
            scene.config_without_user()
        done = scene.run("generate", "config.yaml")
        assert done.returncode == 1, text(done)
        assert (b"hidden" in done.stderr) == (client == "direct" or kind == "a refusal"), text(done)
        scene.run("generate", "config.yaml", "--fresh", "--debug")
        if (client, kind) == ("direct", "a refusal"):
            assert b"hidden" in scene.on_a_terminal("generate", "config.yaml", "--fresh")
            scene.run("validate", "config.yaml", "--check-api", "--debug")
        assert provider.packets
    assert scene.leaks() == []


def test_a_reply_that_quotes_the_key_where_something_else_was_asked_for(scene: Scene) -> None:
    (scene.place / "work/topics.jsonl").write_text('{"path": ["Tea", "Green"]}\n{"path": ["Tea", "Black"]}\n')
    with LocalProvider(Faults(), reply=lambda _: json.dumps({"steps": scene["OPENAI_API_KEY"]})) as provider:
        scene.config(provider.base_url)
        path = scene.place / "work/config.yaml"
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        content["output"] |= {"format": "custom"}
        content["generation"] |= {"output_schema": {"properties": {"steps": {"type": "integer"}}}}
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        done = scene.run("generate", "config.yaml", "--topics-load", "topics.jsonl")
    assert done.returncode == 1 and b"'[hidden]' is not of type 'integer'" in done.stderr, text(done)
    assert scene.leaks() == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["crashing", "failing"])
def test_a_tool_server_that_tells_what_it_was_given(scene: Scene, agents: LocalProvider, kind: str) -> None:
    scene.config(agents.base_url, {"mcp": {"telling": scene.tool_server(kind)}})
    done = scene.run("generate", "config.yaml")
    assert done.returncode and b"[hidden]" in done.stderr, text(done)
    for arguments in (["--debug"], ["--debug", "--tui", "simple"]):
        scene.run("generate", "config.yaml", "--fresh", *arguments)
    server = scene.tool_server(kind)
    words = shlex.join([server["command"], *server["args"]])
    env = [word for name, value in server["env"].items() for word in ("--env", f"{name}={value}")]
    done = scene.run("import-tools", "--transport", "stdio", "-c", words, *env, "--debug")
    assert (done.returncode == 0) == (kind == "failing"), text(done)
    assert scene.leaks() == []


def test_a_tool_server_at_an_address_that_quotes_its_headers(scene: Scene, agents: LocalProvider) -> None:
    def answer(packet: bytes) -> tuple[int, str]:
        error = {"code": -32099, "message": f"I don't know {packet.decode()} {scene['header']}"}
        return 401, json.dumps({"jsonrpc": "2.0", "id": None, "error": error})

    with Quoting(answer) as server:
        address = f"{server.url}/mcp?access_token={quote(scene['query'], safe='')}"
        settings = {"url": address, "headers": {"X-Custom": scene["header"], "Authorization": "Bearer ${XAI_API_KEY}"}}
        scene.config(agents.base_url, {"mcp": {"remote": settings}})
        for arguments in ([], ["--debug"]):
            assert scene.run("generate", "config.yaml", *arguments).returncode
        headers = ("--header", f"X-Custom={scene['header']}", "--header", "Authorization=Bearer ${XAI_API_KEY}")
        assert scene.run("import-tools", "--transport", "http", "-e", address, *headers, "--debug").returncode
        assert scene["XAI_API_KEY"].encode() in b"".join(server.packets), "where it is meant to go it goes"
        assert not found({"packets": b"".join(server.packets)}, {"key": scene["OPENAI_API_KEY"]})
    assert scene.leaks() == []


def test_a_run_that_is_killed_looked_at_and_resumed(scene: Scene, agents: LocalProvider) -> None:
    scene.config(agents.base_url, {"mcp": {"telling": scene.tool_server()}})
    agents.faults = Faults(latency=0.3)
    base = scene.in_address(agents.base_url, "proxy")
    command = ["generate", "config.yaml", "--base-url", base, "--num-samples", "30", "--batch-size", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "deepfabric_core", *command],
        cwd=scene.place / "work",
        env=scene.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_for(agents, 5)
    process.send_signal(signal.SIGKILL)
    scene.said["killed"] = b"".join(process.communicate())
    agents.faults = Faults()
    shown = json.loads(scene.run("checkpoint-status", "config.yaml", "--json").stdout)
    assert shown["changed"] == [] and "--base-url http://USER:PASSWORD@127.0.0.1" in shown["resume"]
    assert "USER:PASSWORD@" in text(scene.run("checkpoint-status", "config.yaml"))
    scene.secrets["SERVICE_TOKEN of tomorrow"] = "tomorrow-" + scene["env"][::-1]
    content = yaml.safe_load((scene.place / "work/config.yaml").read_text(encoding="utf-8"))
    content["generation"]["tools"]["mcp"]["telling"]["env"]["SERVICE_TOKEN"] = scene["SERVICE_TOKEN of tomorrow"]
    (scene.place / "work/config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    done = scene.run(*command, "--resume", "--debug")
    assert done.returncode == 0, text(done)
    assert scene.leaks() == []


def test_a_proxy_gets_its_own_password_and_shows_it_nowhere(scene: Scene) -> None:
    with Quoting(lambda packet: (407, f"go away {packet.decode()} {scene['proxy']}")) as proxy:
        scene.config("http://provider.invalid/v1")
        address = scene.in_address(proxy.url, "proxy")
        for arguments in ([], ["--debug", "--fresh"]):
            done = scene.run("generate", "config.yaml", *arguments, HTTP_PROXY=address, http_proxy=address)
            assert done.returncode == 1, text(done)
        assert proxy.packets
        others = {name: value for name, value in scene.secrets.items() if name not in ("proxy", "base password")}
        assert not found({"packets": b"".join(proxy.packets)}, others)
    socks = f"socks5://me:{scene['proxy']}@127.0.0.1:9"
    for client in ("direct", "litellm"):
        scene.config("http://provider.invalid/v1", client=client)
        done = scene.run("generate", "config.yaml", "--fresh", "--debug", ALL_PROXY=socks, all_proxy=socks)
        assert done.returncode, text(done)
    assert scene.leaks() == []
