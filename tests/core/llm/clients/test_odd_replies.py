"""Whatever bytes a server sends, a client answers with a reply of the right types or with a failure of a known kind."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deepfabric_core.chat.messages import Message, Reply, Request, ToolCall, Usage
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.events import CallFailed, Event
from deepfabric_core.llm.chat_completions import dollars, usage_in
from deepfabric_core.llm.clients.litellm_model import LitellmModel
from deepfabric_core.llm.clients.openai_model import OpenAIModel
from deepfabric_core.llm.error_mapping import complaint_in, model_error, retry_after
from deepfabric_core.llm.limits.quota_headers import RemainingQuota, quotas_in
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.llm.prices import Prices
from deepfabric_core.llm.wrappers.retry import Retrying
from tests.raw_server import RawServer, response

Json = dict[str, Any]
Ask = Callable[[bytes], Reply | ModelError]

ASKED = Request((Message("user", "What is a derailleur?"),), max_tokens=50)
CLIENTS = ("direct", "litellm")
NOW = 1_760_000_000.0
A_YEAR = 366 * 86400
NAN, INFINITE = math.nan, math.inf


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with RawServer() as running:
        yield running


@pytest.fixture(scope="module", params=CLIENTS)
def ask(request: pytest.FixtureRequest, server: RawServer) -> Iterator[Ask]:
    """Calls through one client, whose server answers with the given bytes."""
    llm = Llm(base_url=server.base_url, timeout=30)
    model: ChatModel = OpenAIModel(llm, connections=2) if request.param == "direct" else LitellmModel(llm)

    def asked(raw: bytes) -> Reply | ModelError:
        server.answer = raw
        try:
            return runner.run(model.complete(ASKED))
        except ModelError as problem:
            return problem

    with asyncio.Runner() as runner:
        yield asked
        runner.run(model.close())


def check(outcome: Reply | ModelError) -> None:
    """What everything above the clients relies on."""
    for left in quotas_in(outcome.headers, NOW).values():
        assert 0 <= left.remaining < math.inf and 0 <= left.reset < math.inf
    if isinstance(outcome, ModelError):
        assert isinstance(outcome.kind, FailureKind) and outcome.kind is not FailureKind.INTERNAL
        assert outcome.retry_after is None or 0 <= outcome.retry_after <= A_YEAR
        assert "Traceback" not in str(outcome) and len(str(outcome)) < 1500
        return
    assert isinstance(outcome.text, str) and isinstance(outcome.model, str)
    assert outcome.finish_reason in {"stop", "length", "tool_calls", "content_filter"}
    check_usage(outcome.usage)
    for call in outcome.tool_calls:
        assert isinstance(call, ToolCall)
        assert all(isinstance(part, str) for part in (call.id, call.name, call.arguments))


def check_usage(usage: Usage) -> None:
    for tokens in (usage.prompt_tokens, usage.completion_tokens):
        assert type(tokens) is int and 0 <= tokens <= 10**12
    assert usage.cost is None or (type(usage.cost) is float and 0 <= usage.cost < math.inf)
    json.dumps([usage.prompt_tokens, usage.completion_tokens, usage.cost], allow_nan=False)


# --- The cases that have been met ---


def completion(**changes: Any) -> Json:
    """A good completion; `message`, `choice` and `usage` change parts of it, all else the whole."""
    message = {"role": "assistant", "content": "Hello.", **changes.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": "stop", **changes.pop("choice", {})}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": [choice]}
    return {**body, "usage": usage, **changes}


def answer(body: object, status: int = 200, **headers: str) -> bytes:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return response(status, raw, [(name.replace("_", "-"), value) for name, value in headers.items()])


def called(call: object) -> bytes:
    return answer(completion(message={"content": None, "tool_calls": call}))


DEEP = b'{"choices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
DIGITS = b'{"choices": [], "usage": {"prompt_tokens": ' + b"9" * 5000 + b"}}"
YEAR = "Wed, 21 Oct 9999999999 07:28:00 GMT"
Kind = FailureKind

FAILURES: dict[str, tuple[bytes, FailureKind]] = {
    "100,000 levels": (answer(DEEP), Kind.SERVER_ERROR),
    "100,000 levels in an error": (answer(DEEP, 503), Kind.SERVER_ERROR),
    "100,000 levels, never closed": (answer(b"[" * 100_000, 500), Kind.SERVER_ERROR),
    "a number of 5,000 digits": (answer(DIGITS), Kind.SERVER_ERROR),
    "a number of 5,000 digits in an error": (answer(DIGITS, 500), Kind.SERVER_ERROR),
    "not UTF-8": (answer(b"\xff\xfe\x00{"), Kind.SERVER_ERROR),
    "choices that are a text": (answer(completion(choices="text")), Kind.SERVER_ERROR),
    "a choice that is a text": (answer(completion(choices=["text"])), Kind.SERVER_ERROR),
    "a message that is a text": (answer(completion(choice={"message": "text"})), Kind.SERVER_ERROR),
    "content that is an object": (answer(completion(message={"content": {"a": 1}})), Kind.SERVER_ERROR),
    "tool calls that are a number": (called(5), Kind.SERVER_ERROR),
    "a tool call that is a text": (called(["text"]), Kind.SERVER_ERROR),
    "an error that is a list": (answer({"error": ["No.", 5, None]}, 400), Kind.BAD_REQUEST),
    "a message that is a list": (answer({"error": {"message": [1, {"loc": 5, "msg": []}]}}, 500), Kind.SERVER_ERROR),
    "a field that is a number": (answer({"detail": [{"loc": 5, "msg": "No."}]}, 422), Kind.BAD_REQUEST),
    "an error in place of a completion": (answer({"error": {"code": "odd", "message": {}}}), Kind.SERVER_ERROR),
    "an error that is NaN": (answer({"error": NAN}, 500), Kind.SERVER_ERROR),
    "words that mean nothing": (answer(b'{"choices": [{"message": {"content": "billing'), Kind.SERVER_ERROR),
    "an encoding that isn't": (answer(b"{}", Content_Encoding="gzip"), Kind.CONNECTION),
    "no HTTP": (b"\x00\x01garbage\r\n\r\n", Kind.CONNECTION),
    "nothing": (b"", Kind.CONNECTION),
    "status 599": (answer(b"", 599), Kind.SERVER_ERROR),
    "status 999": (answer(b"", 999), Kind.SERVER_ERROR),
}


@pytest.mark.parametrize("case", FAILURES)
def test_an_odd_answer_is_a_failure_of_a_known_kind(ask: Ask, case: str) -> None:
    raw, kind = FAILURES[case]
    outcome = ask(raw)
    check(outcome)
    assert isinstance(outcome, ModelError) and outcome.kind is kind, outcome


REPLIES: dict[str, bytes] = {
    "usage that is a list": answer(completion(usage=[1])),
    "half a token": answer(completion(usage={"prompt_tokens": 12.5, "completion_tokens": 10})),
    "NaN tokens": answer(completion(usage={"prompt_tokens": NAN, "completion_tokens": INFINITE})),
    "tokens below zero": answer(completion(usage={"prompt_tokens": -1, "completion_tokens": -(10**30)})),
    "as many tokens as no float holds": answer(completion(usage={"prompt_tokens": 10**400, "completion_tokens": 1})),
    "details that are a text": answer(completion(usage={"prompt_tokens": 1, "prompt_tokens_details": "text"})),
    "a model that is a list": answer(completion(model=["gpt-4o"])),
    "a tier that is an object": answer(completion(service_tier={})),
    "a cost of NaN": answer(completion(), x_litellm_response_cost="nan"),
}


@pytest.mark.parametrize("case", REPLIES)
def test_usage_that_cannot_be_is_no_failure_of_the_direct_client(server: RawServer, case: str) -> None:
    async def asked() -> Reply:
        server.answer = REPLIES[case]
        model = OpenAIModel(Llm(base_url=server.base_url), connections=1)
        try:
            return await model.complete(ASKED)
        finally:
            await model.close()

    reply = asyncio.run(asked())
    check(reply)
    assert reply.text == "Hello."


@pytest.mark.parametrize("case", REPLIES)
def test_odd_usage_breaks_nothing(ask: Ask, case: str) -> None:
    check(ask(REPLIES[case]))


WAITS = ("-1", "nan", "inf", "1e308", "9" * 400, YEAR, "Wed, 21 Oct 9999 07:28:00 GMT", "1 Jan 2025 1:1:1 +99999999999")
NO_WAITS = ("", "soon", "1, 2", "0 0 0 0 0", "Fri, 31 Feb 2025 07:28:00 GMT")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", [*WAITS, *NO_WAITS])
def test_an_odd_retry_after_is_none_or_no_longer_than_a_year(ask: Ask, value: str, status: int) -> None:
    outcome = ask(answer({"error": {"message": "No."}}, status, Retry_After=value))
    check(outcome)
    assert isinstance(outcome, ModelError)
    assert outcome.retry_after == (0.0 if value == "-1" else None)
    assert outcome.kind is (Kind.RATE_LIMITED if status == 429 else Kind.SERVER_ERROR)


def test_one_retry_after_of_many_counts(server: RawServer, ask: Ask) -> None:
    many = [("Retry-After", "7"), ("Retry-After", "soon"), ("retry-after", "-1")]
    outcome = ask(response(429, b"{}", many))
    check(outcome)
    assert isinstance(outcome, ModelError) and outcome.retry_after in {7.0, None}


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "-5", "9" * 5000])
def test_an_allowance_that_is_no_number_says_nothing(value: str) -> None:
    for headers in (
        {"x-ratelimit-remaining-requests": value, "x-ratelimit-reset-requests": "1s"},
        {"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": value},
    ):
        assert quotas_in(headers, NOW) in ({}, {"requests": RemainingQuota(5.0, 0.0)})


def test_the_first_moment_of_all_times_is_past_and_breaks_nothing() -> None:
    headers = {"ratelimit-remaining": "5", "ratelimit-reset": "0001-01-01T00:00:00"}
    assert quotas_in(headers, NOW) in ({}, {"": RemainingQuota(5.0, 0.0)})


# --- Any answer at all ---

numbers = st.sampled_from([0, 1, -1, 12.5, 1e300, NAN, INFINITE, -INFINITE, 10**18, 10**400, True])
texts = st.one_of(
    st.text(st.characters(codec=None), max_size=12),
    st.sampled_from(["gpt-4o", "length", "{}", '{"a": NaN}', "\ud800", "<think>a</think>b", "502", "x" * 2000]),
)
odd = st.recursive(
    st.one_of(st.none(), numbers, texts),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(texts, below, max_size=3)),
    max_leaves=6,
)

GOOD_CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
DETAILS = {"prompt_tokens_details": {"cached_tokens": 5}, "completion_tokens_details": {"reasoning_tokens": 1}}
USAGE = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, "cost": 0.1, **DETAILS}
ERROR = {"message": "No.", "type": "odd", "code": 502, "param": "a", "metadata": {"raw": '{"error": {"message": "a"}}'}}
BODIES: tuple[Any, ...] = (
    completion(usage=USAGE, service_tier="flex"),
    completion(
        usage=USAGE, message={"content": None, "tool_calls": [GOOD_CALL]}, choice={"finish_reason": "tool_calls"}
    ),
    completion(message={"content": [{"type": "text", "text": "Hello."}], "reasoning_content": "Hm."}),
    completion(choice={"error": ERROR, "message": {"role": "assistant", "content": ""}}),
    {"error": ERROR},
    {"detail": [{"loc": ["body", 0], "msg": "field required"}]},
    [{"error": ERROR}],
)


def places_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from places_in(part, (*path, key))


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A good body with something odd at one or two places of it; or bytes of no meaning."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=40))
    body = deepcopy(draw(st.sampled_from(BODIES)))
    for _ in range(draw(st.integers(1, 2))):
        *above, last = draw(st.sampled_from([place for place in places_in(body) if place] or [("a",)]))
        whole = body
        with suppress(TypeError, LookupError):  # the first change took the place of the second
            for key in above:
                whole = whole[key]
            whole[last] = draw(odd)
    return json.dumps(body).encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-16", "utf-32"])))


statuses = st.one_of(st.sampled_from([200, 200, 200, 400, 429, 500]), st.integers(100, 999))
HEADERS = (
    "Retry-After",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "x-litellm-response-cost",
    "Content-Type",
    "Content-Encoding",
    "Location",
    "Set-Cookie",
)
values = st.one_of(
    st.sampled_from(["-1", "nan", "inf", "1e308", YEAR, "1s", "0", "gzip", "text/html", "application/json; charset=x"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
    st.binary(max_size=8).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b"")),
)
headers = st.lists(st.tuples(st.sampled_from(HEADERS), values), max_size=4)
answers = st.one_of(st.builds(response, statuses, bodies(), headers), st.binary(max_size=60))

fuzzing = settings(
    max_examples=250,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@fuzzing
@given(raw=answers)
@example(raw=answer(completion(usage="text")))
@example(raw=answer(completion(usage={"prompt_tokens": {}})))
@example(raw=answer(completion(usage={"prompt_tokens": [1]})))
@example(raw=answer({"error": {"message": ["No."]}}, 400))
@example(raw=answer({"detail": [{"loc": None, "msg": None}]}, 500))
@example(raw=answer(DIGITS))
@example(raw=answer({}, 429, Retry_After=YEAR))
def test_any_answer_is_a_reply_or_a_failure_of_a_known_kind(ask: Ask, raw: bytes) -> None:
    check(ask(raw))


anything = st.one_of(odd, st.sampled_from([10**5000, -(10**5000), b"bytes", object(), {1: 2}, (1,)]))
usages = st.one_of(anything, st.dictionaries(st.sampled_from([*USAGE, "cost"]), st.one_of(anything, st.just(DETAILS))))


@given(said=usages, served=anything, tier=anything, cost=anything)
@example(said={"prompt_tokens": 10**5000}, served="gpt-4o", tier="flex", cost=10**5000)
@example(said={"prompt_tokens": 10**12, "prompt_tokens_details": None}, served=None, tier=None, cost="1e999")
def test_any_usage_is_counts_and_a_price_that_can_be_summed(said: Any, served: Any, tier: Any, cost: Any) -> None:
    check_usage(usage_in(said, dollars(cost)))
    check_usage(usage_in(said, Prices("openai", "gpt-4o").cost(served, said, tier)))


@given(body=anything, status=st.one_of(st.none(), st.integers(-1, 1000)))
@example(body={"error": {"message": 10**5000, "code": 10**5000}}, status=None)
def test_any_body_of_an_error_is_a_sentence(body: Any, status: int | None) -> None:
    error = model_error("openai/gpt-4o", complaint_in(body), status=status)
    check(error)
    assert str(error).startswith("openai/gpt-4o: ")


@given(value=st.text(max_size=40))
@example(value=YEAR)
def test_any_retry_after_is_a_wait_or_nothing(value: str) -> None:
    wait = retry_after({"Retry-After": value})
    assert wait is None or 0 <= wait <= A_YEAR


def test_tokens_that_can_be_are_counted() -> None:
    assert usage_in({"prompt_tokens": 12.0, "completion_tokens": 3}, 0.5) == Usage(12, 3, 0.5)
    assert usage_in({"prompt_tokens": True, "completion_tokens": "3"}, None) == Usage()
    assert dollars("0.125") == 0.125


# --- What is retried ---


def test_an_answer_that_cannot_be_read_is_asked_for_again_and_ends_with_its_kind(server: RawServer) -> None:
    events: list[Event] = []

    async def rest(seconds: float, request: Request) -> None:
        pass

    async def asked() -> None:
        model = OpenAIModel(Llm(base_url=server.base_url), connections=1)
        try:
            await Retrying(model, 3, RateLimit(), events.append, rest).complete(ASKED)
        finally:
            await model.close()

    server.answer, before = answer(DEEP), server.asked
    with pytest.raises(ModelError, match="isn't a chat completion") as caught:
        asyncio.run(asked())
    assert caught.value.kind is FailureKind.SERVER_ERROR
    assert server.asked - before == 4
    assert [isinstance(event, CallFailed) for event in events] == [True] * 4


@pytest.mark.parametrize("error", [TypeError, KeyError, AttributeError, ValueError, RecursionError, OverflowError])
def test_what_else_comes_out_of_litellm_is_an_answer_that_cannot_be_read(error: type[Exception]) -> None:
    async def acompletion(**arguments: Mapping[str, Any]) -> None:
        raise error("odd")

    stumbling = SimpleNamespace(acompletion=acompletion, in_memory_llm_clients_cache=None)
    with pytest.raises(ModelError, match=f"isn't a chat completion: {error.__name__} in litellm") as caught:
        asyncio.run(LitellmModel(Llm(), stumbling).complete(ASKED))
    assert caught.value.kind is FailureKind.SERVER_ERROR
