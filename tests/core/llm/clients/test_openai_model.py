"""The ways of the direct client that litellm has no part in: what it learns, where it calls, what it never does."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from deepfabric_core.config.llm import Llm
from deepfabric_core.errors import ConfigError, FailureKind, ModelError
from deepfabric_core.llm.clients.litellm_model import import_litellm
from deepfabric_core.llm.clients.openai_model import OpenAIModel, speaks_openai
from tests import ROOT
from tests.core.llm.clients.test_both_clients import (
    ASKED,
    SCHEMA,
    SECRET,
    TOOL,
    Answer,
    Server,
    answering,
    completion,
    environment,  # noqa: F401 - a fixture that every test here uses
    refusal,
)
from tests.provider import Faults, LocalProvider

Kind = FailureKind


def direct(run: Callable[[OpenAIModel, Server], Awaitable[None]], *answers: Answer, **settings: Any) -> Server:
    """Run something with a direct model on a server of one's own."""

    async def whole() -> Server:
        async with answering(*answers) as server:
            model = OpenAIModel(Llm(**{"base_url": server.base_url, **settings}), connections=4)
            try:
                await run(model, server)
            finally:
                await model.close()
            return server

    return asyncio.run(whole())


async def twice(model: OpenAIModel, _: Server) -> None:
    await model.complete(ASKED)
    await model.complete(ASKED)


def unsupported(param: str, code: str = "unsupported_parameter") -> Answer:
    said = f"Unsupported parameter: '{param}' is not supported with this model."
    return Answer(400, {"error": {"message": said, "type": "invalid_request_error", "param": param, "code": code}})


def test_a_refused_limit_is_given_by_its_other_name_from_then_on() -> None:
    server = direct(twice, unsupported("max_tokens"), completion())
    limits = [[key for key in body if key.startswith("max_")] for body in server.asked]
    assert limits == [["max_tokens"], ["max_completion_tokens"], ["max_completion_tokens"]]


@pytest.mark.parametrize("param", ["temperature", "seed"])
def test_a_refused_parameter_is_left_out_from_then_on(param: str) -> None:
    server = direct(twice, unsupported(param, "unsupported_value"), completion(), seed=5)
    assert [param in body for body in server.asked] == [True, False, False]


def test_repetition_is_penalized_where_a_reply_ran_in_circles_unless_the_model_refuses_that() -> None:
    async def run(model: OpenAIModel, _: Server) -> None:
        await model.complete(ASKED)
        for _again in range(2):
            await model.complete(replace(ASKED, redraw=1, penalized=True))

    refused = Answer(400, {"error": {"message": "Argument not supported on this model: frequencyPenalty"}})
    server = direct(run, completion(), completion(), refused, completion())
    assert ["frequency_penalty" in body for body in server.asked] == [False, True, True, False]


def test_several_refusals_in_one_call_are_all_learned() -> None:
    server = direct(
        twice, unsupported("max_tokens"), unsupported("temperature"), unsupported("seed"), completion(), seed=5
    )
    assert len(server.asked) == 5
    assert set(server.asked[-1]) == {"model", "messages", "max_completion_tokens"}


def test_a_model_that_refuses_whatever_it_is_asked_is_not_asked_for_ever() -> None:
    async def run(model: OpenAIModel, _: Server) -> None:
        with pytest.raises(ModelError) as problem:
            await model.complete(ASKED)
        assert problem.value.kind is Kind.BAD_REQUEST

    server = direct(run, unsupported("max_tokens"), unsupported("max_completion_tokens"))
    assert len(server.asked) == 2


def test_tools_that_go_only_without_reasoning_go_without() -> None:
    said = "Function tools with reasoning_effort are not supported in /v1/chat/completions. Set it to 'none'."

    async def run(model: OpenAIModel, _: Server) -> None:
        await model.complete(replace(ASKED, tools=(TOOL,)))
        await model.complete(ASKED)

    server = direct(run, refusal(400, said), completion())
    assert [body.get("reasoning_effort") for body in server.asked] == [None, "none", None]


def test_a_complaint_about_the_response_format_is_passed_on() -> None:
    async def run(model: OpenAIModel, _: Server) -> None:
        with pytest.raises(ModelError, match="response_format"):
            await model.complete(replace(ASKED, schema=SCHEMA))

    assert len(direct(run, unsupported("response_format")).asked) == 1


def test_a_budget_spent_on_thinking_is_a_reply_that_was_cut_off() -> None:
    said = "Could not finish the message because max_tokens or model output limit was reached."

    async def run(model: OpenAIModel, _: Server) -> None:
        assert (await model.complete(ASKED)).finish_reason == "length"

    direct(run, refusal(400, said))


def test_a_redirect_is_not_followed_with_the_key() -> None:
    async def run(model: OpenAIModel, server: Server) -> None:
        async with answering(completion()) as other:
            server.answers = [Answer(307, b"", {"Location": f"{other.base_url}/chat/completions"})]
            with pytest.raises(ModelError, match="base_url"):
                await model.complete(ASKED)
            assert not other.asked

    direct(run, completion())


@pytest.mark.parametrize(("provider", "key"), [("openai", SECRET), ("openrouter", SECRET), ("vllm", None)])
def test_the_key_is_sent_where_there_is_one(provider: str, key: str | None) -> None:
    server = direct(twice, completion(), provider=provider)
    lines = [line for line in server.heads[0].splitlines() if line.lower().startswith("authorization")]
    assert lines == ([f"Authorization: Bearer {key}"] if key else [])


@pytest.mark.parametrize(
    ("provider", "variable", "path"),
    [
        ("openai", "OPENAI_BASE_URL", "/v1"),
        ("openai", "OPENAI_API_BASE", "/v1/"),
        ("openrouter", "OPENROUTER_API_BASE", "/v1"),
        ("vllm", "HOSTED_VLLM_API_BASE", "/v1"),
        ("hosted_vllm", "HOSTED_VLLM_API_BASE", "/v1/chat/completions"),
        ("ollama", "OLLAMA_API_BASE", ""),
        ("ollama", "OLLAMA_API_BASE", "/v1"),
    ],
)
def test_the_environment_may_say_where_a_provider_is(
    provider: str, variable: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(_: OpenAIModel, server: Server) -> None:
        monkeypatch.setenv(variable, f"{server.address}{path}")
        model = OpenAIModel(Llm(provider=provider, model="llama3"), connections=4)
        assert (await model.complete(ASKED)).text == "Hello."
        await model.close()
        assert server.heads[0].startswith("POST /v1/chat/completions ")

    direct(run, completion())


@pytest.mark.parametrize("provider", ["vllm", "hosted_vllm"])
def test_a_provider_without_a_usual_place_needs_a_base_url(provider: str) -> None:
    with pytest.raises(ConfigError, match="needs a base_url"):
        OpenAIModel(Llm(provider=provider), connections=4)


@pytest.mark.parametrize(("host", "said"), [("127.0.0.1", "Connection refused"), ("nowhere.invalid", ".+")])
def test_a_server_that_cannot_be_reached_is_named_once_with_the_reason(host: str, said: str) -> None:
    async def ask() -> None:
        model = OpenAIModel(Llm(provider="openai", base_url=f"http://{host}:9/v1"), connections=4)
        try:
            await model.complete(ASKED)
        finally:
            await model.close()

    with pytest.raises(
        ModelError, match=rf"connection: can't connect to {host}:9 \({said}\); check base_url"
    ) as problem:
        asyncio.run(ask())
    assert problem.value.never_sent and str(problem.value).count(host) == 1


@pytest.mark.parametrize(("provider", "host"), [("openai", "api.openai.com"), ("openrouter", "openrouter.ai")])
def test_the_environments_proxy_is_used_and_asked_for_the_usual_place(
    provider: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(_: OpenAIModel, server: Server) -> None:
        monkeypatch.setenv("https_proxy", server.address)
        model = OpenAIModel(Llm(provider=provider), connections=4)
        with pytest.raises(ModelError) as problem:
            await model.complete(ASKED)
        await model.close()
        assert problem.value.kind is Kind.CONNECTION
        assert server.heads[0].startswith(f"CONNECT {host}:443 ")

    direct(run, Answer(403))


def test_a_host_named_in_no_proxy_is_called_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert direct(twice, completion()).heads


def test_a_closed_model_can_be_used_again_and_on_another_loop() -> None:
    with LocalProvider() as server:
        model = OpenAIModel(Llm(base_url=server.base_url), connections=4)

        async def use() -> None:
            for _ in range(2):
                await model.complete(ASKED)
                await model.close()

        asyncio.run(use())
        asyncio.run(use())
        assert server.counts.answered == 4


def test_as_many_calls_as_it_has_connections_are_under_way_at_once() -> None:
    with LocalProvider(Faults(latency=0.3)) as server:

        async def use() -> None:
            model = OpenAIModel(Llm(base_url=server.base_url), connections=150)
            await asyncio.gather(*(model.complete(ASKED) for _ in range(150)))
            await model.close()

        asyncio.run(use())
        assert server.counts.peak_in_flight == 150


def test_it_speaks_to_every_chat_model_of_openai_and_to_none_that_only_answers_elsewhere() -> None:
    entries = {n: e for n, e in import_litellm().model_cost.items() if e.get("litellm_provider") == "openai"}
    for name, entry in entries.items():
        if entry.get("mode") in ("chat", "responses"):
            assert speaks_openai(Llm(provider="openai", model=name)) is (entry["mode"] == "chat"), name


@pytest.mark.parametrize("provider", ["openrouter", "vllm", "hosted_vllm", "ollama"])
def test_it_speaks_to_providers_of_the_same_protocol(provider: str) -> None:
    assert speaks_openai(Llm(provider=provider))
    assert speaks_openai(Llm(provider="openai", model="o3-pro", base_url="http://127.0.0.1:9/v1"))
    assert not speaks_openai(Llm(provider="anthropic"))


def test_it_never_imports_litellm() -> None:
    lines = (
        "import sys",
        "from deepfabric_core.config.llm import Llm",
        "from deepfabric_core.llm.clients.openai_model import OpenAIModel",
        "OpenAIModel(Llm(), connections=4)",
        "sys.exit('litellm' in sys.modules)",
    )
    root = str(ROOT)
    done = subprocess.run([sys.executable, "-c", "; ".join(lines)], cwd=root, check=False)
    assert done.returncode == 0
