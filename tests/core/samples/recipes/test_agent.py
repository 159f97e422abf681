"""An agent at work, sent canned replies and results: what it asks for, what it refuses, and what is recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from deepfabric_core.chat.messages import Reply, Request, ToolCall, Usage
from deepfabric_core.chat.tools import Tool, ToolResult, ToolUse, by_name
from deepfabric_core.config.schema import Config
from deepfabric_core.errors import FailureKind, ModelError, ReplyError
from deepfabric_core.samples.plan import WorkItem
from deepfabric_core.samples.reading import problems
from deepfabric_core.samples.recipes import recipe_for
from deepfabric_core.samples.recipes.recipe import Brief
from deepfabric_core.samples.records import Provenance, Sample, with_metadata
from deepfabric_core.tools.definitions import tool_from
from deepfabric_core.tools.virtual_files import BUILT_IN

BRIEF = Brief(("Bicycles", "Wheels"))
COUNT = tool_from(
    {
        "name": "count",
        "parameters": {"properties": {"most": {"type": "integer", "maximum": 5}}, "additionalProperties": False},
    },
    where="tests",
)
TOOLS = (*BUILT_IN.values(), COUNT)
TASK = Reply('{"question": "What is in a?"}', "m")
LIST = ("list_files", {"_thought": "What is there?"})
READ = ("read_file", {"_thought": "It may be in a.", "file_path": "a"})
ANSWER = Reply("It is hello.", "m")
NO_CALL = "the model uses no tool"


def config(tools: dict[str, Any] | None = None, output: dict[str, Any] | None = None, **generation: Any) -> Config:
    return Config.model_validate(
        {
            "topics": {"prompt": "Bicycles"},
            "generation": {"system_prompt": "You know bicycles.", "tools": tools or {}, **generation},
            "output": {"save_as": "out.jsonl", **(output or {})},
        }
    )


def calling(*calls: tuple[str, Any], text: str = "") -> Reply:
    """A reply that calls tools; arguments that are a text go out as they are."""
    made = tuple(
        ToolCall(f"call_{number}", name, given if isinstance(given, str) else json.dumps(given))
        for number, (name, given) in enumerate(calls)
    )
    return Reply(text, "m", "tool_calls", tool_calls=made)


def result_of(use: ToolUse) -> ToolResult:
    return ToolResult(f"{use.name} of {json.dumps(dict(use.arguments))}")


class Worked:
    """A recipe that was sent replies and results until it returned."""

    def __init__(
        self,
        *replies: Reply | ModelError,
        chosen: Config | None = None,
        brief: Brief = BRIEF,
        tools: tuple[Tool, ...] = TOOLS,
        tool_sessions: Callable[[ToolUse], ToolResult] = result_of,
    ) -> None:
        self.asked: list[Request] = []
        self.used: list[ToolUse] = []
        work = recipe_for(chosen or config(), tools)(brief)
        left = [TASK, *replies]
        try:
            step = next(work)
            while True:
                if isinstance(step, ToolUse):
                    self.used.append(step)
                    step = self._carried_out(work, tool_sessions, step)
                    continue
                self.asked.append(step)
                reply = left.pop(0)
                step = work.throw(reply) if isinstance(reply, ModelError) else work.send(reply)
        except StopIteration as end:
            self.sample: Sample = end.value
        assert not left
        self.record = self.sample.record

    def _carried_out(self, work: Any, tool_sessions: Callable[[ToolUse], ToolResult], use: ToolUse) -> Any:
        try:
            result = tool_sessions(use)
        except ModelError as problem:
            return work.throw(problem)
        return work.send(result)

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [call for message in self.record["messages"] for call in message.get("tool_calls", ())]

    @property
    def thoughts(self) -> list[str]:
        return [step["thought"] for step in self.record["reasoning"]["content"]]


def complaint(request: Request) -> str:
    """The reason why it asks again, or nothing."""
    return request.messages[-1].content if request.because else ""


# ---- a task, calls, results, an answer


def test_an_agent_gets_a_task_calls_tools_and_answers() -> None:
    work = Worked(calling(LIST), calling(READ), ANSWER)
    assert work.used == [ToolUse("list_files", {}), ToolUse("read_file", {"file_path": "a"})]
    assert (work.sample.question, work.sample.answer) == ("What is in a?", "It is hello.")
    assert [message["role"] for message in work.record["messages"]] == [
        "system", "user", "assistant", "tool", "assistant", "tool", "assistant",
    ]  # fmt: skip
    assert len(work.asked) == 4


def test_the_record_has_deepfabrics_fields_and_nothing_else() -> None:
    work = Worked(calling(READ), ANSWER)
    (call,) = work.calls
    arguments = '{"file_path": "a"}'
    result = 'read_file of {"file_path": "a"}'
    assert work.record == {
        "messages": [
            {"role": "system", "content": "You know bicycles."},
            {"role": "user", "content": "What is in a?"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {"id": call["id"], "type": "function", "function": {"name": "read_file", "arguments": arguments}}
                ],
            },
            {"role": "tool", "content": result, "tool_call_id": call["id"]},
            {"role": "assistant", "content": "It is hello."},
        ],
        "metadata": {"conversation_type": "cot", "react_steps": 2},
        "reasoning": {
            "style": "agent",
            "content": [
                {"step_number": 1, "thought": "It may be in a.", "action": f"read_file({arguments})"},
                {"step_number": 2, "thought": work.thoughts[1], "action": "Ready to respond to user"},
            ],
        },
        "tool_context": {
            "executions": [
                {
                    "function_name": "read_file",
                    "arguments": arguments,
                    "reasoning": "It may be in a.",
                    "result": result,
                }
            ]
        },
        "tools": [tool.as_openai() for tool in TOOLS],
        "agent_context": {"mode": "single_turn"},
        "question": "What is in a?",
        "final_answer": "It is hello.",
    }


def test_metadata_adds_how_it_came_about() -> None:
    record = Worked(calling(READ), ANSWER).record
    making = Provenance("m", 3, Usage(1, 2), simulated=True, at=1.5)
    made = with_metadata(record, WorkItem(0, "abc", BRIEF.path, 2), making)
    assert made["metadata"] == {
        **record["metadata"],
        "topic_id": "abc",
        "topic_path": ["Bicycles", "Wheels"],
        "cycle": 2,
        "model": "m",
        "attempts": 3,
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
        "cost": 0.0,
        "cost_known": False,
        "simulated": True,
        "demonstration": False,
    }


def test_a_record_has_no_problems_and_keeps_to_its_own_schemas() -> None:
    work = Worked(calling(LIST, READ), calling(("count", {"most": 3})), ANSWER)
    assert list(problems(work.record, by_name(TOOLS))) == []
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in work.record["tools"]}
    for call in work.calls:
        jsonschema.validate(json.loads(call["function"]["arguments"]), schemas[call["function"]["name"]])


def test_ids_are_nine_letters_and_digits_unique_and_the_same_in_every_run() -> None:
    seen = []
    for cycle in range(50):
        brief = Brief(BRIEF.path, cycle)
        runs = [Worked(calling(LIST, READ), calling(READ), ANSWER, brief=brief) for _ in range(2)]
        first, again = ([call["id"] for call in run.calls] for run in runs)
        assert first == again
        seen += first
    assert len(set(seen)) == 150
    assert all(len(one) == 9 and one.isascii() and one.isalnum() for one in seen)


def test_several_calls_of_a_reply_stand_in_one_message_with_their_results_after_it() -> None:
    messages = Worked(calling(LIST, READ), ANSWER).record["messages"]
    assert [message["role"] for message in messages[2:]] == ["assistant", "tool", "tool", "assistant"]
    assert [call["id"] for call in messages[2]["tool_calls"]] == [message["tool_call_id"] for message in messages[3:5]]


def test_the_system_message_can_be_left_out() -> None:
    messages = Worked(calling(READ), ANSWER, chosen=config(output={"include_system_message": False})).record["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant"]


# ---- what the model is told


def test_the_task_is_asked_for_with_the_tools_the_files_and_the_instructions() -> None:
    seed = {"files": {"main.py": "print()"}}
    work = Worked(calling(READ), ANSWER, chosen=config(instructions="Be kind.", scenario_seed=seed))
    asked = work.asked[0].messages[1].content
    for said in ("Bicycles > Wheels", "read_file", "count", "main.py", "Be kind.", "no more than 3 calls"):
        assert said in asked
    assert work.asked[0].schema is not None and not work.asked[0].tools


def test_a_task_without_a_question_is_asked_for_again() -> None:
    work = recipe_for(config(), TOOLS)(BRIEF)
    next(work)
    again = work.send(Reply('{"question": " "}', "m"))
    assert isinstance(again, Request) and "question" in complaint(again)


def test_each_step_shows_what_was_done_so_far_and_offers_the_tools_with_a_thought() -> None:
    _, first, second, third = Worked(calling(LIST), calling(READ), ANSWER).asked
    assert [message.role for message in first.messages] == ["system", "user"]
    assert first.messages[1].content == "What is in a?"
    assert third.messages[: len(second.messages)] == second.messages
    assert [message.role for message in third.messages[2:]] == ["assistant", "tool", "assistant", "tool"]
    for tool, offered in zip(TOOLS, first.tools, strict=True):
        schema = offered["function"]["parameters"]
        assert list(schema["properties"]) == ["_thought", *tool.parameters["properties"]]
        assert schema["required"] == ["_thought", *tool.parameters.get("required", [])]


@pytest.mark.parametrize(
    ("tools", "calls"),
    [
        ({"max_per_query": 2}, [calling(LIST), calling(READ)]),
        ({"max_per_query": 2}, [calling(LIST, READ)]),
        ({"max_per_query": 9, "max_agent_steps": 2}, [calling(LIST), calling(READ)]),
        ({"max_per_query": 9, "max_agent_steps": 1}, [calling(LIST, READ)]),
    ],
)
def test_after_the_last_call_or_step_no_tool_is_offered_and_the_answer_is_asked_for(
    tools: dict[str, Any], calls: list[Reply]
) -> None:
    work = Worked(*calls, ANSWER, chosen=config(tools))
    *before, last = work.asked[1:]
    assert all(request.tools for request in before) and not last.tools
    assert "no more calls" in last.messages[0].content
    assert last.messages[-1].role == "tool"  # some providers refuse a user's message after it
    assert len(work.calls) == 2


# ---- thoughts


@pytest.mark.parametrize(
    ("arguments", "text", "thought"),
    [
        ({"_thought": "It may\n be in a.", "file_path": "a"}, "Beside it.", "It may be in a."),
        ({"file_path": "a"}, "Beside\nit.", "Beside it."),
        ({"_thought": "", "file_path": "a"}, "Beside it.", "Beside it."),
        ({"_thought": None, "file_path": "a"}, "Beside it.", "Beside it."),
        ({"_thought": ["a", 1], "file_path": "a"}, "", '["a", 1]'),
        ({"file_path": "a"}, "", ""),
    ],
)
def test_a_thought_comes_with_the_call_or_beside_it_and_is_no_argument(
    arguments: dict[str, Any], text: str, thought: str
) -> None:
    work = Worked(calling(("read_file", arguments), text=text), ANSWER)
    assert work.thoughts[0] == thought
    assert work.record["tool_context"]["executions"][0]["reasoning"] == thought
    assert json.loads(work.calls[0]["function"]["arguments"]) == {"file_path": "a"}
    assert work.used[0].arguments == {"file_path": "a"}
    assert "_thought" not in json.dumps(work.record)


def test_a_thought_that_no_file_can_hold_is_mended() -> None:
    work = Worked(calling(("read_file", '{"_thought": "half \\ud83d", "file_path": "a"}')), ANSWER)
    assert work.thoughts[0].encode().startswith(b"half ")


# ---- what can't be used


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (("open_file", {}), "there is no tool open_file, only read_file"),
        (("read_file", {}), "'file_path' is a required property"),
        (("read_file", {"file_path": 5}), "argument file_path of read_file: 5 is not of type 'string'"),
        (("read_file", '{"file_path": "a'), "aren't valid JSON"),
        (("read_file", "[]"), "aren't a JSON object"),
        (("read_file", "5"), "aren't a JSON object"),
        (("read_file", "[" * 100_000), "aren't valid JSON"),
        (("read_file", '{"file_path": "\\ud83d"}'), "aren't valid JSON"),
        (("count", {"most": 6}), "6 is greater than the maximum"),
        (("count", '{"most": NaN}'), "aren't valid JSON"),
        (("count", {"least": 1}), "'least' was unexpected"),
        (("", {}), "there is no tool"),
    ],
)
def test_a_call_that_cant_be_made_is_asked_for_again_with_the_reason_and_not_recorded(
    call: tuple[str, Any], reason: str
) -> None:
    work = Worked(calling(LIST, call, text="Let me see."), calling(READ), ANSWER)
    again = work.asked[2]
    assert reason in complaint(again)
    assert again.messages[-2].content == "Let me see."
    assert again.because is FailureKind.INVALID_REPLY and again.tools
    assert [one["function"]["name"] for one in work.calls] == ["read_file"]
    assert len(work.used) == 1
    assert work.asked[3].because is None and reason not in str(work.asked[3].messages)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (Reply("It is hello.", "m"), NO_CALL),
        (Reply(" ", "m"), "the reply was empty"),
        (Reply("It is", "m", finish_reason="length"), "cut off"),
        (Reply("", "m", finish_reason="content_filter"), "content filter"),
        (
            ReplyError("the reply is neither a tool call nor an answer", kind=FailureKind.INVALID_JSON),
            "neither a tool call",
        ),
    ],
)
def test_what_is_neither_a_call_nor_an_answer_is_asked_for_again(bad: Reply | ModelError, reason: str) -> None:
    work = Worked(bad, calling(READ), ANSWER)
    assert reason in complaint(work.asked[2])
    assert len(work.calls) == 1


@pytest.mark.parametrize(
    ("bad", "reason", "most"),
    [
        (Reply(" \n", "m"), "the reply was empty", 3),
        (Reply(" \n", "m"), "the reply was empty", 1),
        (Reply("It is", "m", finish_reason="length"), "cut off", 3),
        (Reply("It is", "m", finish_reason="length"), "cut off", 1),
        (Reply("", "m", finish_reason="content_filter"), "content filter", 3),
        (Reply("", "m", finish_reason="content_filter"), "content filter", 1),
        (calling(READ), "the reply was empty", 1),
    ],
)
def test_a_last_answer_that_cant_be_used_is_asked_for_again_in_plain_text(bad: Reply, reason: str, most: int) -> None:
    work = Worked(calling(LIST), bad, ANSWER, chosen=config({"max_per_query": most}))
    assert reason in complaint(work.asked[3]) and "JSON" not in complaint(work.asked[3])
    assert len(work.calls) == 1
    assert work.record["final_answer"] == "It is hello."


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (calling(("open_file", {})), FailureKind.INVALID_REPLY),
        (Reply("It", "m", finish_reason="length"), FailureKind.TRUNCATED),
        (Reply("", "m", finish_reason="content_filter"), FailureKind.CONTENT_FILTER),
        (ReplyError("nonsense", kind=FailureKind.INVALID_JSON), FailureKind.INVALID_JSON),
    ],
)
@pytest.mark.parametrize("retries", [0, 2])
def test_a_sample_is_given_up_after_its_retries_with_the_kind(
    bad: Reply | ModelError, kind: FailureKind, retries: int
) -> None:
    with pytest.raises(ReplyError) as problem:
        Worked(*[bad] * (retries + 1), chosen=config(sample_retries=retries))
    assert problem.value.kind is kind


def test_another_task_is_asked_for_in_place_of_one_that_needs_no_tool() -> None:
    idle, other = Reply("It is hello.", "m"), Reply('{"question": "Which files are there?"}', "m")
    work = Worked(idle, idle, other, calling(LIST), ANSWER)
    assert "What is in a?" in complaint(work.asked[3]) and "without a tool" in complaint(work.asked[3])
    assert work.asked[3].schema is work.asked[0].schema
    assert work.sample.question == "Which files are there?"


def test_a_sample_is_given_up_when_no_task_needs_a_tool() -> None:
    idle = Reply("It is hello.", "m")
    with pytest.raises(ReplyError, match="the model uses no tool"):
        Worked(idle, chosen=config(sample_retries=0))
    with pytest.raises(ReplyError, match="the model uses no tool"):
        Worked(idle, idle, TASK, idle, idle, TASK, idle, idle, chosen=config(sample_retries=2))


def test_the_retries_of_one_step_are_not_taken_from_the_next() -> None:
    bad = calling(("open_file", {}))
    assert Worked(bad, bad, calling(LIST), bad, bad, calling(READ), bad, bad, ANSWER).calls


def test_when_strict_a_sample_with_too_many_calls_is_discarded_after_its_retries() -> None:
    with pytest.raises(ReplyError, match="the reply makes 2 calls, but only 1 more are allowed"):
        Worked(*[calling(LIST, READ)] * 3, chosen=config({"max_per_query": 1}))
    mended = Worked(calling(LIST, READ), calling(READ), ANSWER, chosen=config({"max_per_query": 1}))
    assert len(mended.calls) == 1


def test_when_not_strict_the_calls_are_cut() -> None:
    work = Worked(
        calling(LIST), calling(READ, LIST, READ), ANSWER, chosen=config({"max_per_query": 2, "strict": False})
    )
    assert [call["function"]["name"] for call in work.calls] == ["list_files", "read_file"]


# ---- tools that fail


def test_an_error_that_a_tool_answers_stays_in_the_trace() -> None:
    refused = ToolResult("FileNotFound: no file 'a'", "FileNotFound")
    work = Worked(calling(READ), calling(LIST), ANSWER, tool_sessions=lambda _: refused)
    assert work.record["messages"][3]["content"] == "FileNotFound: no file 'a'"
    assert work.record["tool_context"]["executions"][0]["result"] == "FileNotFound: no file 'a'"


def test_a_tool_whose_server_is_gone_fails_the_sample() -> None:
    def gone(_: ToolUse) -> ToolResult:
        raise ModelError("the server is gone", kind=FailureKind.TOOL)

    with pytest.raises(ModelError, match="the server is gone") as problem:
        Worked(calling(READ), tool_sessions=gone)
    assert problem.value.kind is FailureKind.TOOL


def test_a_call_to_the_model_that_failed_fails_the_sample() -> None:
    with pytest.raises(ModelError) as problem:
        Worked(calling(READ), ModelError("no", kind=FailureKind.SERVER_ERROR))
    assert problem.value.kind is FailureKind.SERVER_ERROR


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('[{"id": "a", "tool": "read_file", "arguments": {"file_path": "a"}}]', "it is a tool call"),
        ("{'name': 'read_file',\n 'arguments': {}}", "it is a tool call"),
        ('{"function": "count", "parameters": "{"}]', "it is a tool call"),
        ("what is in a", "only repeats the question"),
        ("...", "no words"),
    ],
)
def test_an_answer_that_is_none_is_asked_for_again(bad: str, reason: str) -> None:
    work = Worked(calling(LIST), Reply(bad, "m"), ANSWER)
    assert reason in complaint(work.asked[3])
    assert work.record["final_answer"] == "It is hello."


@pytest.mark.parametrize("answer", ['{"hello": 5} is what it holds.', '["name", "tool"]', "Its arguments: none."])
def test_an_answer_may_hold_json(answer: str) -> None:
    assert Worked(calling(LIST), Reply(answer, "m")).record["final_answer"] == answer
