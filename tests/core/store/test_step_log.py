"""Work items of more than one call: what was answered is on disk before the next call, and is given again later."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.chat.messages import Message, Reply, Request, Spent, ToolCall, Usage
from deepfabric_core.chat.tools import ToolResult, ToolUse
from deepfabric_core.errors import ConfigError, FailureKind, ModelError, OutputError, ReplyError
from deepfabric_core.events import Event, ReplyRejected
from deepfabric_core.run.stages.recipe_runner import RecipeResult, StateLost, run_recipe
from deepfabric_core.store.append_log import AppendLog
from deepfabric_core.store.checkpoint_files import CheckpointFiles, Metadata
from deepfabric_core.store.step_log import StepKey, StepLog
from deepfabric_core.store.usage_totals import with_unsaved

KEY: StepKey = ("topic", 0)
READ = ToolUse("read_file", {"file_path": "a"})


def asked(text: str, because: FailureKind | None = None) -> Request:
    return Request((Message("user", text),), max_tokens=10, because=because)


def reply(text: str, **more: Any) -> Reply:
    return Reply(text, "m", usage=Usage(len(text), 1, 0.5), **more)


def script(*steps: Request | ToolUse) -> Generator[Request | ToolUse, Any, list[str]]:
    """A recipe that asks for the same whatever it is answered, and returns the answers."""
    told = []
    for step in steps:
        try:
            answer = yield step
        except ReplyError as problem:
            told.append(f"refused: {problem}")
            continue
        told.append(answer.content if isinstance(answer, ToolResult) else answer.text)
    return told


@dataclass
class Canned:
    """A model that gives replies in their order, or raises them, and dies where there are no more."""

    replies: Sequence[Reply | ModelError]
    requests: list[Request] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    name = "canned"

    async def complete(self, request: Request) -> Reply:
        self.before()
        self.requests.append(request)
        if len(self.requests) > len(self.replies):
            raise KeyboardInterrupt
        answer = self.replies[len(self.requests) - 1]
        if isinstance(answer, ModelError):
            raise answer
        return answer

    async def close(self) -> None:
        """There is nothing to end."""


@dataclass
class Tools:
    """Carries out calls, and remembers which were new and which were of an earlier process."""

    result: ToolResult | ModelError = field(default_factory=lambda: ToolResult("fine"))
    used: list[str] = field(default_factory=list)
    redone: list[str] = field(default_factory=list)

    async def use(self, tool_use: ToolUse) -> ToolResult:
        self.used.append(tool_use.name)
        return self._answer()

    async def redo(self, tool_use: ToolUse, known: ToolResult) -> ToolResult:
        assert known.content
        self.redone.append(tool_use.name)
        return self._answer()

    def _answer(self) -> ToolResult:
        if isinstance(self.result, ModelError):
            raise self.result
        return self.result


def driven(
    path: Path,
    steps: Sequence[Request | ToolUse],
    model: Canned,
    tools: Tools | None = None,
    *,
    config: Mapping[str, str] | None = None,
    emit: Callable[[Event], None] = lambda _: None,
) -> RecipeResult[list[str]]:
    """Work on one work item in a process of its own, as far as its file is concerned."""
    lines = AppendLog(path)
    try:
        log = StepLog(lines, config or {})
        return asyncio.run(run_recipe(script(*steps), model, emit, tools or Tools(), steps=log.of(KEY)))
    finally:
        lines.close()


def killed(path: Path, steps: Sequence[Request | ToolUse], *replies: Reply | ModelError, **more: Any) -> Canned:
    """The same, ended with the call after these replies."""
    model = Canned(replies)
    with pytest.raises(KeyboardInterrupt):
        driven(path, steps, model, **more)
    return model


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


FOUR = (asked("task"), asked("one"), READ, asked("two"), READ, asked("three"))


# ---- going on


def test_a_conversation_killed_in_its_third_step_asks_only_for_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    killed(path, FOUR, reply("a"), reply("bb"), reply("ccc"))
    model, tools = Canned([reply("dddd")]), Tools(ToolResult("changed meanwhile"))
    done = driven(path, FOUR, model, tools)
    assert done.value == ["a", "bb", "fine", "ccc", "fine", "dddd"], "what was recorded is what the conversation says"
    assert [request.messages[0].content for request in model.requests] == ["three"]
    assert (tools.redone, tools.used) == (["read_file"] * 2, [])
    assert (done.attempts, done.usage) == (4, Usage(10, 4, 2.0))
    assert done.rest == Spent(1, Usage(4, 1, 0.5))


def test_a_step_is_on_disk_before_the_next_call_is_made(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    seen: list[int] = []
    model = Canned([reply("a"), reply("b"), reply("c"), reply("d")], before=lambda: seen.append(len(written(path))))
    driven(path, FOUR, model)
    assert seen == [0, 1, 3, 5]
    assert len(written(path)) == 5, "what finishes the work item is no step"


def test_a_single_call_writes_nothing_and_has_nothing_on_file(tmp_path: Path) -> None:
    done = driven(tmp_path / "s.jsonl", [asked("task")], Canned([reply("a")]))
    assert (tmp_path / "s.jsonl").read_bytes() == b""
    assert done.rest is None


def test_a_call_of_a_tool_that_was_in_flight_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"

    class Dying(Tools):
        async def use(self, tool_use: ToolUse) -> ToolResult:  # noqa: ARG002
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        driven(path, FOUR, Canned([reply("a"), reply("b")]), Dying())
    tools = Tools()
    assert driven(path, FOUR, Canned([reply("c"), reply("d")]), tools).value[2:] == ["fine", "c", "fine", "d"]
    assert (tools.redone, len(tools.used)) == ([], 2)


def test_calls_that_go_on_are_made_even_after_a_stop_and_refusals_are_told_once(tmp_path: Path) -> None:
    path, events = tmp_path / "s.jsonl", list[Event]()
    steps = (asked("task"), asked("again", FailureKind.INVALID_JSON), asked("last", FailureKind.INVALID_JSON))
    killed(path, steps, reply("a"), reply("b"))
    model = Canned([reply("c")])
    driven(path, steps, model, emit=events.append)
    assert model.requests[0].continues
    assert events == [ReplyRejected((), FailureKind.INVALID_JSON)]


def test_a_reply_refused_before_the_recipe_saw_it_is_not_asked_for_again(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    refused = ReplyError("neither a call nor an answer", kind=FailureKind.INVALID_JSON)
    refused.reply = reply("what?")
    steps = asked("task"), asked("corrected")
    killed(path, steps, refused)
    model = Canned([reply("a")])
    done = driven(path, steps, model)
    assert done.value == ["refused: neither a call nor an answer", "a"]
    assert len(model.requests) == 1
    assert (done.attempts, done.usage) == (2, Usage(6, 2, 1.0))


def test_a_line_of_before_there_was_a_demo_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    lines = AppendLog(path)
    StepLog(lines).of(KEY).add(asked("task"), reply("a"))
    lines.close()
    older = path.read_text(encoding="utf-8").replace(', "demonstration": false', "")
    assert "demonstration" not in older
    path.write_text(older, encoding="utf-8")
    lines = AppendLog(path)
    assert StepLog(lines).of(KEY).recall(asked("task")) == reply("a")
    lines.close()


def test_everything_of_an_answer_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    call = ToolCall("id", "read_file", '{"file_path": "\\ud83e ü"}')
    odd = reply("ü\u2028\ud800", finish_reason="length", tool_calls=(call,), simulated=True, demonstration=True)
    lines = AppendLog(path)
    steps = StepLog(lines).of(KEY, {"earlier": ["ü"]})
    result = ToolResult("\ud800", "IOError", "session")
    for step, answer in ((asked("task"), odd), (READ, result)):
        steps.add(step, answer)
    again = StepLog(lines).of(KEY, {"earlier": ["another"]})
    assert again.given == {"earlier": ["ü"]}
    assert again.recall(asked("task")) == odd
    found = again.recall(READ)
    assert isinstance(found, ToolResult) and (found, found.session) == (result, "session")
    lines.close()


# ---- what isn't given again


@pytest.mark.parametrize(
    "other",
    [
        (asked("other"), *FOUR[1:]),
        (replace(asked("task"), max_tokens=11), *FOUR[1:]),
        (replace(asked("task"), tools=({"function": {"name": "new"}},)), *FOUR[1:]),
    ],
)
def test_another_request_begins_anew_and_supersedes_what_was_known(
    tmp_path: Path, other: Sequence[Request | ToolUse]
) -> None:
    path = tmp_path / "s.jsonl"
    killed(path, FOUR, reply("a"), reply("b"), reply("c"))
    assert len(killed(path, other, reply("x")).requests) == 2
    model = Canned([reply("y"), reply("z"), reply("end")])
    assert driven(path, other, model).value == ["x", "y", "fine", "z", "fine", "end"]
    assert len(model.requests) == 3


def test_what_was_asked_before_a_difference_is_not_paid_again(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    killed(path, FOUR, reply("a"), reply("b"), reply("c"))
    other = (*FOUR[:2], ToolUse("read_file", {"file_path": "b"}), *FOUR[3:])
    tools = Tools(ToolResult("other"))
    assert driven(path, other, Canned([reply("y"), reply("z")]), tools).value == ["a", "b", "other", "y", "other", "z"]
    assert tools.redone == []


def test_another_config_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    killed(path, FOUR, reply("a"), reply("b"), config={"generation.llm.model": "small"})
    model = killed(path, FOUR, reply("x"), config={"generation.llm.model": "large"})
    assert model.requests[0].messages[0].content == "task"
    model = killed(path, FOUR, config={"generation.llm.model": "large"})
    assert model.requests[0].messages[0].content == "one"


def test_a_failure_keeps_its_last_reply_and_begins_anew_when_it_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"

    def failing() -> Generator[Request, Reply, str]:
        yield asked("task")
        yield asked("again")
        raise ReplyError("useless", kind=FailureKind.INVALID_REPLY)

    def attempt(*replies: Reply) -> Canned:
        model, steps = Canned(replies), StepLog(lines).of(KEY)
        with pytest.raises(ReplyError, match="useless"):
            asyncio.run(run_recipe(failing(), model, lambda _: None, steps=steps))
        return model

    lines = AppendLog(path)
    attempt(reply("a"), reply("b"))
    assert [line["reply"]["text"] for line in written(path)] == ["a", "b"]
    assert attempt().requests == [], "killed before the failure was listed, it fails again at no cost"
    StepLog(lines).of(KEY).over()
    assert len(attempt(reply("c"), reply("d")).requests) == 2
    lines.close()


def test_only_what_is_wanted_is_held_in_memory_and_only_once(tmp_path: Path) -> None:
    lines = AppendLog(tmp_path / "s.jsonl")
    for number in range(5):
        StepLog(lines).of(("topic", number)).add(asked("task"), reply("a"))
    log = StepLog(lines, None, lambda key: key == ("topic", 3))
    assert [log.of(("topic", number)).recall(asked("task")) for number in range(5)].count(None) == 4
    assert log.of(("topic", 3)).recall(asked("task")) is None
    lines.close()


# ---- tools


def test_a_tool_that_fails_when_its_call_is_repeated_loses_the_state(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    killed(path, FOUR, reply("a"), reply("b"), reply("c"))
    gone = ModelError("the server is gone", kind=FailureKind.TOOL)
    for result in (gone, ToolResult("FileNotFound: a", "FileNotFound")):
        with pytest.raises(StateLost):
            driven(path, FOUR, Canned([]), Tools(result))


def test_after_the_state_was_lost_everything_is_asked_anew(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    killed(path, FOUR, reply("a"), reply("b"), reply("c"))
    lines = AppendLog(path)
    steps = StepLog(lines).of(KEY)
    assert steps.recall(FOUR[0])
    steps.begin_anew()
    model, tools = Canned([reply(text) for text in "wxyz"]), Tools()
    done = asyncio.run(run_recipe(script(*FOUR), model, lambda _: None, tools, steps=steps))
    assert (done.attempts, len(model.requests), tools.redone) == (4, 4, [])
    assert done.rest == Spent(1, Usage(1, 1, 0.5))
    assert StepLog(lines).of(KEY).recall(FOUR[0]) == reply("w")
    lines.close()


# ---- the file


@pytest.mark.parametrize(
    "damage",
    [
        b"{",
        b"{}",
        b'{"key": 5}',
        b'{"key": [["a"]], "step": 0, "asked": ""}',
        b'{"key": ["a", 0], "step": "x", "asked": ""}',
        b'{"key": ["a", 0], "step": 0, "asked": ""}',
        b'{"key": ["a", 0], "step": 0, "asked": "", "reply": {"text": "a"}}',
        b'{"key": ["a", 0], "step": 0, "asked": "", "result": {"text": "a"}}',
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "s.jsonl"
    killed(path, FOUR, reply("a"))
    path.write_bytes(path.read_bytes() + damage + b"\n" + path.read_bytes())
    lines = AppendLog(path)
    with pytest.raises(ConfigError, match=r"s\.jsonl, line 2: it is damaged"):
        StepLog(lines)
    lines.close()


def test_after_a_line_was_removed_what_stood_before_it_is_known(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    killed(path, FOUR, reply("a"), reply("b"), reply("c"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1] + lines[2:]))
    model = killed(path, FOUR)
    assert model.requests[0].messages[0].content == "one"


def test_a_disk_that_is_gone_is_said(tmp_path: Path) -> None:
    lines = AppendLog(tmp_path / "s.jsonl")
    steps = StepLog(lines).of(KEY)
    lines.close()
    with pytest.raises(OutputError, match=r"s\.jsonl can't be written: bad file descriptor; what it holds is safe\."):
        steps.add(asked("task"), reply("a"))


# ---- laws

ANSWERS = st.lists(st.tuples(st.booleans(), st.text(max_size=5)), min_size=1, max_size=8)


@given(ANSWERS, st.data())
def test_killed_anywhere_and_cut_anywhere_the_outcome_is_the_same_and_each_call_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory, answers: list[tuple[bool, str]], data: st.DataObject
) -> None:
    """Whatever the totals said when they were saved last, they and the lines after that say what was paid."""
    place = CheckpointFiles(tmp_path_factory.mktemp("steps"), "d")
    answers = [(False, "task"), *answers, (False, "end")]
    steps = [ToolUse("tool", {"n": n}) if tool else asked(str(n)) for n, (tool, _) in enumerate(answers)]
    replies = [reply(text) for tool, text in answers if not tool]
    saved, paid = Metadata(), Usage()
    for _ in range(3):
        calls = data.draw(st.integers(0, len(replies) - 1))
        known = sum(1 for line in whole_of(place.steps) if "reply" in line)
        model = Canned(replies[known:][:calls] if known + calls < len(replies) else [])
        with pytest.raises(KeyboardInterrupt):
            driven(place.steps, steps, model, Tools())
        paid = sum((one.usage for one in model.replies if isinstance(one, Reply)), paid)
        assert spent(with_unsaved(saved, place)) == paid
        if data.draw(st.booleans()):
            saved = with_unsaved(saved, place)
        end = place.steps.stat().st_size
        lost = data.draw(st.integers(saved.steps_bytes, end))
        os.truncate(place.steps, lost)
        paid = spent(with_unsaved(saved, place))  # what was torn off isn't known any more
    rest = replies[sum(1 for line in whole_of(place.steps) if "reply" in line) :]
    done = driven(place.steps, steps, Canned(rest), Tools(ToolResult("fine")))
    assert done.value == ["fine" if tool else text for tool, text in answers]
    assert done.usage == sum((one.usage for one in replies), Usage())
    assert done.attempts == len(replies)
    place.samples.write_text(json.dumps({"attempts": 9, "rest": done.rest and done.rest.as_object()}) + "\n")
    if done.rest:
        assert spent(with_unsaved(saved, place)).prompt_tokens == (
            paid.prompt_tokens + sum(one.usage.prompt_tokens for one in rest)
        )


def spent(known: Metadata) -> Usage:
    return Usage(known.prompt_tokens, known.completion_tokens, known.cost)


def whole_of(path: Path) -> list[dict[str, Any]]:
    """What a resumed run reads."""
    lines = AppendLog(path)
    try:
        return [line.content for line in lines.read()]
    finally:
        lines.close()
