"""The step log: each reply and tool result of work items that take several calls, so that no call is paid twice.

A line is one step of a work item, written before the next step begins::

    {"key": [...], "step": 0, "asked": <digest>, "attempts": 1, "usage": {...}, "reply": {...}, "given": {...}}
    {"key": [...], "step": 1, "asked": <digest>, "result": {...}}
    {"key": [...], "over": true}

A step replaces earlier lines with the same or a higher number. One that asks again since a reply couldn't be used has
"repair": true. "over" says that the work item failed: it starts from
the beginning if it is tried again. The end of a successful work item has no line, since its sample or subtopics are
written at that moment.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deepfabric_core.chat.messages import Reply, Request, ToolCall, Usage
from deepfabric_core.chat.tools import ToolResult, ToolUse
from deepfabric_core.errors import FailureKind, OutputError, ReplyError
from deepfabric_core.store.append_log import AppendLog
from deepfabric_core.store.files import reason

StepKey = tuple[str | int, ...]
Step = Request | ToolUse

# A reply that was refused before it reached the recipe is recorded as the error that the recipe received.
Answer = Reply | ToolResult | ReplyError

_DIGITS = 16


@dataclass(slots=True)
class _KnownStep:
    """A work item in the file: what it was given, and its steps, each with the digest of its request or tool call."""

    given: Mapping[str, Any]
    steps: list[tuple[str, Answer]] = field(default_factory=list)


class StepLog:
    """The steps of a stage's work items, in a file; without a file nothing is kept.

    It reads the steps of `wanted` work items, which must be the unfinished ones. A step is answered from the log if the
    same was asked with the same `config`, the part of a config that decides the data. What `hide` removes from a line
    is never written; if a later step quotes it, that step is asked again. `keeps_last` says that the last reply is kept
    as well, for callers that wait for something else before its sample is on disk.

    Raises:
        ConfigError: a line is damaged; the message has its number.
    """

    def __init__(
        self,
        lines: AppendLog | None = None,
        config: Mapping[str, str] | None = None,
        wanted: Callable[[StepKey], bool] = lambda _: True,
        hide: Callable[[str], str] = str,
    ) -> None:
        self.keeps_last = False
        self._lines = lines
        self._hide = hide
        self._config = json.dumps(config or {}, sort_keys=True)
        self._known: dict[StepKey, _KnownStep] = {}
        for line in lines.read() if lines else ():
            try:
                self._take_in(line.content, wanted)
            except (KeyError, TypeError, ValueError) as problem:
                raise lines.damage(line.number) from problem  # type: ignore[union-attr]

    def _take_in(self, line: Mapping[str, Any], wanted: Callable[[StepKey], bool]) -> None:
        key: StepKey = tuple(line["key"])
        if "over" in line:
            self._known.pop(key, None)
            return
        number, asked = int(line["step"]), str(line["asked"])
        if not wanted(key):
            return
        if number == 0:
            self._known[key] = _KnownStep(dict(line.get("given", {})))
        known = self._known.get(key)
        if known is not None and number <= len(known.steps):  # otherwise an earlier line was removed
            known.steps[number:] = [(asked, _answer(line))]

    def of(self, key: StepKey, given: Mapping[str, Any] | None = None) -> Steps:
        """Return the steps of a work item; if an earlier run began it, with what was `given` then."""
        known = self._known.pop(key, None)
        return Steps(self, key, known or _KnownStep(given or {}))

    @property
    def keeps(self) -> bool:
        """Whether there is a file."""
        return self._lines is not None

    def digest(self, step: Step) -> str:
        """Return a short digest of what is asked and of the config."""
        text = json.dumps([self._config, _content(step)], sort_keys=True, default=dict)
        return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]

    def append(self, key: StepKey, line: Mapping[str, Any]) -> None:
        """Append a line about a work item.

        Raises:
            OutputError: the disk is full or gone.
        """
        if self._lines is None:
            return
        text = self._hide(json.dumps({"key": key, **line}, ensure_ascii=False))
        try:
            self._lines.append(text.encode("utf-8", "backslashreplace") + b"\n")
        except OSError as problem:
            raise OutputError(
                f"{self._lines.path} can't be written: {reason(problem)}; what it holds is safe."
            ) from problem


class Steps:
    """The steps of one work item: the answers that an earlier run got, in their order, and new ones.

    `on_file` counts the calls whose replies are in the file.
    """

    def __init__(self, log: StepLog, key: StepKey, known: _KnownStep) -> None:
        self.given = known.given
        self.on_file = 0
        self._log = log
        self._key = key
        self._known = deque(known.steps)
        self._begun = bool(known.steps)
        self._number = 0

    @property
    def keeps_last(self) -> bool:
        """Whether the last reply is kept, too."""
        return self._log.keeps_last

    def recall(self, step: Step) -> Answer | None:
        """Return the answer that an earlier run got to this step; None from the first step that differs or is new."""
        if not self._known:
            return None
        asked, answer = self._known[0]
        if asked != self._log.digest(step):
            self._known.clear()
            return None
        self._known.popleft()
        self._number += 1
        self.on_file += _calls(answer)
        return answer

    def add(self, step: Step, answer: Answer) -> None:
        """Write the answer to a step.

        Raises:
            OutputError: the disk is full or gone.
        """
        if not self._log.keeps:
            return
        line = {"step": self._number, "asked": self._log.digest(step), **_as_line(answer)}
        if is_repair(step):
            line["repair"] = True
        if self._number == 0 and self.given:
            line["given"] = self.given
        self._log.append(self._key, line)
        self._begun = True
        self._number += 1
        self.on_file += _calls(answer)

    def begin_anew(self) -> None:
        """Discard the answers of an earlier run; new steps replace them."""
        self._known.clear()
        self._number = self.on_file = 0

    def over(self) -> None:
        """Record that the work item failed: if it is tried again, it starts from the beginning.

        Raises:
            OutputError: the disk is full or gone.
        """
        if self._begun:
            self._log.append(self._key, {"over": True})


def is_repair(step: Step) -> bool:
    """Return whether a step asks again, since a reply couldn't be used."""
    return isinstance(step, Request) and step.because is not None


def _content(step: Step) -> Iterable[Any]:
    """Return the part of a step that is sent to a model or a tool."""
    if isinstance(step, ToolUse):
        return [step.name, step.arguments]
    messages = [
        [one.role, one.content, [[call.id, call.name, call.arguments] for call in one.tool_calls], one.tool_call_id]
        for one in step.messages
    ]
    schema = step.schema and [step.schema.name, step.schema.schema, step.schema.strict]
    return [messages, step.max_tokens, schema, step.tools]


def _calls(answer: Answer) -> int:
    """Return how many calls to a model an answer took."""
    reply = answer.reply if isinstance(answer, ReplyError) else answer
    return reply.calls if isinstance(reply, Reply) else 0


def _as_line(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, ToolResult):
        parts = {"content": answer.content, "error": answer.error, "session": answer.session}
        return {"result": {name: part for name, part in parts.items() if part}}
    if isinstance(answer, ReplyError):
        said = {"refused": {"kind": answer.kind.value, "error": str(answer)}}
        return said | (_as_line(answer.reply) if isinstance(answer.reply, Reply) else {})
    calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in answer.tool_calls]
    reply = {"text": answer.text, "model": answer.model, "finish_reason": answer.finish_reason}
    more = {"tool_calls": calls, "simulated": answer.simulated, "demonstration": answer.demonstration}
    return {"attempts": answer.calls, "usage": answer.usage.as_object(), "reply": reply | more}


def _answer(line: Mapping[str, Any]) -> Answer:
    if "result" in line:
        return ToolResult(**{"content": "", **line["result"]})
    calls = tuple(ToolCall(**call) for call in line["reply"]["tool_calls"])
    reply = Reply(**{**line["reply"], "tool_calls": calls}, usage=Usage.of(line), calls=int(line.get("attempts", 1)))
    if "refused" not in line:
        return reply
    refused = ReplyError(line["refused"]["error"], kind=FailureKind(line["refused"]["kind"]))
    refused.reply = reply
    return refused
