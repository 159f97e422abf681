"""A wrapper that makes calls wait for a permit, and repeats calls that were refused for the rate limit (429)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deepfabric_core.amounts import Purpose
from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.events import CallAnswered, CallFailed, Emit
from deepfabric_core.llm.limits.call_limiter import CallLimiter
from deepfabric_core.llm.limits.queue import SentBack
from deepfabric_core.llm.limits.quota_headers import quotas_in
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.llm.wrappers.retry import backoff

# In seconds. A provider that refuses a call for longer than this isn't merely busy.
_PATIENCE = 900.0
_SPREAD = 1.1
# In seconds.
_LOOK_ELSEWHERE_EVERY = 0.5


@dataclass
class LimitedModel:
    """A model whose calls wait for a permit. A 429 is retried here and doesn't count as a failure.

    `elsewhere` says whether another endpoint, if there are any, could take a refused call at once.
    """

    model: ChatModel
    stage_limiter: CallLimiter
    limits: RateLimit
    emit: Emit
    purpose: Purpose = "samples"
    clock: Callable[[], float] = time.monotonic
    chance: random.Random = field(default_factory=random.Random)
    elsewhere: Callable[[], bool] | None = None

    @property
    def name(self) -> str:
        """Provider and model."""
        return self.model.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`.

        Raises:
            Stopped: a stop came before the call was begun.
            SentBack: the call is to be made elsewhere.
        """
        refused_at: float | None = None
        refusals = 0
        while True:
            permit = await self.stage_limiter.acquire(request, again=refusals > 0)
            try:
                return await self._call(request, permit)
            except ModelError as problem:
                if problem.kind is not FailureKind.RATE_LIMITED:
                    raise
                refusals += 1
                wait = self._delay(problem, refusals)
                refused_at = self._patient_at() if refused_at is None else refused_at
                self._read_quotas(problem.headers, permit)
                self.stage_limiter.refused(permit, wait if wait <= _PATIENCE else self.limits.max_delay)
                if self._patient_at() + wait - refused_at > _PATIENCE:
                    self.emit(CallFailed(problem.kind, str(problem), retry_in=None))
                    raise
                self.emit(CallFailed(problem.kind, str(problem), retry_in=wait))
            await self._rest(wait, request)

    async def close(self) -> None:
        """Close the model."""
        await self.model.close()

    async def _rest(self, seconds: float, request: Request) -> None:
        """Wait before a call is repeated.

        Raises:
            Stopped: a stop came first, and nothing was paid for the work item yet.
            SentBack: another endpoint can take it meanwhile.
        """
        while self.elsewhere is not None and seconds > _LOOK_ELSEWHERE_EVERY:
            if self.elsewhere():
                raise SentBack
            await self.stage_limiter.rest(_LOOK_ELSEWHERE_EVERY, request)
            seconds -= _LOOK_ELSEWHERE_EVERY
        await self.stage_limiter.rest(seconds, request)

    def _patient_at(self) -> float:
        """Return the time of a clock that stands still during pauses."""
        return self.clock() - self.stage_limiter.paused_for

    async def _call(self, request: Request, permit: Any) -> Reply:
        began = self.clock()
        try:
            reply = await self.model.complete(request)
            seconds = self.clock() - began
            await self.stage_limiter.reply_spacing.pass_through()
        except ModelError as problem:
            if problem.kind is not FailureKind.RATE_LIMITED:
                self.stage_limiter.ended(permit)
            raise
        except BaseException:
            self.stage_limiter.ended(permit)
            raise
        usage = reply.usage
        self._read_quotas(reply.headers, permit)
        self.stage_limiter.answered(permit, usage.prompt_tokens, usage.completion_tokens)
        tokens = usage.prompt_tokens, usage.completion_tokens
        purpose = self._purpose_of(request)
        self.emit(CallAnswered(reply.model, *tokens, usage.cost, seconds, usage.cached_tokens, purpose))
        return reply

    def _purpose_of(self, request: Request) -> Purpose:
        is_repair = self.purpose == "samples" and request.because is not None
        return "repairs" if is_repair else self.purpose

    def _read_quotas(self, headers: Mapping[str, str], permit: Any) -> None:
        if headers and self.limits.check_headers and (quotas := quotas_in(headers, time.time())):
            self.stage_limiter.told(permit, quotas)

    def _delay(self, problem: ModelError, refusals: int) -> float:
        """Return the seconds until the call is repeated: what the provider asks for, or the configured backoff."""
        if problem.retry_after is not None and self.limits.respect_retry_after:
            return problem.retry_after * self.chance.uniform(1.0, _SPREAD)
        return backoff(self.limits, refusals, self.chance)
