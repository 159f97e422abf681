"""One table of answers and failures through both clients: nobody above them can tell which one made a call."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.chat.messages import Message, Reply, ReplySchema, Request, ToolCall
from deepfabric_core.config.llm import Llm, ModelPrices
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.clients.litellm_model import LitellmModel
from deepfabric_core.llm.clients.openai_model import OpenAIModel
from deepfabric_core.llm.model import ChatModel
from tests.provider import Faults, LocalProvider

SECRET = "sk-verysecretvalue"  # noqa: S105 - made up
PROVIDERS = ("openai", "openrouter", "hosted_vllm")
ASKED = Request((Message("system", "You teach."), Message("user", "What is a derailleur?")), max_tokens=50)
SCHEMA = ReplySchema("answer", {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]})
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}

Json = dict[str, Any]


# --- A server whose answers are written out by hand ---


@dataclass
class Answer:
    """One HTTP response; with `pace`, its body comes a byte at a time, so many seconds apart; `cut` breaks it off."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    pace: float = 0.0
    cut: bool = False

    async def write(self, writer: asyncio.StreamWriter) -> None:
        raw = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        headers = {"Content-Type": "application/json", **self.headers, "Content-Length": str(len(raw))}
        lines = [f"HTTP/1.1 {self.status} Said", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        if self.cut:
            raw = raw[: len(raw) // 2]
        for byte in raw if self.pace else ():
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(self.pace)
        writer.write(b"" if self.pace else raw)
        await writer.drain()


@dataclass
class Server:
    """Gives the answers in turn, the last one for ever, and keeps what it was asked."""

    answers: list[Answer]
    address: str = ""
    asked: list[Json] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def base_url(self) -> str:
        return f"{self.address}/v1"

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self.tasks.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        lengths = [line.split(":")[1] for line in head.splitlines() if line.lower().startswith("content-length")]
        body = await reader.readexactly(int(lengths[0])) if lengths else b""
        self.asked.append(json.loads(body) if body else {})
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        await answer.write(writer)
        return not answer.cut


@asynccontextmanager
async def answering(*answers: Answer) -> AsyncIterator[Server]:
    server = Server(list(answers))
    listening = await asyncio.start_server(server.meet, "127.0.0.1", 0)
    server.address = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in list(server.tasks):
            task.cancel()
        await asyncio.sleep(0)


# --- What a call comes to ---


@dataclass(frozen=True)
class Good:
    """All of a reply that matters to whoever asked."""

    text: str = "Hello."
    finish_reason: str = "stop"
    prompt_tokens: int = 100
    completion_tokens: int = 10
    cost: float | None = 0.00035
    calls: tuple[ToolCall, ...] = ()
    cached_tokens: int = 0


@dataclass(frozen=True)
class Bad:
    """All of a failure that decides what happens next."""

    kind: FailureKind
    status: int | None = None
    retry_after: float | None = None


Outcome = Good | Bad


async def outcome(model: ChatModel, request: Request) -> tuple[Outcome, Reply | ModelError]:
    try:
        reply = await model.complete(request)
    except ModelError as problem:
        wait = None if problem.retry_after is None else round(problem.retry_after, 2)
        return Bad(problem.kind, problem.status, wait), problem
    usage = reply.usage
    cost = None if usage.cost is None else round(usage.cost, 12)
    tokens = usage.prompt_tokens, usage.completion_tokens
    return Good(reply.text, reply.finish_reason, *tokens, cost, reply.tool_calls, usage.cached_tokens), reply


async def both(settings: Llm, request: Request = ASKED) -> list[tuple[Outcome, Reply | ModelError]]:
    """The outcome with the direct client, then that with litellm."""
    models: list[ChatModel] = [OpenAIModel(settings, connections=4), LitellmModel(settings)]
    try:
        return [await outcome(model, request) for model in models]
    finally:
        for model in models:
            await model.close()


def through_both(  # the outcomes, the replies or errors themselves, and the server with what it was asked
    provider: str, answer: Answer, request: Request = ASKED, *, timeout: float = 10.0, model: str = "gpt-4o"
) -> tuple[list[Outcome], list[Reply | ModelError], Server]:
    async def run() -> tuple[list[Outcome], list[Reply | ModelError], Server]:
        async with answering(answer) as server:
            settings = Llm(provider=provider, model=model, base_url=server.base_url, timeout=timeout)
            found = await both(settings, request)
            return [one for one, _ in found], [whole for _, whole in found], server

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def environment(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, and nothing else in the environment that a client heeds."""
    for provider in ("OPENAI", "OPENROUTER"):
        monkeypatch.setenv(f"{provider}_API_KEY", SECRET)
    for name in list(os.environ):
        if name.lower().endswith(("_proxy", "_api_base", "_base_url")):
            monkeypatch.delenv(name)


# --- The table ---


def completion(content: Any = "Hello.", finish: Any = "stop", **changes: Any) -> Answer:
    message = {"role": "assistant", "content": content, **changes.pop("message", {})}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, **changes.pop("usage", {})}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
    }
    return Answer(200, body | changes)


def called(name: str, arguments: Any, id_: str | None = "call_1") -> Json:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def with_calls(*calls: Json, content: Any = None, finish: str = "tool_calls") -> Answer:
    return completion(content, finish, message={"tool_calls": list(calls)})


def reasoned(**details: int) -> Answer:
    return completion(usage={"completion_tokens_details": details})


LOOK = (ToolCall("call_1", "look", '{"at": 1}'),)

REPLIES: dict[str, tuple[Answer, Good]] = {
    "plain text": (completion(), Good()),
    "unicode": (completion("Grüße 🚲 שלום\u202e"), Good("Grüße 🚲 שלום\u202e")),
    "content null": (completion(None), Good("")),
    "no choices": (completion(choices=[]), Good("")),
    "usage missing": (
        Answer(200, {key: value for key, value in completion().body.items() if key != "usage"}),
        Good(prompt_tokens=0, completion_tokens=0, cost=None),
    ),
    "cut off": (completion("Hel", "length"), Good("Hel", "length")),
    "cut off, in other words": (completion("Hel", "max_tokens"), Good("Hel", "length")),
    "filtered": (completion("", "content_filter"), Good("", "content_filter")),
    "no reason to finish": (completion(finish=None), Good()),
    "a reason of its own": (completion(finish="eos"), Good()),
    "a tool call": (with_calls(called("look", '{"at": 1}')), Good("", "tool_calls", calls=LOOK)),
    "a tool call that stops": (
        with_calls(called("look", '{"at": 1}'), finish="stop"),
        Good("", "tool_calls", calls=LOOK),
    ),
    "a tool call and words": (
        with_calls(called("look", '{"at": 1}'), content="Looking."),
        Good("Looking.", "tool_calls", calls=LOOK),
    ),
    "two tool calls": (
        with_calls(called("look", '{"at": 1}'), called("sit", "{}", "call_2")),
        Good("", "tool_calls", calls=(*LOOK, ToolCall("call_2", "sit", "{}"))),
    ),
    "arguments that aren't a text": (with_calls(called("look", {"at": 1})), Good("", "tool_calls", calls=LOOK)),
    "cached tokens": (
        completion(usage={"prompt_tokens_details": {"cached_tokens": 50}}),
        Good(cost=0.0002875, cached_tokens=50),
    ),
    "cached tokens in other words": (
        completion(usage={"prompt_cache_hit_tokens": 50, "prompt_cache_miss_tokens": 50}),
        Good(cost=0.0002875, cached_tokens=50),
    ),
    "details null": (
        completion(usage={"prompt_tokens_details": None, "completion_tokens_details": None}),
        Good(),
    ),
    "reasoning tokens": (reasoned(reasoning_tokens=6, accepted_prediction_tokens=0), Good()),
    "a dearer snapshot": (completion(model="gpt-4o-2024-05-13"), Good(cost=0.00065)),
    "another name for the model": (completion(model="local"), Good()),
    "a dearer tier": (completion(service_tier="priority"), Good(cost=0.000595)),
    "thoughts in front": (completion("<think>Hm.</think>Hello."), Good()),
    "thoughts apart": (completion(message={"reasoning_content": "Hm."}), Good()),
    "a refusal": (completion(None, message={"refusal": "No."}), Good("")),
    "a proxy's own price": (
        replace(completion(), headers={"x-litellm-response-cost": "0.125"}),
        Good(cost=0.125),
    ),
}


def refusal(
    status: int, message: str = "No.", code: str | None = None, type_: str | None = None, **more: str
) -> Answer:
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    return Answer(status, {"error": {"message": message, "type": type_, "code": code, "param": None}}, headers)


def page(status: int, words: str) -> Answer:
    html = f"<!DOCTYPE html><html><head><title>{words}</title></head><body><h1>{words}</h1></body></html>"
    return Answer(status, html.encode(), {"Content-Type": "text/html"})


Kind = FailureKind
TOO_LONG = "This model's maximum context length is 8192 tokens. Please reduce the length."
QUOTA = "You exceeded your current quota, please check your plan and billing details."
FAILURES: dict[str, tuple[Answer, Bad]] = {
    "400": (refusal(400), Bad(Kind.BAD_REQUEST, 400)),
    "400, a context too long": (refusal(400, TOO_LONG, "context_length_exceeded"), Bad(Kind.CONTEXT_WINDOW, 400)),
    "400, a context too long by its code": (
        refusal(400, code="context_length_exceeded"),
        Bad(Kind.CONTEXT_WINDOW, 400),
    ),
    "400, against policy": (refusal(400, "Rejected.", "content_policy_violation"), Bad(Kind.CONTENT_FILTER, 400)),
    "400, filtered": (refusal(400, "Filtered.", "content_filter"), Bad(Kind.CONTENT_FILTER, 400)),
    "401": (refusal(401, f"Incorrect API key provided: {SECRET}.", "invalid_api_key"), Bad(Kind.AUTHENTICATION, 401)),
    "401 in plain words": (Answer(401, b"Unauthorized", {"Content-Type": "text/plain"}), Bad(Kind.AUTHENTICATION, 401)),
    "402": (refusal(402), Bad(Kind.QUOTA, 402)),
    "403": (refusal(403), Bad(Kind.PERMISSION, 403)),
    "404": (refusal(404, "The model `x` does not exist.", "model_not_found"), Bad(Kind.UNKNOWN_MODEL, 404)),
    "404 of FastAPI": (Answer(404, {"detail": "Not Found"}), Bad(Kind.UNKNOWN_MODEL, 404)),
    "404 as a page": (page(404, "Not Found"), Bad(Kind.UNKNOWN_MODEL, 404)),
    "404 of vLLM": (Answer(404, {"object": "error", "message": "No.", "code": 404}), Bad(Kind.UNKNOWN_MODEL, 404)),
    "404 of ollama": (Answer(404, {"error": "model 'x' not found"}), Bad(Kind.UNKNOWN_MODEL, 404)),
    "408": (refusal(408), Bad(Kind.TIMEOUT, 408)),
    "413": (refusal(413), Bad(Kind.BAD_REQUEST, 413)),
    "422 of FastAPI": (
        Answer(422, {"detail": [{"loc": ["body", "messages"], "msg": "field required", "type": "missing"}]}),
        Bad(Kind.BAD_REQUEST, 422),
    ),
    "429": (refusal(429), Bad(Kind.RATE_LIMITED, 429)),
    "429 with seconds": (refusal(429, retry_after="7"), Bad(Kind.RATE_LIMITED, 429, 7.0)),
    "429 with a fraction": (refusal(429, retry_after="0.25"), Bad(Kind.RATE_LIMITED, 429, 0.25)),
    "429 with a date past": (
        refusal(429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),
        Bad(Kind.RATE_LIMITED, 429, 0.0),
    ),
    "429 with nonsense": (refusal(429, retry_after="soon"), Bad(Kind.RATE_LIMITED, 429)),
    "429, the quota": (refusal(429, QUOTA, "insufficient_quota", "insufficient_quota"), Bad(Kind.QUOTA, 429)),
    "429, the quota by its code": (refusal(429, code="insufficient_quota"), Bad(Kind.QUOTA, 429)),
    "429, the quota by its type": (refusal(429, type_="insufficient_quota"), Bad(Kind.QUOTA, 429)),
    "500": (refusal(500), Bad(Kind.SERVER_ERROR, 500)),
    "500 without a word": (Answer(500), Bad(Kind.SERVER_ERROR, 500)),
    "502 as a page": (page(502, "502 Bad Gateway"), Bad(Kind.SERVER_ERROR, 502)),
    "503": (refusal(503, retry_after="3"), Bad(Kind.SERVER_ERROR, 503, 3.0)),
    "529": (refusal(529, "Overloaded."), Bad(Kind.SERVER_ERROR, 529)),
    "broken JSON": (Answer(200, b'{"choices": ['), Bad(Kind.SERVER_ERROR)),
    "an empty body": (Answer(200), Bad(Kind.SERVER_ERROR)),
    "a page": (page(200, "Welcome"), Bad(Kind.SERVER_ERROR)),
    "null": (Answer(200, b"null"), Bad(Kind.SERVER_ERROR)),
    "a list": (Answer(200, []), Bad(Kind.SERVER_ERROR)),
    "no key choices": (Answer(200, {"id": "1", "object": "chat.completion"}), Bad(Kind.SERVER_ERROR)),
    "200, an error": (Answer(200, {"error": {"message": "No.", "code": 502}}), Bad(Kind.SERVER_ERROR, 502)),
    "200, too many": (Answer(200, {"error": {"message": "Slow.", "code": 429}}), Bad(Kind.RATE_LIMITED, 429)),
    "200, a choice that failed": (
        completion(
            choices=[
                {"index": 0, "error": {"message": "No.", "code": 502}, "message": {"role": "assistant", "content": ""}}
            ]
        ),
        Bad(Kind.SERVER_ERROR, 502),
    ),
    "cut off on the wire": (replace(completion(), cut=True), Bad(Kind.CONNECTION)),
}


@pytest.mark.parametrize("case", REPLIES)
def test_a_reply_is_the_same_through_both(case: str) -> None:
    answer, expected = REPLIES[case]
    found, replies, _ = through_both("openai", answer)
    assert found == [expected, expected]
    assert all("Content-Length".lower() in map(str.lower, reply.headers) for reply in replies)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_is_the_same_through_both(provider: str, case: str) -> None:
    answer, expected = FAILURES[case]
    found, problems, _ = through_both(provider, answer)
    assert found == [expected, expected], [str(problem) for problem in problems]
    assert not any(SECRET in str(problem) or "<h" in str(problem) for problem in problems)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_date_to_retry_after_is_the_wait_until_then(provider: str) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    _, problems, _ = through_both(provider, refusal(429, retry_after=later))
    waits = [problem.retry_after for problem in problems if isinstance(problem, ModelError)]
    assert len(waits) == 2
    assert all(wait is not None and 35 < wait <= 40 for wait in waits)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_headers_come_with_replies_and_with_failures(provider: str) -> None:
    for answer in (completion(), refusal(429)):
        answer.headers["x-ratelimit-remaining-requests"] = "17"
        _, found, _ = through_both(provider, answer)
        assert [one.headers["x-ratelimit-remaining-requests"] for one in found] == ["17", "17"]


def test_what_a_provider_behind_a_router_said_is_shown() -> None:
    error = {"message": "Provider returned error", "code": 400, "metadata": {"raw": '{"error": {"message": "Odd."}}'}}
    _, problems, _ = through_both("openrouter", Answer(400, {"error": error}))
    assert all("Provider returned error: Odd" in str(problem) for problem in problems)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_parameter_that_a_provider_blames_is_named(provider: str) -> None:
    error = {"message": "Not here.", "type": "invalid_request_error", "param": "response_format", "code": None}
    _, problems, _ = through_both(provider, Answer(400, {"error": error}))
    assert all(str(problem).endswith("bad request: Not here (response_format).") for problem in problems)


@pytest.mark.parametrize("cached", [500, -50, 12.5, "many", None])
def test_an_odd_number_of_cached_tokens_makes_no_cost_negative(cached: Any) -> None:
    found, _, _ = through_both("openai", completion(usage={"prompt_tokens_details": {"cached_tokens": cached}}))
    for one in found:
        assert isinstance(one, Bad) or (one.cost is not None and one.cost > 0 and 0 <= one.cached_tokens <= 100)
    assert isinstance(found[0], Good)


def test_prices_of_the_config_hold_whoever_makes_the_call_and_whatever_a_proxy_states() -> None:
    answer = completion(usage={"prompt_tokens_details": {"cached_tokens": 50}})
    stated = replace(answer, headers={"x-litellm-response-cost": "0.125"})

    async def run() -> list[Outcome]:
        async with answering(answer, stated) as server:
            prices = ModelPrices(input=10, output=100, cached_input=1)
            found = await both(Llm(model="unheard-of", base_url=server.base_url, prices=prices))
            return [one for one, _ in found]

    assert asyncio.run(run()) == [Good(cost=0.00155, cached_tokens=50)] * 2


def test_openrouters_own_account_of_the_cost_counts() -> None:
    found, _, server = through_both("openrouter", completion(usage={"cost": 0.5}))
    assert found == [Good(cost=0.5), Good(cost=0.5)]
    assert [body["usage"] for body in server.asked] == [{"include": True}] * 2


# --- Connections and time ---


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("address", ["http://127.0.0.1:9/v1", "http://host.invalid/v1"])
def test_a_server_that_is_not_there_is_a_failed_connection(provider: str, address: str) -> None:
    found = asyncio.run(both(Llm(provider=provider, base_url=address)))
    assert [one for one, _ in found] == [Bad(Kind.CONNECTION)] * 2


@pytest.mark.parametrize("provider", ["openai", "hosted_vllm"])
@pytest.mark.parametrize(
    ("faults", "expected"), [(Faults(reset=1.0), Bad(Kind.CONNECTION)), (Faults(hang=1.0), Bad(Kind.TIMEOUT))]
)
def test_a_server_that_hangs_up_or_hangs_is_the_same_through_both(provider: str, faults: Faults, expected: Bad) -> None:
    with LocalProvider(faults) as server:
        found = asyncio.run(both(Llm(provider=provider, base_url=server.base_url, timeout=0.4)))
    assert [one for one, _ in found] == [expected, expected]
    if expected.kind is Kind.TIMEOUT:
        assert {str(problem) for _, problem in found} == {f"{provider}/gpt-4o: timeout: no answer within 0.4 s."}


@pytest.mark.parametrize("provider", ["openai", "hosted_vllm"])
def test_an_answer_that_trickles_in_ends_with_the_timeout(provider: str) -> None:
    began = time.monotonic()
    found, _, _ = through_both(provider, replace(completion("Hello. " * 20), pace=0.05), timeout=0.4)
    assert found == [Bad(Kind.TIMEOUT)] * 2
    assert time.monotonic() - began < 5


# --- What is sent ---


def sent(request: Request, model: str = "gpt-4o", provider: str = "openai") -> Json:
    """The body that goes out, after making sure that both clients send the same."""
    _, _, server = through_both(provider, completion(), request, model=model)
    direct, other = server.asked
    assert direct == other
    return direct


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("mode", ["json_schema", "json_object_schema", "tool", "json_object", "prompt"])
def test_a_schema_is_asked_for_in_the_same_way(provider: str, mode: Any) -> None:
    body = sent(replace(ASKED, schema=SCHEMA, schema_mode=mode), provider=provider)
    asked = body.get("response_format", {}).get("type")
    assert asked == {"json_schema": "json_schema", "tool": None, "prompt": None}.get(mode, "json_object")
    assert ("schema" in body.get("response_format", {})) is (mode == "json_object_schema")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_tools_and_their_calls_are_sent_in_the_same_way(provider: str) -> None:
    call = Message("assistant", "", (ToolCall("call_1", "look", "{}"),))
    turns = (*ASKED.messages, call, Message("tool", "Seen.", tool_call_id="call_1"))
    body = sent(Request(turns, 50, tools=(TOOL,)), provider=provider)
    assert body["tools"] == [TOOL]
    assert body["messages"][2]["tool_calls"][0]["function"] == {"name": "look", "arguments": "{}"}
    assert body["messages"][3] == {"role": "tool", "content": "Seen.", "tool_call_id": "call_1"}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_any_text_can_be_sent_and_only_what_is_no_unicode_is_replaced(provider: str) -> None:
    text = "Grüße 🚲 שלום \u202e \x00 \ud83d\udeb2 \ud800 \udc00!"
    body = sent(Request((Message("user", text),), 50), provider=provider)
    assert body["messages"][0]["content"] == "Grüße 🚲 שלום \u202e \x00 🚲 \ufffd \ufffd!"


@pytest.mark.parametrize(
    ("model", "limit", "temperature"),
    [
        ("gpt-4o", "max_tokens", 0.7),
        ("gpt-4.1-mini", "max_tokens", 0.7),
        ("o3", "max_completion_tokens", None),
        ("o4-mini-2025-04-16", "max_completion_tokens", None),
        ("gpt-5", "max_completion_tokens", None),
        ("gpt-5-mini", "max_completion_tokens", None),
        ("gpt-5.1", "max_completion_tokens", 0.7),
        ("gpt-5.5", "max_completion_tokens", None),
        ("gpt-5-chat-latest", "max_tokens", 0.7),
        ("gpt-5-search-api", "max_completion_tokens", None),
        ("openai/gpt-oss-20b", "max_tokens", 0.7),
    ],
)
def test_reasoning_models_are_asked_in_their_own_way(model: str, limit: str, temperature: float | None) -> None:
    body = sent(replace(ASKED, messages=ASKED.messages[1:]), model)  # litellm takes o3's system messages for a user's
    assert body.get("temperature") == temperature
    assert body.get(limit) == 50
    assert {"max_tokens", "max_completion_tokens"} & set(body) == {limit}


# --- litellm's clients ---


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files can be counted only on Linux")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_litellm_keeps_nothing_open_from_loops_that_ended(provider: str) -> None:
    with LocalProvider() as server:

        async def use() -> None:
            model = LitellmModel(Llm(provider=provider, base_url=server.base_url))
            await asyncio.gather(model.complete(ASKED), model.complete(ASKED))
            await model.close()

        counts = []
        for _ in range(12):
            asyncio.run(use())
            counts.append(open_files())
    assert max(counts[6:]) <= max(counts[:6]) + 4


def test_models_may_follow_one_another_and_close_before_one_another_on_one_loop() -> None:
    with LocalProvider() as server:

        async def use() -> None:
            settings = Llm(base_url=server.base_url)
            topics = LitellmModel(settings)
            await topics.complete(ASKED)
            await topics.close()
            samples, others = LitellmModel(settings), LitellmModel(settings)
            await asyncio.gather(samples.complete(ASKED), others.complete(ASKED))
            await others.close()
            await samples.complete(ASKED)
            await samples.close()

        asyncio.run(use())
        assert server.counts.answered == 4
