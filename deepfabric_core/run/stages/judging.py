"""Put samples to the judges: each judge has a model and a limiter of its own, and one that fails has no vote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar, cast

from deepfabric_core.chat.json_replies import Asking
from deepfabric_core.chat.messages import Usage
from deepfabric_core.chat.rejected_calls import RejectedCalls
from deepfabric_core.config.judge import Judge, JudgesConfig, Vote
from deepfabric_core.config.schema import Config
from deepfabric_core.errors import ModelError
from deepfabric_core.events import Emit
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.judge.comparison import Comparing, Preference, pairs, ranked
from deepfabric_core.quality.judge.judgement import Judgement
from deepfabric_core.quality.judge.rubric import Rubric, rubric_of
from deepfabric_core.quality.judge.scoring import Scoring
from deepfabric_core.quality.judge.verdict import Unjudged, Verdict
from deepfabric_core.redaction import Redactor
from deepfabric_core.run.stages.failure_isolation import attempt
from deepfabric_core.run.stages.recipe_runner import RecipeResult, run_recipe
from deepfabric_core.stop import Stopped

T = TypeVar("T")
ConnectJudge = Callable[[Judge], AbstractAsyncContextManager[ChatModel]]


@dataclass(frozen=True, slots=True)
class ConnectedJudge:
    """A judge with its model, and what it looks at."""

    settings: Judge
    rubric: Rubric
    model: ChatModel

    @property
    def scoring(self) -> Scoring:
        """How it is asked for scores."""
        return Scoring(self.rubric, self.settings.max_tokens, self.settings.reply_retries)

    @property
    def comparing(self) -> Comparing:
        """How it is asked to compare samples."""
        return Comparing(self.rubric, self.settings.max_tokens, self.settings.reply_retries)


@dataclass(frozen=True, slots=True)
class Judges:
    """The judges of a run. `hide` removes secrets from errors."""

    connected: tuple[ConnectedJudge, ...]
    vote: Vote
    emit: Emit
    hide: Redactor

    @property
    def criteria(self) -> tuple[str, ...]:
        """The names of all criteria, which are the columns of the metadata."""
        return tuple(dict.fromkeys(one.name for judge in self.connected for one in judge.rubric.criteria))


@asynccontextmanager
async def connected(
    judging: JudgesConfig, config: Config, connect: ConnectJudge, emit: Emit, hide: Redactor
) -> AsyncIterator[Judges | None]:
    """Connect to the model of each judge; without any judge there is None."""
    async with AsyncExitStack() as open_models:
        judges = [
            ConnectedJudge(one, rubric_of(one, config), await open_models.enter_async_context(connect(one)))
            for one in judging.all_judges
        ]
        yield Judges(tuple(judges), judging.vote, emit, hide) if judges else None


async def judge_sample(candidate: Candidate, judges: Judges, rejected: RejectedCalls | None = None) -> Judgement:
    """Return what the judges say of a sample. A judge that fails says nothing; the reason is kept.

    Replies that can't be used are added to `rejected`.

    Raises:
        Stopped: a stop came before all judges were asked.
    """
    asked = [_Asked(judges, one, candidate.path, rejected) for one in judges.connected]
    return Judgement(tuple(await _all_of([one.verdict(candidate) for one in asked])), judges.vote)


@dataclass(frozen=True, slots=True)
class Choice:
    """The places of samples, the best first; what it took to find out, and why single comparisons were not made."""

    order: tuple[int, ...]
    usage: Usage
    calls: int
    failed: tuple[Unjudged, ...] = ()


async def choose(candidates: Sequence[Candidate], scores: Sequence[float], judges: Judges) -> Choice:
    """Compare each two samples, and return the order of all; `scores` decide where the comparisons don't.

    A comparison that fails counts as a tie.

    Raises:
        Stopped: a stop came before all comparisons were made.
    """
    asked = [(pair, judge) for pair in pairs(len(candidates)) for judge in judges.connected]
    made = await _all_of(
        [
            _Asked(judges, judge, candidates[one].path).preference(candidates[one], candidates[other])
            for (one, other), judge in asked
        ]
    )
    preferences = dict.fromkeys(pairs(len(candidates)), 0)
    for (pair, _), result in zip(asked, made, strict=True):
        if not isinstance(result, Unjudged):
            preferences[pair] += result.value
    return Choice(
        tuple(ranked(scores, preferences)),
        sum((one.usage for one in made), Usage()),
        sum(one.attempts if isinstance(one, RecipeResult) else one.calls for one in made),
        tuple(one for one in made if isinstance(one, Unjudged)),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """One judge, asked about a sample on a topic."""

    judges: Judges
    judge: ConnectedJudge
    path: tuple[str, ...]
    rejected: RejectedCalls | None = None

    async def verdict(self, candidate: Candidate) -> Verdict | Unjudged:
        """Ask for scores."""
        said = await self._answer(self.judge.scoring.ask(candidate))
        if isinstance(said, Unjudged):
            return said
        rubric = self.judge.rubric
        bounds = rubric.low, rubric.high, rubric.least
        return Verdict(said.value, *bounds, said.model, said.simulated, said.usage, said.attempts)

    async def preference(self, one: Candidate, other: Candidate) -> RecipeResult[Preference] | Unjudged:
        """Ask which of two samples is better."""
        return await self._answer(self.judge.comparing.ask(one, other))

    async def _answer(self, asking: Asking[T | ModelError]) -> RecipeResult[T] | Unjudged:
        judges, name = self.judges, self.judge.settings.llm.name
        work = run_recipe(asking, self.judge.model, judges.emit, rejected=self.rejected)
        try:
            result = await attempt(work, self.path, judges.hide)
        except ModelError as problem:
            return Unjudged(str(problem), problem.kind, name)
        if isinstance(failure := result.value, ModelError):
            return Unjudged(judges.hide.known(str(failure)), failure.kind, name, result.usage, result.attempts)
        return cast("RecipeResult[T]", result)


async def _all_of(asked: Sequence[Awaitable[T]]) -> list[T]:
    """Return the results of work that is done at once.

    Raises:
        Stopped: a stop came before some of it was begun; the rest is still done.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_unless_stopped(work)) for work in asked]
    results = [task.result() for task in tasks]
    if stopped := next((one for one in results if isinstance(one, Stopped)), None):
        raise stopped
    return cast("list[T]", results)


async def _unless_stopped(work: Awaitable[T]) -> T | Stopped:
    try:
        return await work
    except Stopped as stopped:
        return stopped
