"""Whole runs against a model that bills, to be compared with what was expected after a preview."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deepfabric_core.amounts import Expected, Purpose
from deepfabric_core.chat.messages import Reply, Request, ToolCall, Usage
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.load import load
from deepfabric_core.errors import FailureKind
from deepfabric_core.events import CallAnswered, CallFailed, Emit
from deepfabric_core.llm.connect import CallPolicy
from deepfabric_core.run.estimate.estimate import estimate
from deepfabric_core.run.estimate.preview import preview_of
from deepfabric_core.run.job import Job
from deepfabric_core.run.pipeline import generate
from deepfabric_core.stop import Stop

SYLLABLES = [consonant + vowel for consonant in "bdgklmnprst" for vowel in "aeiou"]


@dataclass(frozen=True)
class Behaviour:
    """How a model answers: the lengths of its replies in tokens, how they vary, and how often something goes wrong.

    `sigma` is that of a log-normal distribution, `of_branch` that of a factor which all samples of a branch share.
    """

    length: float = 300.0
    sigma: float = 0.4
    of_branch: float = 0.0
    shape: str = "lognormal"
    malformed: float = 0.0
    refused: float = 0.0
    rate_limited: float = 0.0
    input: float = 0.15
    output: float = 0.60

    def drawn(self, chance: random.Random) -> float:
        """Return the length of one reply, relative to what is usual."""
        match self.shape:
            case "gamma":
                return chance.gammavariate(1 / max(self.sigma, 0.05) ** 2, max(self.sigma, 0.05) ** 2)
            case "two kinds":
                return (0.7 if chance.random() < 0.75 else 1.9) * chance.lognormvariate(0, self.sigma / 2)
            case "pareto":
                return min(8.0, 0.65 * chance.paretovariate(2.8))
            case _:
                return chance.lognormvariate(-(self.sigma**2) / 2, self.sigma)


@dataclass
class Bill:
    """What the provider charged."""

    cost: float = 0.0
    tokens: int = 0
    calls: int = 0


@dataclass
class BillingModel:
    """A model without a network that answers any request, bills it, and tells of it as a limiter does."""

    behaviour: Behaviour
    seed: int
    purpose: Purpose
    emit: Emit
    bill: Bill
    asked: dict[str, int] = field(default_factory=dict)
    name = "billing/model"

    async def complete(self, request: Request) -> Reply:
        """Answer a request, by a chance that depends on the request alone."""
        await asyncio.sleep(0)
        chance = self._chance(request)
        while chance.random() < self.behaviour.rate_limited:
            self.emit(CallFailed(FailureKind.RATE_LIMITED, "429", 0.0))
        calls = self._tool_calls(request, chance)
        text = "" if calls else self._text(request, chance)
        if not calls and self.purpose != "topics" and chance.random() < self.behaviour.malformed:
            text = text[: len(text) // 2]
        return self._billed(request, text, calls)

    async def close(self) -> None:
        """Do nothing."""

    def _chance(self, request: Request) -> random.Random:
        text = repr((self.seed, self.purpose, [message.content for message in request.messages], request.redraw))
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.asked[digest] = self.asked.get(digest, 0) + 1
        return random.Random(f"{digest}{self.asked[digest]}")

    def _billed(self, request: Request, text: str, calls: tuple[ToolCall, ...]) -> Reply:
        said = sum(len(message.content) + 16 for message in request.messages) + len(json.dumps(request.tools))
        said += len(json.dumps(request.schema.schema)) if request.schema else 0
        prompt = round(said / 4.3)
        completion = round((len(text) + sum(len(call.arguments) + 80 for call in calls)) / 4.1) + 3
        cost = (prompt * self.behaviour.input + completion * self.behaviour.output) / 1e6
        self.bill.cost += cost
        self.bill.tokens += prompt + completion
        self.bill.calls += 1
        purpose: Purpose = "repairs" if self.purpose == "samples" and request.because else self.purpose
        self.emit(CallAnswered("model", prompt, completion, cost, 0.001, 0, purpose))
        reason = "tool_calls" if calls else "stop"
        return Reply(text, "model", reason, Usage(prompt, completion, cost), tool_calls=calls)

    def _tool_calls(self, request: Request, chance: random.Random) -> tuple[ToolCall, ...]:
        done = sum(message.role == "tool" for message in request.messages)
        if not request.tools or (done and chance.random() < 0.45):
            return ()
        content = _words(chance, 4 * round(60 * self.behaviour.drawn(chance)))
        arguments = {"_thought": _words(chance, 80), "file_path": f"{_words(chance, 8)}.md", "content": content}
        return (ToolCall(f"call{done}", "write_file", json.dumps(arguments)),)

    def _text(self, request: Request, chance: random.Random) -> str:
        usual = self.behaviour.length * self.behaviour.drawn(chance) * self._of_branch(request)
        if request.schema is None:
            return _words(chance, 4 * round(usual))
        if self.purpose == "judge":
            return json.dumps(self._verdict(request.schema.schema, chance))
        if self.purpose == "topics":
            return json.dumps({"subtopics": [_words(chance, 24) for _ in range(request.subject.wanted)]})
        names = list(request.schema.schema["properties"])
        shares = {"question": 0.15} if len(names) > 1 else {}
        rest = (1 - sum(shares.get(name, 0) for name in names)) / max(1, sum(name not in shares for name in names))
        return json.dumps({name: _words(chance, 4 * round(usual * shares.get(name, rest))) + "." for name in names})

    def _of_branch(self, request: Request) -> float:
        branch = random.Random(f"{self.seed}{request.subject.path[1:2]}")
        return branch.lognormvariate(0, self.behaviour.of_branch) if self.behaviour.of_branch else 1.0

    def _verdict(self, schema: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
        if "better" in schema["properties"]:
            return {"reason": _words(chance, 200), "better": chance.choice(["A", "B", "tie"])}
        score = 2 if chance.random() < self.behaviour.refused else 5
        return {name: {"reason": _words(chance, 160), "score": score} for name in schema["properties"]}


def _words(chance: random.Random, characters: int) -> str:
    words, length = [], 0
    while length < max(20, characters):
        words.append("".join(chance.choices(SYLLABLES, k=chance.randint(2, 4))))
        length += len(words[-1]) + 1
    return " ".join(words)[: max(20, characters)].capitalize()


@dataclass(frozen=True)
class Outcome:
    """What was expected after the preview, and what it was."""

    expected: Expected
    cost: float
    tokens: int

    @property
    def holds(self) -> bool:
        """Whether both truths lie in their ranges."""
        range_, tokens = self.expected.cost, self.expected.tokens
        assert range_ is not None
        return range_.low <= self.cost <= range_.high and tokens.low <= self.tokens <= tokens.high

    @property
    def is_near(self) -> bool:
        """Whether both likely figures are within 15 % of the truth."""
        assert self.expected.cost is not None
        return max(abs(self.error), abs(self.expected.tokens.likely / self.tokens - 1)) <= 0.15

    @property
    def error(self) -> float:
        """The error of the likely cost, relative to the truth."""
        assert self.expected.cost is not None
        return self.expected.cost.likely / self.cost - 1

    @property
    def width(self) -> float:
        """The width of the range of the cost, relative to the truth."""
        assert self.expected.cost is not None
        return (self.expected.cost.high - self.expected.cost.low) / self.cost


async def outcome_of(job: Job, behaviour: Behaviour, seed: int, preview: int = 10) -> Outcome:
    """Make a preview, reckon, go on to the end, and return what was expected and what it was."""
    bill, asked = Bill(), dict[str, int]()

    @asynccontextmanager
    async def connect(_: Llm, policy: CallPolicy, emit: Emit, __: Stop) -> AsyncIterator[BillingModel]:
        yield BillingModel(behaviour, seed, policy.purpose, emit, bill, asked)

    making = preview_of(job, preview)
    assert making is not None
    await generate(making, emit=lambda _: None, stop=Stop(), connect=connect)
    expected = estimate(job).total
    await generate(replace(job, resume=True), emit=lambda _: None, stop=Stop(), connect=connect)
    return Outcome(expected, bill.cost, bill.tokens)


def config_of(seed: int, place: Path, chance: random.Random, **sections: Any) -> Job:
    """Return a job with a config of its own."""
    depth = chance.choice([1, 2, 2, 3])
    degree = {1: chance.randint(10, 30), 2: chance.randint(4, 9), 3: chance.randint(3, 4)}[depth]
    config: dict[str, Any] = {
        "llm": {"provider": "ollama", "model": "m", "prices": {"input": 0.15, "output": 0.6}},
        "topics": {"prompt": f"Subject number {seed}", "depth": depth, "degree": degree},
        "generation": {"system_prompt": "You teach. " * chance.randint(1, 40), "max_tokens": 8000},
        "output": {"save_as": str(place / f"d{seed}.jsonl"), "num_samples": chance.choice([40, 60, 100, 150])},
        "quality": {"min_acceptance": 0},
    }
    for name, keys in sections.items():
        config[name] = {**config[name], **keys}
    return Job(load(json.dumps(config), source="c.json").config, checkpoint_path=place / f"k{seed}")
