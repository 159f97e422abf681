"""No secret gets into a trace, from wherever it comes; and what is data stays as it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from deepfabric_core.chat.messages import Message, Request, Subject
from deepfabric_core.chat.trace import TracedReply, TraceHeader, asked, trace_in
from deepfabric_core.redaction import Redactor
from deepfabric_core.store.trace_log import TraceLog, read_trace
from tests.answers import Calls, Json
from tests.core.commands import lines
from tests.core.test_planted_secrets import QUOTING, Scene, text
from tests.planted import Quoting, found, planted
from tests.provider import Faults, LocalProvider


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def trace_of(scene: Scene) -> Path:
    return scene.place / "work/calls.jsonl"


@pytest.mark.parametrize("kind", QUOTING)
def test_a_provider_that_quotes_what_it_was_sent_quotes_no_secret_into_the_trace(scene: Scene, kind: str) -> None:
    """The key, the password of base_url and the headers, in errors and in answers that are none."""

    def answer(packet: bytes) -> tuple[int, str]:
        headers = " ".join(packet.decode(errors="replace").split("\r\n\r\n")[0].split("\r\n")[1:])
        sent = (scene["OPENAI_API_KEY"], scene["base password"])
        return QUOTING[kind](" / ".join((*sent, *(quote(one, safe="") for one in sent), headers)))

    with Quoting(answer) as provider:
        scene.config(f"{provider.url}/v1")
        done = scene.run("generate", "config.yaml", "--trace", "calls.jsonl")
        assert done.returncode == 1, text(done)
    errors = [line["error"]["message"] for line in lines(trace_of(scene))[1:]]
    assert errors and all("[hidden]" in message for message in errors)
    assert scene.run("trace", "show", "calls.jsonl", "--call", "1").returncode == 0
    assert scene.leaks() == []


def test_a_reply_that_quotes_the_key_is_recorded_without_it(scene: Scene) -> None:
    (scene.place / "work/topics.jsonl").write_text('{"path": ["Tea", "Green"]}\n')
    with LocalProvider(Faults(), reply=lambda _: json.dumps({"steps": scene["OPENAI_API_KEY"]})) as provider:
        scene.config(provider.base_url, structured_output="json_schema")
        done = scene.run("generate", "config.yaml", "--topics-load", "topics.jsonl", "--trace", "calls.jsonl")
        assert done.returncode == 1, text(done)
    _, *calls = lines(trace_of(scene))
    assert calls and all("[hidden]" in line["reply"]["text"] for line in calls)
    assert scene.leaks() == []


def looks_up_once(body: Json) -> Calls:
    called = any(message["role"] == "tool" for message in body["messages"])
    return () if called else (("look_up", {}),)


def test_a_tool_that_tells_its_headers_tells_them_to_no_trace(scene: Scene) -> None:
    """The headers are filled in from the environment; the tool's result is part of the next request."""

    def answer(packet: bytes) -> tuple[int, str]:
        head, _, body = packet.decode().partition("\r\n\r\n")
        call = json.loads(body) if body else {}
        results: dict[str, Any] = {
            "initialize": {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "telling", "version": "1"},
            },
            "tools/list": {"tools": [{"name": "look_up", "inputSchema": {"type": "object"}}]},
            "tools/call": {"content": [{"type": "text", "text": f"It is {scene['header']}, {head}"}]},
        }
        method = call.get("method", "")
        if method not in results:
            return 202, ""
        return 200, json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": results[method]})

    with LocalProvider(Faults(), agent=looks_up_once) as provider, Quoting(answer) as tools:
        headers = {"X-Custom": scene["header"], "Authorization": "Bearer ${XAI_API_KEY}"}
        scene.config(provider.base_url, {"mcp": {"remote": {"url": f"{tools.url}/mcp", "headers": headers}}})
        done = scene.run("generate", "config.yaml", "--trace", "calls.jsonl")
        assert done.returncode == 0, text(done)
    recorded = trace_of(scene).read_bytes()
    assert b"It is [hidden]" in recorded
    assert found({"trace": recorded}, scene.secrets) == []


# ---- the file itself

SECRET = planted("password")["password"]
REQUEST = Request(
    (Message("system", f"Your password: {SECRET}"), Message("user", "token=abcdefgh \ud800")),
    10,
    subject=Subject(("Tea", SECRET)),
)


def test_requests_lose_what_looks_like_a_secret_and_replies_what_is_one(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    log = TraceLog(path, TraceHeader(1, 5.0, "tea.yaml"), Redactor({SECRET}))
    reply = TracedReply(f'{{"token": 123456789, "said": "{SECRET}"}}', "m", "stop")
    log.of("samples")(replace(asked(REQUEST, "openai/m", at=6.0), reply=reply))
    log.close()
    (call,) = read_trace(path).calls
    assert [message.content for message in call.request.messages] == [
        "Your password: [hidden]",
        "token=[hidden] \ufffd",
    ]
    assert call.subject.path == ("Tea", "[hidden]")
    assert call.reply and json.loads(call.reply.text) == {"token": 123456789, "said": "[hidden]"}
    assert call.stage == "samples"


def test_a_secret_that_is_one_of_our_own_words_leaves_the_format_as_it_is(tmp_path: Path) -> None:
    log = TraceLog(tmp_path / "calls.jsonl", TraceHeader(1, 5.0), Redactor({"system", "samples"}))
    log.of("samples")(asked(REQUEST, at=6.0))
    log.close()
    assert read_trace(tmp_path / "calls.jsonl").damaged == ()


def test_a_trace_is_continued_after_its_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    for torn in (b"", b'{"at": 1', b"x" * 3_000_000):
        TraceLog(path, TraceHeader(1, 5.0), Redactor()).close()
        path.write_bytes(path.read_bytes() + torn)
    TraceLog(path, TraceHeader(1, 5.0), Redactor()).close()
    assert path.read_bytes() == b'{"trace": 1, "started_at": 5.0}\n' * 4
    assert trace_in(path.read_bytes().splitlines(keepends=True), "t").sessions == ((), (), (), ())
