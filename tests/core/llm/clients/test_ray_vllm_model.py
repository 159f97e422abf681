"""A model on a Ray cluster, as far as that needs no Ray; tests/cluster has the rest."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import pytest

from deepfabric_core.chat.messages import Message, Reply, ReplySchema, Request, ToolCall, Usage
from deepfabric_core.config.llm import Llm
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.clients.openai_model import OpenAIModel
from deepfabric_core.llm.clients.ray_vllm_model import RayVllmModel
from tests.answers import completion
from tests.provider import LocalProvider

Json = dict[str, Any]
Answered = tuple[int, str]

MODEL = "Qwen/Qwen3-8B"
SCHEMA = ReplySchema("answer", {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]})
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
ASKED = Request((Message("system", "You teach."), Message("user", "What is a derailleur?")), max_tokens=50)


@dataclass
class Response:
    """What a handle returns at once: it can be awaited and cancelled."""

    answer: Awaitable[Answered]
    is_cancelled: bool = False

    def __await__(self) -> Generator[Any, None, Answered]:
        return self.answer.__await__()

    def cancel(self) -> None:
        self.is_cancelled = True


@dataclass
class Handle:
    """Stands in for a handle of Ray Serve; `says` answers a request as a replica does, or raises."""

    says: Callable[[Json], Awaitable[Answered]]
    bodies: list[bytes] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    is_shut: bool = False

    @property
    def answer(self) -> Handle:
        return self

    def remote(self, body: bytes) -> Response:
        self.bodies.append(body)
        self.responses.append(Response(self.says(json.loads(body))))
        return self.responses[-1]

    def shutdown(self) -> None:
        self.is_shut = True


def saying(status: int, body: Any) -> Handle:
    async def says(_: Json) -> Answered:
        return status, body if isinstance(body, str) else json.dumps(body)

    return Handle(says)


def failing(problem: Exception) -> Handle:
    async def says(_: Json) -> Answered:
        raise problem

    return Handle(says)


def silent(begun: Callable[[], object] = bool) -> Handle:
    async def says(_: Json) -> Answered:
        begun()
        await asyncio.Event().wait()
        raise AssertionError

    return Handle(says)


def settings(**more: Any) -> Llm:
    return Llm(provider="ray-vllm", model=MODEL, **more)


def complete(handle: Handle, request: Request = ASKED, **more: Any) -> Reply:
    return asyncio.run(RayVllmModel(settings(**more), handle).complete(request))


def failure(handle: Handle, **more: Any) -> ModelError:
    with pytest.raises(ModelError) as failed:
        complete(handle, **more)
    assert str(failed.value).startswith(f"ray-vllm/{MODEL}: ") and "\n" not in str(failed.value)
    return failed.value


# ---- what is asked and answered


@pytest.mark.parametrize(
    "request_made",
    [
        ASKED,
        Request(ASKED.messages, 50, schema=SCHEMA, schema_mode="json_schema"),
        Request(ASKED.messages, 50, schema=SCHEMA, schema_mode="tool", tools=(TOOL,), tool_choice="look"),
        Request((*ASKED.messages, Message("assistant", "", (ToolCall("c1", "look", "{}"),))), 50, tools=(TOOL,)),
        Request(ASKED.messages, 50, redraw=2, penalized=True),
    ],
)
def test_the_request_is_that_of_a_vllm_server(request_made: Request) -> None:
    handle, sampling = saying(200, completion({"messages": []}, "It shifts gears.", 1)), {"temperature": 0.3, "seed": 7}
    complete(handle, request_made, **sampling)
    with LocalProvider() as server:
        over_http = Llm(provider="vllm", model=MODEL, base_url=server.base_url, **sampling)
        asyncio.run(_asked_once(OpenAIModel(over_http, connections=1), request_made))
        assert handle.bodies == server.bodies


async def _asked_once(model: OpenAIModel, request: Request) -> None:
    await model.complete(request)
    await model.close()


def test_a_reply_has_its_text_and_tokens_and_costs_nothing() -> None:
    body = completion({"messages": []}, "It shifts gears.", 1)
    body["usage"] = {"prompt_tokens": 12, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 8}}
    reply = complete(saying(200, body), prices={"input": 1, "output": 2})
    assert (reply.text, reply.finish_reason, reply.usage) == ("It shifts gears.", "stop", Usage(12, 5, 0.0, 8))


def test_a_reply_has_its_tool_calls() -> None:
    reply = complete(saying(200, completion({"messages": []}, "", 1, [("look", {"word": "gear"})])))
    assert (reply.finish_reason, reply.tool_calls) == (
        "tool_calls",
        (ToolCall("call_1_0", "look", '{"word": "gear"}'),),
    )


# ---- what can fail


def refusal(message: str, code: int, kind: str = "BadRequestError") -> Json:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (
            400,
            refusal("This model's maximum context length is 1024 tokens. However, you requested 1025 tokens.", 400),
            FailureKind.CONTEXT_WINDOW,
        ),
        (404, refusal("The model `other` does not exist.", 404, "NotFoundError"), FailureKind.UNKNOWN_MODEL),
        (400, refusal('"auto" tool choice requires --enable-auto-tool-choice', 400), FailureKind.BAD_REQUEST),
        (400, "1 validation error for ChatCompletionRequest", FailureKind.BAD_REQUEST),
        (500, refusal("EngineCore encountered an issue.", 500, "InternalServerError"), FailureKind.SERVER_ERROR),
        (200, "", FailureKind.SERVER_ERROR),
        (200, {"choices": 3}, FailureKind.SERVER_ERROR),
    ],
)
def test_an_error_of_the_engine_is_of_the_kind_that_a_vllm_servers_is(
    status: int, said: Any, kind: FailureKind
) -> None:
    assert failure(saying(status, said)).kind is kind


def test_a_call_whose_replica_dies_may_be_made_again() -> None:
    failed = failure(failing(RuntimeError("The actor died unexpectedly.\n\tclass_name: ServeReplica")))
    assert failed.kind.transient
    assert "no replica answered: The actor died unexpectedly." in str(failed) and "class_name" not in str(failed)


def test_what_failed_in_a_replica_is_told_without_its_traceback() -> None:
    problem = RuntimeError("ray::ServeReplica\nTraceback (most recent call last):")
    problem.cause = ValueError("the engine is dead")  # type: ignore[attr-defined]
    assert "no replica answered: the engine is dead" in str(failure(failing(problem)))


def test_a_call_that_takes_too_long_is_ended_in_the_cluster_too() -> None:
    handle = silent()
    assert failure(handle, timeout=0.01).kind is FailureKind.TIMEOUT
    assert handle.responses[0].is_cancelled


def test_a_call_that_nobody_waits_for_is_ended_in_the_cluster_too() -> None:
    async def left() -> Handle:
        begun = asyncio.Event()
        handle = silent(begun.set)
        call = asyncio.ensure_future(RayVllmModel(settings(), handle).complete(ASKED))
        await begun.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return handle

    assert asyncio.run(left()).responses[0].is_cancelled


def test_a_model_that_is_closed_lets_go_of_its_handle() -> None:
    handle = saying(200, "")
    asyncio.run(RayVllmModel(settings(), handle).close())
    assert handle.is_shut
