"""The queue of calls of one stage of a run: waiting for permits, in order of priority, and in flight."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from deepfabric_core.chat.messages import Request
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.llm.limits.binding import BoundLately
from deepfabric_core.llm.limits.recent import Call, Size
from deepfabric_core.stop import Stop


@dataclass(frozen=True, slots=True)
class Permit:
    """Permission to make a call."""

    call: Call

    @property
    def tokens(self) -> float:
        """How many tokens it is expected to use."""
        return self.call.size.of("tokens")


@dataclass(eq=False, slots=True)
class WaitingCall:
    """A call that waits for its permit."""

    request: Request
    size: Size
    permit: asyncio.Future[Permit]


class SentBack(Exception):
    """A waiting call is to be made elsewhere."""


class Places:
    """The calls that a stage may have in flight at once, at one endpoint or at several."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._taken = 0
        self._lock = threading.Lock()
        self._at: dict[Hashable, dict[StageQueue, Callable[[], None]]] = {}

    @property
    def taken(self) -> int:
        """How many calls are in flight."""
        return self._taken

    @property
    def are_taken(self) -> bool:
        """Whether no more calls may begin."""
        return self._taken >= self.total

    def join(self, endpoint: Hashable, queue: StageQueue, admit: Callable[[], None]) -> None:
        """Add a queue at an endpoint; `admit` lets calls that wait there begin, as far as its own limits allow."""
        self._at.setdefault(endpoint, {})[queue] = admit

    def leave(self, endpoint: Hashable, queue: StageQueue) -> None:
        """Remove a queue at an endpoint."""
        del self._at[endpoint][queue]
        if not self._at[endpoint]:
            del self._at[endpoint]

    def take(self, more: int = 1) -> None:
        """Note that a call begins, or, with -1, that one has ended."""
        with self._lock:
            self._taken += more

    def offer(self) -> None:
        """Let calls begin at the endpoints, first where the fewest are in flight. No limiter's lock may be held."""
        queues = list(self._at.values())
        if len(queues) > 1:
            queues.sort(key=lambda there: sum(queue.in_flight for queue in there))
        for there in queues:
            next(iter(there.values()))()


class StageQueue:
    """A queue with at most `ceiling` calls in flight. Calls that continue a work item are served first.

    Callers of its methods must hold the limiter's lock. Futures are resolved in the thread of the stage's event loop.
    """

    def __init__(self, places: Places, limits: RateLimit, stop: Stop, on_unused: Callable[[Permit], None]) -> None:
        self.places = places
        self.limits = limits
        self.in_flight = 0
        self.bound_lately = BoundLately()
        self._stop = stop
        self._on_unused = on_unused
        self._loop = asyncio.get_running_loop()
        self._continuing: deque[WaitingCall] = deque()
        self._new: deque[WaitingCall] = deque()

    @property
    def ceiling(self) -> int:
        """How many calls may be in flight at once."""
        return self.places.total

    @property
    def waiting(self) -> int:
        """Calls that wait for a permit."""
        return len(self._continuing) + len(self._new)

    @property
    def ready(self) -> bool:
        """Whether a call waits that neither a pause nor the ceiling holds back."""
        return not self.places.are_taken and not self._stop.paused and bool(self._continuing or self._new)

    @property
    def is_full(self) -> bool:
        """Whether a call waits that only the ceiling holds back."""
        return self.places.are_taken and not self._stop.paused and self.waiting > 0

    @property
    def next_size(self) -> Size:
        """What the call is expected to use that gets the next permit; there must be one."""
        return (self._continuing or self._new)[0].size

    def append(self, request: Request, size: Size, *, again: bool) -> WaitingCall:
        """Add a call that is expected to be of a size; `again` says that it is a retry."""
        waiting = WaitingCall(request, size, self._loop.create_future())
        (self._continuing if again or request.continues else self._new).append(waiting)
        return waiting

    def remove(self, waiting: WaitingCall) -> None:
        """Remove a call that was cancelled."""
        for queue in (self._continuing, self._new):
            if waiting in queue:
                queue.remove(waiting)

    def remove_last(self, count: int) -> list[WaitingCall]:
        """Remove and return so many calls, those first that would wait longest."""
        removed: list[WaitingCall] = []
        for queue in (self._new, self._continuing):
            while queue and len(removed) < count:
                removed.append(queue.pop())
        return removed

    def remove_not_begun(self) -> list[WaitingCall]:
        """Remove and return all calls of work items for which nothing was paid yet."""
        removed = [call for queue in (self._continuing, self._new) for call in queue if not call.request.continues]
        for queue in (self._continuing, self._new):
            remaining = [call for call in queue if call.request.continues]
            queue.clear()
            queue.extend(remaining)
        return removed

    def admit_first(self, begin: Callable[[Size], Call]) -> None:
        """Give the first waiting call its permit; `begin` registers a call of a size.

        A call that was cancelled, and hasn't left the queue yet, is only removed.
        """
        waiting = (self._continuing or self._new).popleft()
        if waiting.permit.done():
            return
        self.in_flight += 1
        self.places.take()
        permit = Permit(begin(waiting.size))
        self.call_soon(lambda: self._hand_over(waiting, permit))

    def begin_one(self) -> None:
        """Note that a call is in flight that got its permit elsewhere."""
        self.in_flight += 1
        self.places.take()

    def end_one(self) -> None:
        """Note that a call has ended."""
        self.in_flight -= 1
        self.places.take(-1)

    def _hand_over(self, waiting: WaitingCall, permit: Permit) -> None:
        if waiting.permit.done():  # cancelled in the meantime
            self._on_unused(permit)
        else:
            waiting.permit.set_result(permit)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Run the callback in the thread of the stage's event loop: at once if this is that thread."""
        if _is_running_in(self._loop):
            callback()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Run the callback in the thread of the stage's event loop after so many seconds."""

        def arm() -> None:
            self._loop.call_later(seconds, callback)

        self.call_soon(arm)


def _is_running_in(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether this is the thread of that event loop."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
