"""What was answered on the way to samples and topics that take more than one call, a line each and at once.

A line is a step of a work item, before its next one is asked for::

    {"key": [...], "step": 0, "asked": <digest>, "attempts": 1, "usage": {...}, "reply": {...}, "given": {...}}
    {"key": [...], "step": 1, "asked": <digest>, "result": {...}}
    {"key": [...], "over": true}

A step supersedes those of the same number and after it. "over" says that the work item failed: it begins anew if it is
tried again. What finishes a work item is no line here, since its sample or its subtopics are on disk at that moment.
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

# A reply that whoever reads it for the recipe refused is the error that the recipe is told.
Answer = Reply | ToolResult | ReplyError

_DIGITS = 16


@dataclass(slots=True)
class _KnownStep:
    """What the file says of a work item: what it was given, and its steps, each with the digest of what was asked."""

    given: Mapping[str, Any]
    steps: list[tuple[str, Answer]] = field(default_factory=list)


class StepLog:
    """The steps of a stage's work items, in a file or, without one, forgotten.

    It reads those of `wanted` work items, which must be the unfinished ones. A step is answered from it where the same
    was asked by the same `config`, which is what of a config decides the data. What `hide` takes out of a line is never
    written; where a later step quotes it, that step is asked again.

    Raises:
        ConfigError: a line is damaged; its number is named.
    """

    def __init__(
        self,
        lines: AppendLog | None = None,
        config: Mapping[str, str] | None = None,
        wanted: Callable[[StepKey], bool] = lambda _: True,
        hide: Callable[[str], str] = str,
    ) -> None:
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
        if known is not None and number <= len(known.steps):  # else somebody removed a line before it
            known.steps[number:] = [(asked, _answer(line))]

    def of(self, key: StepKey, given: Mapping[str, Any] | None = None) -> Steps:
        """The steps of a work item; where an earlier run began it, with what was `given` then."""
        known = self._known.pop(key, None)
        return Steps(self, key, known or _KnownStep(given or {}))

    @property
    def keeps(self) -> bool:
        """Whether there is a file."""
        return self._lines is not None

    def digest(self, step: Step) -> str:
        """What is asked, and by which config, in a few digits."""
        text = json.dumps([self._config, _content(step)], sort_keys=True, default=dict)
        return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]

    def append(self, key: StepKey, line: Mapping[str, Any]) -> None:
        """Add a line about a work item.

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
    """One work item's steps: the answers an earlier run got, given again in their order, and those that are new.

    `on_file` counts the replies whose lines are in the file.
    """

    def __init__(self, log: StepLog, key: StepKey, known: _KnownStep) -> None:
        self.given = known.given
        self.on_file = 0
        self._log = log
        self._key = key
        self._known = deque(known.steps)
        self._begun = bool(known.steps)
        self._number = 0

    def recall(self, step: Step) -> Answer | None:
        """What an earlier run was answered to this step; None as soon as it took another one, or none."""
        if not self._known:
            return None
        asked, answer = self._known[0]
        if asked != self._log.digest(step):
            self._known.clear()
            return None
        self._known.popleft()
        self._number += 1
        self.on_file += not isinstance(answer, ToolResult)
        return answer

    def add(self, step: Step, answer: Answer) -> None:
        """Keep what was answered to a step.

        Raises:
            OutputError: the disk is full or gone.
        """
        if not self._log.keeps:
            return
        line = {"step": self._number, "asked": self._log.digest(step), **_as_line(answer)}
        if self._number == 0 and self.given:
            line["given"] = self.given
        self._log.append(self._key, line)
        self._begun = True
        self._number += 1
        self.on_file += not isinstance(answer, ToolResult)

    def begin_anew(self) -> None:
        """Forget what an earlier run was answered; what comes now supersedes it."""
        self._known.clear()
        self._number = self.on_file = 0

    def over(self) -> None:
        """The work item failed: if it is tried again, it begins anew.

        Raises:
            OutputError: the disk is full or gone.
        """
        if self._begun:
            self._log.append(self._key, {"over": True})


def _content(step: Step) -> Iterable[Any]:
    """What of a step reaches a model or a tool."""
    if isinstance(step, ToolUse):
        return [step.name, step.arguments]
    messages = [
        [one.role, one.content, [[call.id, call.name, call.arguments] for call in one.tool_calls], one.tool_call_id]
        for one in step.messages
    ]
    schema = step.schema and [step.schema.name, step.schema.schema, step.schema.strict]
    return [messages, step.max_tokens, schema, step.tools]


def _as_line(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, ToolResult):
        parts = {"content": answer.content, "error": answer.error, "session": answer.session}
        return {"result": {name: part for name, part in parts.items() if part}}
    if isinstance(answer, ReplyError):
        said = {"refused": {"kind": answer.kind.value, "error": str(answer)}}
        return said | (_as_line(answer.reply) if isinstance(answer.reply, Reply) else {})
    calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in answer.tool_calls]
    reply = {"text": answer.text, "model": answer.model, "finish_reason": answer.finish_reason}
    more = {"tool_calls": calls, "simulated": answer.simulated}
    return {"attempts": 1, "usage": answer.usage.as_object(), "reply": reply | more}


def _answer(line: Mapping[str, Any]) -> Answer:
    if "result" in line:
        return ToolResult(**{"content": "", **line["result"]})
    calls = tuple(ToolCall(**call) for call in line["reply"]["tool_calls"])
    reply = Reply(**{**line["reply"], "tool_calls": calls}, usage=Usage.of(line))
    if "refused" not in line:
        return reply
    refused = ReplyError(line["refused"]["error"], kind=FailureKind(line["refused"]["kind"]))
    refused.reply = reply
    return refused
