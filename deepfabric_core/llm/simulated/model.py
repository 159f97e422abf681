"""The simulated model: the same request always gets the same text, and failures can be simulated."""

from __future__ import annotations

import asyncio
import hashlib
import json
from random import Random
from typing import Any

from deepfabric_core.chat.messages import Reply, Request, Subject, ToolCall, Usage
from deepfabric_core.config.llm import Llm
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.simulated import judge
from deepfabric_core.llm.simulated.agent import next_call
from deepfabric_core.llm.simulated.prose import Writer
from deepfabric_core.llm.simulated.values import Builder

_CHARACTERS_PER_TOKEN = 4
_RETRY_AFTER = 0.05
_LINKED_SHARE = 0.25


class SimulatedModel:
    """Answers from the request's schema and subject; neither timing nor the order of calls changes the text."""

    def __init__(self, settings: Llm) -> None:
        self._settings = settings
        self._faults = _random(settings, "faults")

    @property
    def name(self) -> str:
        """The name of the model in messages."""
        return f"simulated/{self._settings.model}"

    async def complete(self, request: Request) -> Reply:
        """Answer one request after the configured latency.

        Raises:
            ModelError: this call was drawn to fail.
        """
        simulated = self._settings.simulated
        draw = self._faults.random()
        if simulated.latency:
            await asyncio.sleep(simulated.latency)
        if (draw := draw - simulated.rate_limited) < 0:
            kind = FailureKind.RATE_LIMITED
            raise ModelError(f"{self.name} is rate limited", kind=kind, status=429, retry_after=_RETRY_AFTER)
        if (draw := draw - simulated.server_errors) < 0:
            raise ModelError(f"{self.name} had a server error", kind=FailureKind.SERVER_ERROR, status=500)
        calls = self._calls(request)
        text = "" if calls else self._answer(request)
        if draw < simulated.malformed:
            text = text[: len(text) // 2]
        usage = estimated_usage(request, text)
        reason = "tool_calls" if calls else "stop"
        return Reply(text, self._settings.model, reason, usage, tool_calls=calls, simulated=True)

    async def close(self) -> None:
        """Do nothing: no connection is open."""

    def _calls(self, request: Request) -> tuple[ToolCall, ...]:
        """Return the next tool call of an agent, or none if it is done."""
        if not request.tools:
            return ()
        subject = request.subject
        path = subject.path or _path_in(request)
        return next_call(
            request, Writer(_random(self._settings, path, subject.variation, "agent", *_again(subject)), path)
        )

    def _answer(self, request: Request) -> str:
        """Return what the request asks for. `taken` isn't part of the seed, since it may depend on timing."""
        subject, schema = request.subject, request.schema
        path = subject.path or _path_in(request)
        name = schema.name if schema else ""
        if name in judge.SCHEMAS:
            writer = Writer(_random(self._settings, name, judge.sample_judged(request)), path)
            return json.dumps(judge.answer_of_judge(request, writer), ensure_ascii=False)
        seed = (path, subject.variation, subject.wanted, name, len(request.messages), *_again(subject))
        writer = Writer(_random(self._settings, *seed), path)
        if schema is None:
            return writer.answer()
        if name not in ("subtopics", "linkedsubtopics"):
            return json.dumps(Builder(schema.schema, writer).build(schema.schema), ensure_ascii=False)
        answer: list[Any] = writer.subtopics(subject.wanted, (*path, *subject.taken))
        if name == "linkedsubtopics":
            answer = [{"topic": one, "also_under": [1] if writer.chance(_LINKED_SHARE) else []} for one in answer]
        return json.dumps({"subtopics": answer}, ensure_ascii=False)


def estimated_usage(request: Request, text: str) -> Usage:
    """Return the tokens of a request and its answer, estimated by their characters; they cost nothing."""
    return Usage(_size(request) // _CHARACTERS_PER_TOKEN, len(text) // _CHARACTERS_PER_TOKEN, cost=0.0)


def _size(request: Request) -> int:
    """Return the characters of the prompt without the list of taken names, which may depend on timing."""
    listed = sum(len(f"\n- {one}") for one in request.subject.taken)
    return max(0, sum(len(message.content) for message in request.messages) - listed)


def _random(settings: Llm, *seed: object) -> Random:
    text = repr((settings.seed, settings.model, *seed))
    return Random(hashlib.sha256(text.encode()).digest())


def _again(subject: Subject) -> tuple[int, ...]:
    """Return what makes the sample another one than those before it for the same place."""
    return (subject.attempt,) if subject.attempt else ()


def _path_in(request: Request) -> tuple[str, ...]:
    """Return the topic path in the last user message, or else its first line."""
    asked = next((message.content for message in reversed(request.messages) if message.role == "user"), "")
    lines = asked.strip().splitlines() or [""]
    for line in lines:
        if line.startswith("Topic path") and ":" in line:
            return tuple(line.split(":", 1)[1].strip().split(" > "))
    return (lines[0],)
