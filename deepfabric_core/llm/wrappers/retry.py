"""A wrapper that retries calls after transient failures, with backoff."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from deepfabric_core.chat.messages import Reply, Request, SchemaMode
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.events import CallFailed, Emit
from deepfabric_core.llm.model import ChatModel

# For every base that is allowed, the power with this exponent is still a finite float.
_LARGEST_EXPONENT = 300


@dataclass
class Retrying:
    """A model whose transient failures are retried up to `max_retries` times, after a delay.

    Rate-limit refusals (429) are handled by `LimitedModel`, refused formats by `StructuredOutput`; both are raised.
    """

    model: ChatModel
    max_retries: int
    limits: RateLimit
    emit: Emit
    rest: Callable[[float, Request], Awaitable[None]]
    chance: random.Random = field(default_factory=random.Random)

    @property
    def name(self) -> str:
        """Provider and model."""
        return self.model.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`."""
        faults = 0
        while True:
            try:
                return await self.model.complete(request)
            except ModelError as problem:
                if problem.kind is FailureKind.RATE_LIMITED or (
                    request.schema is not None and is_left_to_structured_output(request.schema_mode, problem)
                ):
                    raise
                faults += 1
                if not problem.kind.transient or faults > self.max_retries:
                    self.emit(CallFailed(problem.kind, str(problem), retry_in=None))
                    raise
                wait = self._delay(problem, faults)
                self.emit(CallFailed(problem.kind, str(problem), retry_in=wait))
            await self.rest(wait, request)

    async def close(self) -> None:
        """Close the model."""
        await self.model.close()

    def _delay(self, problem: ModelError, faults: int) -> float:
        wait = backoff(self.limits, faults, self.chance)
        if problem.retry_after is not None and self.limits.respect_retry_after:
            wait = max(wait, min(problem.retry_after, self.limits.max_delay))
        return wait


def is_left_to_structured_output(way: SchemaMode, problem: ModelError) -> bool:
    """Return whether a refusal may be one of the way in which JSON is asked for: `StructuredOutput` tries the next."""
    return way not in ("prompt", "plain_text") and problem.kind is FailureKind.BAD_REQUEST


def backoff(limits: RateLimit, attempt: int, chance: random.Random) -> float:
    """Return the seconds before the `attempt`-th retry (from 1), with full jitter where jitter is on."""
    growth = {"constant": 1.0, "linear": float(attempt)}.get(
        limits.backoff_strategy, limits.exponential_base ** min(attempt - 1, _LARGEST_EXPONENT)
    )
    delay = min(limits.base_delay * growth, limits.max_delay)
    jittered = limits.jitter and limits.backoff_strategy != "constant"
    return delay * chance.uniform(0.0, 1.0) if jittered else delay
