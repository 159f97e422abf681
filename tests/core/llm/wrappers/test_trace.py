"""What a trace has of each call: all that was asked and all that came of it, also of calls that failed."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import replace

import pytest

from deepfabric_core.chat.messages import Message, Reply, ReplySchema, Request, Subject, ToolCall, Usage
from deepfabric_core.chat.prompt_caching import message_of
from deepfabric_core.chat.trace import TracedCall, line_of
from deepfabric_core.config.llm import Llm
from deepfabric_core.errors import FailureKind, ModelError, OutputError
from deepfabric_core.llm.wrappers.structured_output import in_way
from deepfabric_core.llm.wrappers.trace import Traced
from tests.core.llm.wrappers.test_tool_calling import ASKED, Canned

SCHEMA = ReplySchema("exchange", {"type": "object", "properties": {}})
QUESTION = Request(
    (Message("system", "You teach."), Message("user", "Ask about tea.")),
    100,
    schema=SCHEMA,
    subject=Subject(("Tea", "Green"), variation=2, wanted=1, taken=("an earlier question",)),
    because=FailureKind.INVALID_JSON,
)
REPLY = Reply("{}", "gpt-4o-2024", usage=Usage(12, 3, 0.25, cached_tokens=8))


class Silent(Canned):
    """A model that never answers."""

    async def complete(self, _: Request) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError


def traced(model: Canned, request: Request) -> TracedCall:
    """The only call that is recorded."""
    calls: list[TracedCall] = []
    times = iter((10.0, 11.5))
    wrapped = Traced(model, Llm(temperature=0.3, seed=7), calls.append, lambda: next(times))

    async def ask() -> None:
        await asyncio.wait_for(wrapped.complete(request), 0.05)

    with suppress(ModelError, TimeoutError, ZeroDivisionError):
        asyncio.run(ask())
    (call,) = calls
    return call


def test_a_call_is_recorded_with_what_was_asked_and_what_was_answered() -> None:
    call = traced(Canned(REPLY), QUESTION)
    assert call.request.messages == QUESTION.messages
    assert (call.request.max_tokens, call.request.temperature, call.request.seed) == (100, 0.3, 7)
    assert (call.request.schema, call.way, call.model) == ("exchange", "json_schema", "canned")
    assert (call.subject.path, call.subject.variation, call.subject.wanted) == (("Tea", "Green"), 2, 1)
    assert call.because == "invalid JSON"
    assert call.reply and (call.reply.text, call.reply.model, call.reply.finish_reason) == ("{}", "gpt-4o-2024", "stop")
    assert call.usage == REPLY.usage
    assert call.seconds == 1.5
    assert call.error is None


def test_a_line_has_cached_tokens_where_there_are_any_and_never_says_what_of_a_prompt_is_shared() -> None:
    shared = replace(QUESTION, messages=(message_of("user", ["Write a question."], ["It is about tea."]),))
    line = json.loads(line_of(traced(Canned(REPLY), shared), str, str))
    assert line["cached_tokens"] == 8
    assert line["request"]["messages"] == [{"role": "user", "content": "Write a question.\n\nIt is about tea."}]
    none = Canned(replace(REPLY, usage=Usage(12, 3, 0.25)))
    assert "cached_tokens" not in json.loads(line_of(traced(none, QUESTION), str, str))


def test_tools_are_recorded_by_name_and_so_are_calls_of_them() -> None:
    wish = ToolCall("1", "read_file", "{}")
    call = traced(Canned(Reply("", "m", "tool_calls", tool_calls=(wish,))), ASKED)
    assert "read_file" in call.request.tools and call.request.tools == call.request.offered_tools
    assert call.reply and call.reply.tool_calls == (wish,)
    assert call.way is None
    forced = traced(Canned(REPLY), in_way(QUESTION, "tool"))
    assert forced.request.tools == ("exchange",) and forced.request.tool_choice == "exchange"
    assert forced.request.offered_tools == () and forced.way == "tool"


def test_a_failed_call_is_recorded_with_its_kind_its_words_and_its_status() -> None:
    refused = ModelError("wait a moment", kind=FailureKind.RATE_LIMITED, status=429)
    error = traced(Canned(refused), QUESTION).error
    assert error and (error.kind, error.message, error.status) == ("rate limited", "wait a moment", 429)


def test_a_call_that_nobody_waits_for_any_more_is_recorded_as_cancelled() -> None:
    call = traced(Silent(), QUESTION)
    assert call.error and call.error.kind == "cancelled" and call.reply is None


def test_a_bug_is_recorded_too() -> None:
    class Broken(Canned):
        async def complete(self, _: Request) -> Reply:
            raise ZeroDivisionError

    error = traced(Broken(), QUESTION).error
    assert error and (error.kind, error.message) == ("internal error", "ZeroDivisionError")


def test_a_trace_that_cannot_be_written_ends_the_call() -> None:
    def full(_: TracedCall) -> None:
        raise OutputError("calls.jsonl can't be written: no space left on device.")

    with pytest.raises(OutputError, match="no space left"):
        asyncio.run(Traced(Canned(REPLY), Llm(), full).complete(QUESTION))
