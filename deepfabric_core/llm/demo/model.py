"""The demo's model: samples written by hand where it knows the subject, and the simulated model's texts elsewhere."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from deepfabric_core.chat.messages import Reply, Request, ToolCall
from deepfabric_core.chat.tools import text_of
from deepfabric_core.config.llm import Llm, Simulated
from deepfabric_core.events import Emit, Notice
from deepfabric_core.llm.demo.dataset import DemoDataset, DemoSample, dataset_about, datasets
from deepfabric_core.llm.demo.nearest import place_of, subtopics_of
from deepfabric_core.llm.simulated.judge import SCHEMAS as SCHEMAS_OF_JUDGES
from deepfabric_core.llm.simulated.model import SimulatedModel, estimated_usage
from deepfabric_core.quality.judge.sample_text import texts_between_tags
from deepfabric_core.quality.judge.scoring import SCHEMA_NAME as VERDICT
from deepfabric_core.quality.judge.scoring import bounds_of

_SUBTOPICS = ("subtopics", "linkedsubtopics")
# What a sample is made of, by the name of the reply's schema.
_CHATS = {"exchange": ("question", "answer"), "reasonedexchange": ("question", "reasoning", "answer")}
_TASK = "task"
_OTHER_TOOLS = "The demo's agent knows only the tools of deepfabric init --kind on-call: work with others is made up."

# The shortest and the longest call, as shares of the latency.
_QUICKEST, _SLOWEST = 0.6, 1.4
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the demo answers: a text or the calls of tools. It is `made_up` where the simulated model helped."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    made_up: bool = False


class DemoModel:
    """Answers from the demo's datasets; neither timing nor the order of calls changes the answers.

    What the datasets don't have is asked of the simulated model, and a notice says so, each kind of it once.
    """

    def __init__(self, settings: Llm, emit: Emit) -> None:
        self._settings = settings
        self._emit = emit
        self._simulated = SimulatedModel(settings.model_copy(update={"simulated": Simulated()}))
        self._said: set[str] = set()

    @property
    def name(self) -> str:
        """The name of the model in messages."""
        return self._settings.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request after the configured latency."""
        if latency := self._settings.demo.latency:
            await asyncio.sleep(latency * _share_of_latency(request))
        answer = await self._answer(request)
        if answer is None:
            return replace(await self._simulated.complete(request), model=self.name)
        said = answer.text or "".join(call.arguments for call in answer.calls)
        return Reply(
            answer.text,
            self.name,
            "tool_calls" if answer.calls else "stop",
            estimated_usage(request, said),
            tool_calls=answer.calls,
            simulated=answer.made_up,
            demonstration=not answer.made_up,
        )

    async def close(self) -> None:
        """Do nothing: no connection is open."""

    async def _answer(self, request: Request) -> _Answer | None:
        """Return the demo's answer, or None if it has none. What it gave isn't given again after a refusal."""
        path = request.subject.path
        if not path or request.because is not None:
            return None
        dataset = dataset_about(path[0])
        if dataset is None:
            self._say(_unknown(path[0]))
            return None
        name = request.schema.name if request.schema else ""
        if name in SCHEMAS_OF_JUDGES:
            return self._verdict(dataset, request)
        if name in _SUBTOPICS:
            return await self._subtopics(dataset, request, linked=name == _SUBTOPICS[1])
        if name == _TASK or name in _CHATS:
            return self._sample(dataset, request, name)
        if name:
            self._say("The demo has no records of a schema of your own: they are made up.")
            return None
        return self._step(dataset, request)

    def _verdict(self, dataset: DemoDataset, request: Request) -> _Answer | None:
        """Return the best scores for a sample of the demo."""
        schema, parts = request.schema, dict(texts_between_tags(request.messages[-1].content))
        if schema is None or schema.name != VERDICT or parts.get("question") not in dataset.by_question:
            self._say("The demo judges its own samples alone: other scores are made up.")
            return None
        best = {"reason": "It is one of the demo's samples, which were written by hand.", "score": bounds_of(schema)[1]}
        return _Answer(json.dumps(dict.fromkeys(schema.schema["properties"], best)))

    async def _subtopics(self, dataset: DemoDataset, request: Request, *, linked: bool) -> _Answer | None:
        """Return as many subtopics as are wanted; the simulated model adds those that the demo hasn't."""
        subject = request.subject
        names = subtopics_of(dataset, subject.path, subject.taken)[: subject.wanted]
        if missing := subject.wanted - len(names):
            self._say(f"The demo has no more topics on {dataset.known_as} than these: the others are made up.")
            if not names:
                return None
            rest = replace(subject, wanted=missing, taken=(*subject.taken, *names))
            more = await self._simulated.complete(replace(request, subject=rest, tools=()))
            names += _names_in(more.text)
        found: list[Any] = [{"topic": name, "also_under": []} for name in names] if linked else names
        return _Answer(json.dumps({"subtopics": found}, ensure_ascii=False), made_up=bool(missing))

    def _sample(self, dataset: DemoDataset, request: Request, name: str) -> _Answer | None:
        """Return the sample for a path, or an agent's task."""
        if lack := _lack(dataset, request, name):
            self._say(lack)
            return None
        place, number = place_of(dataset, request.subject.path), request.subject.variation
        if place is None:
            self._say(f"The demo has nothing on some of these topics of {dataset.known_as}: their texts are made up.")
            return None
        if number >= len(place.samples):
            self._say(_used_up(dataset))
            return None
        keys = _CHATS.get(name, ("question",))
        return _Answer(json.dumps({key: getattr(place.samples[number], key) for key in keys}, ensure_ascii=False))

    def _step(self, dataset: DemoDataset, request: Request) -> _Answer | None:
        """Return the agent's next tool call or its answer, if its task is one of the demo's and all went as there."""
        sample = dataset.by_question.get(next((one.content for one in request.messages if one.role == "user"), ""))
        if sample is None:
            return None
        step = _step_of(sample, request)
        if step is None:
            self._say(_OTHER_TOOLS)
        return step

    def _say(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self._emit(Notice(message))


def _step_of(sample: DemoSample, request: Request) -> _Answer | None:
    """Return the next tool call of a sample or its answer; None if the tools are others, or answered otherwise."""
    results = [message.content for message in request.messages if message.role == "tool"]
    if results != [text_of(step.result) for step in sample.steps[: len(results)]]:
        return None
    if len(results) == len(sample.steps):
        return _Answer(sample.answer)
    step = sample.steps[len(results)]
    if step.tool not in {tool["function"]["name"] for tool in request.tools}:
        return None
    arguments = json.dumps({"_thought": step.thought, **step.arguments}, ensure_ascii=False)
    return _Answer(calls=(ToolCall(f"call_{len(results)}", step.tool, arguments),))


def _lack(dataset: DemoDataset, request: Request, name: str) -> str:
    """Return what a dataset lacks for a kind of sample, in a sentence, or ""."""
    if name != _TASK:
        only = f"The demo has {dataset.known_as} as an agent's work alone (deepfabric init --kind on-call)"
        return f"{only}: other samples are made up." if dataset.tools else ""
    if not dataset.tools:
        return f"The demo has no work with tools on {dataset.known_as}: it is made up."
    offered = {line.removeprefix("- ").split(":")[0] for line in request.messages[-1].content.splitlines()}
    if all(tool["name"] in offered for tool in dataset.tools):
        return ""
    return _OTHER_TOOLS


def _unknown(prompt: str) -> str:
    *first, last = [dataset.known_as for dataset in datasets()]
    shown = " ".join(prompt.split())
    if len(shown) > _SHOWN_CHARACTERS:
        shown = f"{shown[:_SHOWN_CHARACTERS]}…"
    return f"The demo knows {', '.join(first)} and {last}; for “{shown}” it gives made-up texts."


def _used_up(dataset: DemoDataset) -> str:
    count, most = len(dataset.by_question), dataset.most_per_topic
    return f"The demo has {count} samples on {dataset.known_as}, at most {most} for a topic: the others are made up."


def _names_in(text: str) -> Sequence[str]:
    listed: list[Any] = json.loads(text)["subtopics"]
    return [one["topic"] if isinstance(one, dict) else one for one in listed]


def _share_of_latency(request: Request) -> float:
    """Return how long a call takes, as a share of the latency: the same for the same request."""
    subject, name = request.subject, request.schema.name if request.schema else ""
    text = repr((subject.path, subject.variation, subject.wanted, name, len(request.messages)))
    drawn = int.from_bytes(hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()[:4]) / 2**32
    return _QUICKEST + (_SLOWEST - _QUICKEST) * drawn
