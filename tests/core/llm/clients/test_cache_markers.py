"""Anthropic's marks for what is to be cached, as they arrive at a server that speaks Anthropic's protocol."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from deepfabric_core.chat.messages import Message, Reply, Request
from deepfabric_core.chat.prompt_caching import message_of
from deepfabric_core.config.llm import Llm
from deepfabric_core.llm.clients.cache_markers import fewest_marked_bytes
from deepfabric_core.llm.clients.litellm_model import LitellmModel
from deepfabric_core.llm.clients.openai_model import OpenAIModel
from deepfabric_core.llm.prices import prices_of
from tests.core.llm.clients.test_both_clients import Answer, answering, completion

LONG = "Oil each link, then turn the pedals slowly. " * 100
MODEL = "claude-sonnet-4-5"
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def answer(**usage: int) -> Answer:
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": "Hello."}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": 5, **usage},
    }
    return Answer(200, body)


def asked(request: Request, said: Answer, model: str = MODEL) -> tuple[dict[str, Any], Reply]:
    """What arrives at the server, and the reply."""

    async def run() -> tuple[dict[str, Any], Reply]:
        async with answering(said) as server:
            client = LitellmModel(Llm(provider="anthropic", model=model, base_url=server.address))
            try:
                reply = await client.complete(request)
            finally:
                await client.close()
            return server.asked[0], reply

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-made-up")


def request(shared: str, system: str = "You teach.") -> Request:
    return Request((message_of("system", [system]), message_of("user", [shared], ['It is about "Chains".'])), 50)


def marked(body: dict[str, Any]) -> list[str]:
    """The texts after which there is a mark."""
    turns = [body.get("system", []), *(message["content"] for message in body["messages"])]
    blocks = [block for turn in turns if isinstance(turn, list) for block in turn]
    return [block["text"] for block in blocks if "cache_control" in block]


def test_the_last_of_what_all_requests_share_is_marked_and_the_rest_follows() -> None:
    body, _ = asked(request(LONG), answer())
    (user,) = body["messages"]
    first, second = user["content"]
    assert (first["text"], first["cache_control"]) == (LONG, {"type": "ephemeral"})
    assert second["text"].strip() == 'It is about "Chains".'
    assert marked(body) == [LONG]


def test_a_long_system_prompt_is_marked_where_the_user_says_nothing_that_others_share() -> None:
    body, _ = asked(Request((message_of("system", [LONG]), Message("user", "Go.")), 50, tools=(TOOL,)), answer())
    assert marked(body) == [LONG]
    assert body["messages"][0]["content"] in ("Go.", [{"type": "text", "text": "Go."}])


@pytest.mark.parametrize("one", [request("Be brief."), Request((Message("user", LONG),), 50)])
def test_nothing_is_marked_where_too_little_is_shared(one: Request) -> None:
    assert marked(asked(one, answer())[0]) == []


def test_how_much_has_to_be_shared_depends_on_the_model() -> None:
    long_for_sonnet = request("", LONG)
    assert marked(asked(long_for_sonnet, answer())[0])
    assert not marked(asked(long_for_sonnet, answer(), "claude-opus-4-5")[0])


@pytest.mark.parametrize(
    ("provider", "model", "takes_marks"),
    [
        ("anthropic", MODEL, True),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", True),
        ("vertex_ai", MODEL, True),
        ("openrouter", "anthropic/claude-sonnet-4.5", True),
        ("openrouter", "openai/gpt-4o", False),
        ("vertex_ai", "gemini-2.5-pro", False),
        ("gemini", "gemini-2.5-pro", False),
        ("mistral", "mistral-large-latest", False),
    ],
)
def test_only_anthropics_models_are_told(provider: str, model: str, takes_marks: bool) -> None:
    settings = Llm(provider=provider, model=model)
    assert (fewest_marked_bytes(settings, prices_of(settings)) is not None) is takes_marks


def test_a_router_to_anthropics_models_gets_the_mark_by_openais_protocol() -> None:
    async def run() -> dict[str, Any]:
        async with answering(completion()) as server:
            settings = Llm(provider="openrouter", model="anthropic/claude-sonnet-4.5", base_url=server.base_url)
            client = OpenAIModel(settings, connections=1)
            await client.complete(request(LONG))
            await client.close()
            return server.asked[0]

    body = asyncio.run(run())
    assert marked(body) == [LONG]
    assert body["messages"][0] == {"role": "system", "content": "You teach."}


def test_tokens_read_from_the_cache_and_written_to_it_are_priced_as_such() -> None:
    _, read = asked(request(LONG), answer(cache_read_input_tokens=2000, cache_creation_input_tokens=0))
    assert (read.usage.prompt_tokens, read.usage.cached_tokens) == (2010, 2000)
    assert read.usage.cost == pytest.approx((10 * 3 + 2000 * 0.3 + 5 * 15) / 1e6)
    _, written = asked(request(LONG), answer(cache_read_input_tokens=0, cache_creation_input_tokens=2000))
    assert (written.usage.prompt_tokens, written.usage.cached_tokens) == (2010, 0)
    assert written.usage.cost == pytest.approx((10 * 3 + 2000 * 3.75 + 5 * 15) / 1e6)
