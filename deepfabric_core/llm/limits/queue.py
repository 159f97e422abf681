"""The calls of one stage of a run: those that wait for a permit, in which order, and how many are under way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from deepfabric_core.chat.messages import Request
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.llm.limits.rate import Call
from deepfabric_core.stop import Stop


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make a call; `tokens` is what it is expected to take."""

    call: Call
    tokens: float


@dataclass(eq=False, slots=True)
class WaitingCall:
    """A call that waits for its permit."""

    request: Request
    tokens: float
    permit: asyncio.Future[Permit]


class StageQueue:
    """At most `ceiling` calls are under way in it at once. Calls that go on with something begun come first.

    Whoever calls a method holds the limiter's lock; futures are resolved in the thread of the stage's own event loop.
    """

    def __init__(self, ceiling: int, limits: RateLimit, stop: Stop, on_unused: Callable[[Permit], None]) -> None:
        self.ceiling = ceiling
        self.limits = limits
        self.in_flight = 0
        self._stop = stop
        self._on_unused = on_unused
        self._loop = asyncio.get_running_loop()
        self._continuing: deque[WaitingCall] = deque()
        self._new: deque[WaitingCall] = deque()

    @property
    def waiting(self) -> int:
        """Calls that wait for a permit."""
        return len(self._continuing) + len(self._new)

    @property
    def ready(self) -> bool:
        """Whether a call waits, and neither a pause nor the ceiling holds it back."""
        return self.in_flight < self.ceiling and not self._stop.paused and bool(self._continuing or self._new)

    def append(self, request: Request, tokens: float, *, again: bool) -> WaitingCall:
        """Add a call that is expected to take so many tokens; `again` says that it was made before."""
        waiting = WaitingCall(request, tokens, self._loop.create_future())
        (self._continuing if again or request.continues else self._new).append(waiting)
        return waiting

    def remove(self, waiting: WaitingCall) -> None:
        """Forget a call that nobody waits for any more."""
        for queue in (self._continuing, self._new):
            if waiting in queue:
                queue.remove(waiting)

    def remove_not_begun(self) -> list[WaitingCall]:
        """Take out all calls of work items for which nothing was paid yet."""
        removed = [call for queue in (self._continuing, self._new) for call in queue if not call.request.continues]
        for queue in (self._continuing, self._new):
            remaining = [call for call in queue if call.request.continues]
            queue.clear()
            queue.extend(remaining)
        return removed

    def admit_first(self, begin: Callable[[float], Call]) -> None:
        """Give the first call in line its permit; `begin` registers a call of so many tokens."""
        waiting = (self._continuing or self._new).popleft()
        self.in_flight += 1
        permit = Permit(begin(waiting.tokens), waiting.tokens)
        self.call_soon(lambda: self._hand_over(waiting, permit))

    def _hand_over(self, waiting: WaitingCall, permit: Permit) -> None:
        if waiting.permit.done():  # given up in the meantime
            self._on_unused(permit)
        else:
            waiting.permit.set_result(permit)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call back in the thread of the stage's event loop: at once, if this is it."""
        if _is_running_in(self._loop):
            callback()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call back in the thread of the stage's event loop, later."""

        def arm() -> None:
            self._loop.call_later(seconds, callback)

        self.call_soon(arm)


def _is_running_in(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether this is the thread of that event loop."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
