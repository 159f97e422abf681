"""Tools offered natively, and by structured output to a model whose provider refuses them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from deepfabric_core.chat.messages import Message, Reply, Request, ToolCall, Usage
from deepfabric_core.errors import FailureKind, ModelError, ReplyError
from deepfabric_core.events import Event, Notice
from deepfabric_core.llm.error_mapping import complaint_in, model_error
from deepfabric_core.llm.wrappers.known_ways import KnownWay
from deepfabric_core.llm.wrappers.tool_calling import ToolCalling
from deepfabric_core.tools.definitions import tool_from
from deepfabric_core.tools.virtual_files import BUILT_IN

TOOLS = tuple(tool.as_openai() for tool in BUILT_IN.values())
CALLED = ToolCall("abc", "read_file", '{"file_path": "a"}')
ASKED = Request(
    (
        Message("system", "Work."),
        Message("user", "Read a."),
        Message("assistant", "", tool_calls=(CALLED,)),
        Message("tool", "hello", tool_call_id="abc"),
    ),
    100,
    tools=TOOLS,
)
PLAIN = Request((Message("user", "Hello"),), 100)

REFUSALS = [
    (400, "registry.ollama.ai/library/gemma3:4b does not support tools"),
    (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
    (400, "Unsupported parameter: 'tools' is not supported with this model."),
    (400, "tools is not supported in this model. For a list of supported models, refer to the documentation."),
    (400, "Unrecognized request argument supplied: tools"),
    (400, "`tool calling` is not supported with this model"),
    (400, "Function calling is not enabled for models/gemma-3-27b-it"),
    (400, "deepseek-reasoner does not support Function Calling"),
    (400, "This model doesn't support tool use."),
    (404, "No endpoints found that support tool use. To learn more about provider routing, visit the documentation"),
    (500, "tools param requires --jinja flag"),
    (422, {"detail": [{"loc": ["body", "tools"], "msg": "Extra inputs are not permitted"}]}),
]
OTHERS = [
    (400, "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."),
    (400, "Invalid schema for function 'read_file': 'oneOf' is not permitted. (tools[0].function.parameters)"),
    (400, "Invalid 'tools[0].function.name': names with spaces are not supported."),
    (400, "Not the same number of function calls and responses"),
    (400, "Unsupported value: 'temperature' does not support 0.7 with this model."),
    (404, "The model `my-tools` does not exist"),
    (429, "Tool use is not available: rate limit reached"),
    (401, "This key does not support tools"),
]


class Canned:
    """A model that answers, or fails, as it is told, and notes what it is asked."""

    def __init__(self, *answers: str | Reply | ModelError) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []

    @property
    def name(self) -> str:
        return "canned"

    async def complete(self, request: Request) -> Reply:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, ModelError):
            raise answer
        return Reply(answer, "canned") if isinstance(answer, str) else answer

    async def close(self) -> None:
        """Nothing is open."""


def silent(_: Event) -> None:
    """Nobody listens."""


def refusal(status: int, said: Any) -> ModelError:
    body = said if isinstance(said, dict) else {"error": {"message": said}}
    return model_error("m", complaint_in(body), status=status)


def answered(*answers: str | Reply | ModelError, asked: Request = ASKED) -> tuple[Reply, Canned]:
    canned = Canned(*answers)
    return asyncio.run(ToolCalling(canned, silent).complete(asked)), canned


def in_words(said: object, asked: Request = ASKED) -> tuple[Reply, Request]:
    """What comes of a reply in words, and what was asked for it."""
    text = said if isinstance(said, str) else json.dumps({"decision": said})
    reply, canned = answered(refusal(*REFUSALS[0]), text, asked=asked)
    return reply, canned.asked[1]


def test_a_model_with_tools_is_asked_and_answers_as_it_is() -> None:
    native = Reply("", "m", "tool_calls", tool_calls=(CALLED,))
    reply, canned = answered(native)
    assert reply is native
    assert canned.asked == [ASKED]


@pytest.mark.parametrize(("status", "said"), REFUSALS)
def test_a_provider_that_refuses_tools_is_asked_in_words_from_then_on(status: int, said: object) -> None:
    canned = Canned(
        refusal(status, said), '{"decision": {"answer": "It says hello."}}', '{"decision": {"answer": "B"}}'
    )
    model = ToolCalling(canned, silent)
    assert asyncio.run(model.complete(ASKED)).text == "It says hello."
    assert asyncio.run(model.complete(ASKED)).text == "B"
    assert [bool(request.tools) for request in canned.asked] == [True, False, False]


@pytest.mark.parametrize(("status", "said"), OTHERS)
def test_other_failures_are_not_mistaken_for_such_a_refusal(status: int, said: object) -> None:
    canned = Canned(refusal(status, said), "hello")
    model = ToolCalling(canned, silent)
    with pytest.raises(ModelError):
        asyncio.run(model.complete(ASKED))
    assert asyncio.run(model.complete(ASKED)).text == "hello"
    assert canned.asked == [ASKED, ASKED]


def test_a_request_without_tools_is_left_alone_even_then() -> None:
    canned = Canned(refusal(*REFUSALS[0]), '{"decision": {"answer": "A"}}', "hello")
    model = ToolCalling(canned, silent)
    asyncio.run(model.complete(ASKED))
    assert asyncio.run(model.complete(PLAIN)).text == "hello"
    assert canned.asked[2] is PLAIN


def test_in_words_the_tools_stand_in_the_system_prompt_and_each_has_its_own_schema() -> None:
    _, asked = in_words({"answer": "A"})
    system = asked.messages[0].content
    assert system.startswith("Work.") and all(json.dumps(tool["function"]) in system for tool in TOOLS)
    assert asked.schema is not None
    *calls, answer = asked.schema.schema["properties"]["decision"]["anyOf"]
    assert [call["properties"]["tool"]["enum"] for call in calls] == [[name] for name in BUILT_IN]
    assert [call["properties"]["arguments"] for call in calls] == [tool.parameters for tool in BUILT_IN.values()]
    assert list(answer["properties"]) == ["answer"]


def test_in_words_the_references_of_each_tools_schema_still_lead_to_its_own_parts() -> None:
    tools = [
        tool_from(
            {"name": name, "parameters": {"properties": {"at": {"$ref": "#/$defs/At"}}, "$defs": {"At": at}}}, where=""
        )
        for name, at in (("text", {"type": "string"}), ("number", {"type": "integer"}))
    ]
    asked = Request(ASKED.messages, 100, tools=tuple(tool.as_openai() for tool in tools))
    schema = in_words({"answer": "A"}, asked)[1].schema
    assert schema is not None
    validator = jsonschema.Draft202012Validator(schema.schema)
    for name, at, fits in (("text", "a", True), ("text", 1, False), ("number", 1, True), ("number", "a", False)):
        assert validator.is_valid({"decision": {"tool": name, "arguments": {"at": at}}}) == fits


def test_in_words_earlier_calls_and_results_are_told_as_texts() -> None:
    _, asked = in_words({"answer": "A"})
    assert [message.role for message in asked.messages] == ["system", "user", "assistant", "user"]
    assert not any(message.tool_calls or message.tool_call_id for message in asked.messages)
    said = json.loads(asked.messages[2].content)
    assert said["decision"]["tool"] == "read_file", "in the form in which the next one has to be given"
    assert "hello" in asked.messages[3].content and "read_file" in asked.messages[3].content


def test_the_last_request_of_an_agent_offers_no_tools_and_gets_plain_text() -> None:
    last = Request(ASKED.messages, 100)
    reply, asked = in_words("It says {hello}.", last)
    assert reply.text == "It says {hello}."
    assert asked.schema is None and "hello" in asked.messages[3].content
    assert "{" not in asked.messages[2].content.split(" with ")[0], "no form that would be repeated as the answer"


@pytest.mark.parametrize("wrapping", ["{}", "```json\n{}\n```", "I'll read it.\n{}"])
def test_a_decision_becomes_a_call_as_a_native_one_would_be(wrapping: str) -> None:
    decision = json.dumps({"decision": {"tool": " read_file ", "arguments": {"file_path": "ä"}}})
    reply, _ = in_words(wrapping.replace("{}", decision))
    assert (reply.text, reply.finish_reason) == ("", "tool_calls")
    (call,) = reply.tool_calls
    assert call.name == "read_file" and json.loads(call.arguments) == {"file_path": "ä"}


def test_usage_and_reason_of_a_decision_are_the_replys() -> None:
    said = Reply('{"decision": {"answer": "A"}}', "m", usage=Usage(3, 4))
    reply, _ = answered(refusal(*REFUSALS[0]), said)
    assert (reply.text, reply.usage, reply.finish_reason) == ("A", Usage(3, 4), "stop")


@pytest.mark.parametrize(
    "said",
    ["I would read it.", "{}", '{"decision": 5}', '{"decision": {"tool": 5}}', '{"decision": {"tool": "a"', "}{"],
)
def test_nonsense_is_a_reply_that_can_be_asked_for_again(said: str) -> None:
    with pytest.raises(ReplyError) as problem:
        in_words(said)
    assert problem.value.kind is FailureKind.INVALID_JSON
    assert "neither a tool call nor an answer" in str(problem.value)


@pytest.mark.parametrize(
    ("reason", "kind"), [("length", FailureKind.TRUNCATED), ("content_filter", FailureKind.CONTENT_FILTER)]
)
def test_a_decision_that_was_cut_off_or_withheld_says_so(reason: str, kind: FailureKind) -> None:
    with pytest.raises(ReplyError) as problem:
        answered(refusal(*REFUSALS[0]), Reply('{"decision": {"to', "m", reason))
    assert problem.value.kind is kind


# ---- servers that take tools and drop them


FIRST = replace(ASKED, messages=ASKED.messages[:2])


def test_three_tasks_without_a_call_mean_that_tools_are_offered_in_words() -> None:
    canned = Canned("Hm.", "Hm.", "Hm.", json.dumps({"decision": {"tool": "read", "arguments": {"path": "a.txt"}}}))
    events: list[Event] = []
    known = KnownWay()
    model = ToolCalling(canned, events.append, known)
    replies = [asyncio.run(model.complete(FIRST)) for _ in range(4)]
    assert [bool(asked.tools) for asked in canned.asked] == [True, True, True, False]
    assert replies[-1].tool_calls[0].name == "read"
    assert known.ignores_tools, "the next run knows it"
    assert [type(event) for event in events] == [Notice]


def test_a_model_that_called_a_tool_once_goes_on_being_offered_them() -> None:
    native = Reply("", "m", "tool_calls", tool_calls=(CALLED,))
    canned = Canned(native, "Hm.", "Hm.", "Hm.", "Hm.")
    model = ToolCalling(canned, silent)
    for _ in range(5):
        asyncio.run(model.complete(FIRST))
    assert all(asked.tools for asked in canned.asked)
