"""A wrapper that records each call to a model: what was asked and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.chat.trace import TracedCall, TracedError, asked, failure, traced_reply
from deepfabric_core.config.llm import Llm
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.chat_completions import seed, temperature
from deepfabric_core.llm.model import ChatModel

Record = Callable[[TracedCall], None]


@dataclass
class Traced:
    """A model whose calls are recorded as they end; `record` may raise an OutputError, which ends the run."""

    model: ChatModel
    settings: Llm
    record: Record
    clock: Callable[[], float] = time.perf_counter

    @property
    def name(self) -> str:
        """Provider and model."""
        return self.model.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`.

        Raises:
            OutputError: the call can't be recorded.
        """
        call, began = self._begun(request), self.clock()
        try:
            reply = await self.model.complete(request)
        except BaseException as problem:
            self.record(replace(call, seconds=self._since(began), error=_error(problem)))
            raise
        usage = reply.usage
        self.record(
            replace(
                call,
                seconds=self._since(began),
                prompt_tokens=usage.prompt_tokens,
                completion_tokens=usage.completion_tokens,
                cost=usage.cost,
                cached_tokens=usage.cached_tokens,
                reply=traced_reply(reply),
            )
        )
        return reply

    async def close(self) -> None:
        """Close the model."""
        await self.model.close()

    def _begun(self, request: Request) -> TracedCall:
        call = asked(request, self.name, at=round(time.time(), 3))
        warmth, drawn = temperature(self.settings, request), seed(self.settings, request)
        sent = replace(call.request, temperature=warmth, seed=drawn)
        return replace(call, request=sent)

    def _since(self, began: float) -> float:
        return round(self.clock() - began, 6)


def _error(problem: BaseException) -> TracedError:
    if isinstance(problem, ModelError):
        return failure(problem, problem.kind, problem.status)
    return failure(problem, FailureKind.INTERNAL if isinstance(problem, Exception) else None)
