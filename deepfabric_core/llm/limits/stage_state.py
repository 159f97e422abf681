"""What a stage's limiter keeps, wherever the limits are: how large calls are, which of them rest, and the pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from deepfabric_core.chat.messages import Request
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.llm.limits.recent import ONE, Size
from deepfabric_core.stop import Stop, Stopped

_CHARACTERS_PER_TOKEN = 4
_SMOOTHING = 0.1


def check_stop(stop: Stop, request: Request) -> None:
    """Refuse to begin with a work item after a stop.

    Raises:
        Stopped: nothing was paid for the work item yet.
    """
    if stop.requested and not request.continues:
        raise Stopped


class ExpectedSize:
    """How many tokens calls are expected to use; 1 for each call where no limit is one of tokens."""

    def __init__(self, limits: RateLimit) -> None:
        self._counts_tokens = limits.tokens_per_minute is not None or limits.check_headers
        self._completion_tokens = 0.0

    def of(self, request: Request) -> Size:
        """Return the tokens of the prompt, by its length, and of a usual reply; at first, half of the maximum reply."""
        if not self._counts_tokens:
            return ONE
        prompt = sum(len(message.content) for message in request.messages) / _CHARACTERS_PER_TOKEN
        return Size(1.0, prompt, self._completion_tokens or request.max_tokens / 2)

    def answered(self, completion_tokens: int) -> None:
        """Note how many tokens a reply had."""
        known = self._completion_tokens
        self._completion_tokens += (completion_tokens - known) * (_SMOOTHING if known else 1.0)


class Rests:
    """Calls that wait before they are made again; a stop ends the wait of those for which nothing was paid yet."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._resting: set[asyncio.Future[None]] = set()

    async def rest(self, seconds: float, request: Request) -> None:
        """Wait.

        Raises:
            Stopped: a stop came first.
        """
        if request.continues:
            await asyncio.sleep(seconds)
            return
        rested = self._loop.create_future()
        self._resting.add(rested)
        timer = self._loop.call_later(seconds, _finish, rested)
        try:
            await rested
        finally:
            timer.cancel()
            self._resting.discard(rested)

    def stop(self) -> None:
        """End all waits."""
        for rested in self._resting:
            if not rested.done():
                rested.set_exception(Stopped())


def _finish(rested: asyncio.Future[None]) -> None:
    if not rested.done():
        rested.set_result(None)


class PauseClock:
    """How long a run has paused; `clock` returns seconds."""

    def __init__(self, stop: Stop, clock: Callable[[], float]) -> None:
        self._stop = stop
        self._clock = clock
        self._since: float | None = None
        self._before = 0.0

    @property
    def paused_for(self) -> float:
        """Seconds in pauses so far."""
        return self._before + (0.0 if self._since is None else self._clock() - self._since)

    def note(self) -> None:
        """Note the beginning or the end of a pause."""
        if self._stop.paused and self._since is None:
            self._since = self._clock()
        elif not self._stop.paused and self._since is not None:
            self._before, self._since = self.paused_for, None
