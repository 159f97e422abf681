"""The recipe for agent samples: a task, the tool calls with thoughts and results, and the final answer."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel, Field

from deepfabric_core.chat.json_replies import ask, parser_of, texts_schema, usable_text
from deepfabric_core.chat.messages import Message, Reply, Request, Subject, ToolCall
from deepfabric_core.chat.prompt_caching import message_of
from deepfabric_core.chat.tools import Tool, ToolUse, arguments_of, by_name, text_of
from deepfabric_core.config.schema import Config
from deepfabric_core.errors import FailureKind, ReplyError
from deepfabric_core.samples.recipes import plain_parts
from deepfabric_core.samples.recipes.agent_record import Done, record_of
from deepfabric_core.samples.recipes.recipe import Brief, Recipe, SampleRequest, in_language
from deepfabric_core.samples.recipes.reply_checks import ReplyChecks
from deepfabric_core.samples.records import Sample

T = TypeVar("T")
Acting = Generator[Request | ToolUse, Any, T]

_TASK = (
    "Write what a user asks of an assistant who uses tools: a realistic task that stands alone, and can't be done "
    "without the tools below."
)
_LIMIT = "It takes no more than {calls} calls.\n\n{tools}{files}\n\n"
_TASK_FORM = 'Reply as a JSON object with the key "question".'
_TASK_ALONE = "Write the user's words alone, in one or two sentences: no answer, no introduction."
_EXAMPLE = {"question": "What the user asks for, in a sentence or two"}
_WORK = (
    "Carry out the user's task with your tools, one step after the other, at most {calls} calls in all. With each call "
    "say in `{thought}` why you make it. A result may be an error: learn from it. When you know enough, answer the "
    "user in full, in plain text and without a call."
)
_ENOUGH = "That is enough: no more calls. Answer the user now, in full, from what you have found out."

# An extra argument, in which the model says why it makes the call. It isn't passed to the tool or recorded with it.
THOUGHT = "_thought"

_CALL = re.compile(r"""["'](?:tool|name|function)["']\s*:.*["'](?:arguments|parameters)["']\s*:""", re.DOTALL)
_SHOWN_CHARACTERS = 300

_ID_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ID_LENGTH = 9


class Task(BaseModel):
    """The model's reply to the first request: the user's task."""

    question: str = Field(pattern=r"\S")


def prepare(config: Config, tools: tuple[Tool, ...]) -> Recipe:
    """Return the recipe for samples with these tools."""
    settings = _Settings.of(config, tools)
    parse, checks = parser_of(Task), ReplyChecks(_TASK, *_EXAMPLE.values())

    def agent(brief: Brief) -> Acting[Sample]:
        def accepted(text: str) -> Task:
            task = parse(text)
            checks.check_question(task.question, brief)
            return task

        request = settings.task.about(brief)
        for tasks_left in range(settings.retries, -1, -1):
            task = yield from ask(request, accepted, retries=settings.retries)
            work = _AgentWork(settings, brief, task.question, checks)
            try:
                answer = yield from work.carried_out()
            except _NeedsNoTool as problem:
                if not tasks_left:
                    raise
                request = _another_task(settings.task.about(brief), task.question, problem)
                continue
            record = record_of(settings.recorded_system_prompt, task.question, work.steps, answer, settings.recorded)
            return Sample(record, task.question, answer)
        raise AssertionError  # the loop returns or raises

    return agent


class _NeedsNoTool(ReplyError):
    """The model answers a task without any tool, even when told to use them."""


def _another_task(request: Request, task: str, problem: ReplyError) -> Request:
    """Return the request for a task in place of one that needs no tool."""
    *earlier, last = request.messages
    said = f'{last.content}\n\nNot this one, which can be answered without a tool: "{task[:_SHOWN_CHARACTERS]}"'
    afresh = (*earlier, replace(last, content=said))
    return replace(request, messages=afresh, because=problem.kind, reason=str(problem), redraw=request.redraw + 1)


@dataclass(frozen=True, slots=True)
class _Settings:
    """The settings that all samples of a run share."""

    task: SampleRequest
    system_prompt: str
    recorded_system_prompt: str | None
    tools: Mapping[str, Tool]
    offered: tuple[Mapping[str, Any], ...]
    recorded: tuple[Mapping[str, Any], ...]
    max_tokens: int
    steps: int
    calls: int
    strict: bool
    retries: int

    @staticmethod
    def of(config: Config, tools: tuple[Tool, ...]) -> _Settings:
        generation = config.generation
        limits = config.tools
        files = ", ".join(config.scenario_files)
        given = _LIMIT.format(
            calls=limits.max_per_query,
            tools="Tools:\n" + "\n".join(f"- {tool.name}: {tool.description}" for tool in tools),
            files=f"\n\nFiles that are there: {files}" if files else "",
        )
        work = _WORK.format(calls=limits.max_per_query, thought=THOUGHT)
        return _Settings(
            task=SampleRequest(
                generation,
                _TASK,
                given + _TASK_FORM,
                texts_schema(Task, _EXAMPLE),
                partial(plain_parts.task, wanted=_TASK, form=given + _TASK_ALONE),
            ),
            system_prompt="\n\n".join(filter(None, (generation.system_prompt, in_language(generation), work))),
            recorded_system_prompt=config.recorded_system_prompt,
            tools=by_name(tools),
            offered=tuple(_with_thought(tool) for tool in tools),
            recorded=tuple(tool.as_openai() for tool in tools),
            max_tokens=generation.max_tokens,
            steps=limits.max_agent_steps,
            calls=limits.max_per_query,
            strict=limits.strict,
            retries=generation.sample_retries,
        )


@dataclass
class _AgentWork:
    """The state of an agent that works on one task; `steps` holds the calls made so far."""

    settings: _Settings
    brief: Brief
    question: str
    checks: ReplyChecks
    steps: list[list[Done]] = field(default_factory=list)

    @property
    def _calls_left(self) -> int:
        return self.settings.calls - sum(map(len, self.steps))

    def carried_out(self) -> Acting[str]:
        """Ask for steps and carry out their calls until there is an answer, and return it.

        Raises:
            ReplyError: the model's calls or its answer can't be used, even after all retries.
        """
        while True:
            over = len(self.steps) == self.settings.steps or not self._calls_left
            decided = yield from self._decided(self._request(over=over))
            if isinstance(decided, str):
                return decided
            step: list[Done] = []
            for call, thought, arguments in decided:
                result = yield ToolUse(call.name, arguments)
                step.append(Done(call, thought, result))
            self.steps.append(step)

    def _decided(self, request: Request) -> Acting[str | list[_RequestedCall]]:
        """Return the next calls or the answer; ask again with the reason if a reply can't be used."""
        refused_before = False
        for attempts_left in range(self.settings.retries, -1, -1):
            text = ""
            try:
                reply: Reply = yield request
                text = reply.text
                return self._requested_calls(reply) if reply.tool_calls and request.tools else self._answer(reply)
            except ReplyError as problem:
                if not attempts_left or (isinstance(problem, _NeedsNoTool) and refused_before):
                    raise
                refused_before = isinstance(problem, _NeedsNoTool)
                request = _corrected(request, text, problem)
        raise AssertionError  # the loop returns or raises

    def _answer(self, reply: Reply) -> str:
        answer = usable_text(reply).strip()
        if not self.steps:
            raise _NeedsNoTool("the model uses no tool, but the task needs them", kind=FailureKind.INVALID_REPLY)
        if answer.startswith(("{", "[")) and _CALL.search(answer):
            raise ReplyError("the answer is a tool call", kind=FailureKind.INVALID_REPLY, for_model="it is a tool call")
        self.checks.check_answer(self.question, answer, self.brief, may_be_number=True)
        return answer

    def _requested_calls(self, reply: Reply) -> list[_RequestedCall]:
        calls = reply.tool_calls
        if len(calls) > self._calls_left:
            if self.settings.strict:
                said = f"the reply makes {len(calls)} calls, but only {self._calls_left} more are allowed"
                raise ReplyError(said, kind=FailureKind.INVALID_REPLY)
            calls = calls[: self._calls_left]
        made = sum(map(len, self.steps))
        return [self._requested_call(call, reply.text, made + number) for number, call in enumerate(calls)]

    def _requested_call(self, call: ToolCall, text: str, number: int) -> _RequestedCall:
        tool = self.settings.tools.get(call.name)
        if tool is None:
            known = ", ".join(self.settings.tools)
            raise ReplyError(f"there is no tool {call.name}, only {known}", kind=FailureKind.INVALID_REPLY)
        thought, arguments = _apart(call.arguments)
        try:
            checked = arguments_of(tool, arguments)
        except ValueError as problem:
            raise ReplyError(str(problem), kind=FailureKind.INVALID_REPLY) from problem
        recorded = ToolCall(_call_id(self.brief, number), call.name, json.dumps(checked, ensure_ascii=False))
        return recorded, thought or _in_a_line(text), checked

    def _request(self, *, over: bool) -> Request:
        """Return the request for the next step.

        The hint that no calls are left is in the system prompt, since some providers refuse a user message after a
        tool result.
        """
        own = self.brief.advice, _ENOUGH if over else ""
        system = message_of("system", [self.settings.system_prompt], own)
        return Request(
            messages=(system, Message("user", self.question), *self._trace()),
            max_tokens=self.settings.max_tokens,
            tools=() if over else self.settings.offered,
            subject=Subject(path=self.brief.path, variation=self.brief.cycle, attempt=self.brief.attempt),
        )

    def _trace(self) -> Iterator[Message]:
        for step in self.steps:
            yield Message("assistant", "", tool_calls=tuple(done.call for done in step))
            for done in step:
                yield Message("tool", done.result.content, tool_call_id=done.call.id)


_RequestedCall = tuple[ToolCall, str, dict[str, Any]]


def _with_thought(tool: Tool) -> dict[str, Any]:
    """Return the definition that the model is offered, with the thought as first argument."""
    said = {"type": "string", "description": "Why this call is made, in a sentence or two."}
    schema = dict(tool.parameters)
    schema["properties"] = {THOUGHT: said, **schema.get("properties", {})}
    schema["required"] = [THOUGHT, *schema.get("required", ())]
    return replace(tool, parameters=schema).as_openai()


def _apart(arguments: str) -> tuple[str, str]:
    """Return the thought in the arguments of a call, and the arguments without it."""
    try:
        given = json.loads(arguments or "{}")
        thought = given.pop(THOUGHT, None)
        return _in_a_line(text_of(thought or "")), json.dumps(given, ensure_ascii=False)
    except (ValueError, AttributeError, TypeError, RecursionError):
        return "", arguments


def _in_a_line(text: str) -> str:
    return " ".join(text.split())


def _corrected(request: Request, text: str, problem: ReplyError) -> Request:
    wanted = "Go on with your tools, or answer." if request.tools else "Answer the user, in plain text."
    complaint = f"That could not be used: {problem.for_model}. {wanted}"
    refused = (Message("assistant", text or "(a call that could not be made)"), Message("user", complaint))
    return replace(request, messages=request.messages + refused, because=problem.kind, reason=str(problem))


def _call_id(brief: Brief, number: int) -> str:
    """Return an id of nine letters and digits, the same in every run."""
    digest = hashlib.sha256(json.dumps([brief.path, brief.cycle, number]).encode()).digest()
    value = int.from_bytes(digest[:8])
    letters = []
    for _ in range(_ID_LENGTH):
        value, place = divmod(value, len(_ID_LETTERS))
        letters.append(_ID_LETTERS[place])
    return "".join(letters)
