"""Making a failed call again: soon after a passing fault, when the provider says so after a 429, never in vain."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.events import CallAnswered, CallFailed, Emit
from deepfabric_core.llm.model import ChatModel

# A provider that refuses one call for this long, in seconds, isn't merely busy.
_PATIENCE = 900.0


@dataclass
class Retrying:
    """A model whose passing faults are retried up to `max_retries` times.

    A 429 doesn't count as one of them. It holds back all calls of this model until the time the provider names,
    or, where it names none, for a growing delay.
    """

    model: ChatModel
    max_retries: int
    limits: RateLimit
    emit: Emit
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    chance: random.Random = field(default_factory=random.Random)
    _resume_at: float = 0.0

    @property
    def name(self) -> str:
        """Provider and model."""
        return self.model.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`."""
        faults = refusals = 0
        began = self.clock()
        while True:
            await self._wait_for_permission()
            try:
                return await self._call(request)
            except ModelError as problem:
                limited = problem.kind is FailureKind.RATE_LIMITED
                faults, refusals = (faults, refusals + 1) if limited else (faults + 1, refusals)
                patient = limited and self.clock() - began < _PATIENCE
                if not problem.kind.transient or not (patient or (not limited and faults <= self.max_retries)):
                    self.emit(CallFailed(problem.kind, str(problem), retry_in=None))
                    raise
                wait = self._delay(problem, refusals if limited else faults)
                self.emit(CallFailed(problem.kind, str(problem), retry_in=wait))
            if limited:
                self._resume_at = max(self._resume_at, self.clock() + wait)
            await self.sleep(wait)

    async def close(self) -> None:
        """Close the model."""
        await self.model.close()

    async def _call(self, request: Request) -> Reply:
        began = self.clock()
        reply = await self.model.complete(request)
        usage = reply.usage
        seconds = self.clock() - began
        self.emit(CallAnswered(reply.model, usage.prompt_tokens, usage.completion_tokens, usage.cost, seconds))
        return reply

    async def _wait_for_permission(self) -> None:
        while (wait := self._resume_at - self.clock()) > 0:
            await self.sleep(wait * self.chance.uniform(1.0, 1.1))

    def _delay(self, problem: ModelError, attempt: int) -> float:
        """Seconds to wait: what the provider asks for, or the configured backoff."""
        limits = self.limits
        if problem.retry_after is not None and limits.respect_retry_after:
            return min(problem.retry_after, limits.max_delay) * self.chance.uniform(1.0, 1.2)
        return backoff(limits, attempt, self.chance)


def backoff(limits: RateLimit, attempt: int, chance: random.Random) -> float:
    """Seconds before the `attempt`-th retry (from 1), with full jitter where jitter is on."""
    growth = {"constant": 1.0, "linear": float(attempt)}.get(
        limits.backoff_strategy, limits.exponential_base ** (attempt - 1)
    )
    delay = min(limits.base_delay * growth, limits.max_delay)
    jittered = limits.jitter and limits.backoff_strategy != "constant"
    return delay * chance.uniform(0.0, 1.0) if jittered else delay
