"""A stage's limiter in a worker: its permits come from the keeper of the limits, unless its calls needn't ask."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

from deepfabric_core.chat.messages import Request
from deepfabric_core.cluster import messages as m
from deepfabric_core.cluster.lease_client import LeaseClient, LeasedCall
from deepfabric_core.cluster.shared_health import SharedHealth
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.learned_file import Target
from deepfabric_core.llm.limits.queue import Places, SentBack
from deepfabric_core.llm.limits.quota_headers import RemainingQuota
from deepfabric_core.llm.limits.reply_spacing import ReplySpacing
from deepfabric_core.llm.limits.stage_state import ExpectedSize, PauseClock, Rests, check_stop
from deepfabric_core.stop import Stop, Stopped


@asynccontextmanager
async def leased_limiter(
    client: LeaseClient, target: Target, places: Places, limits: RateLimit, stop: Stop
) -> AsyncIterator[LeasedLimiter]:
    """Open a stage at an endpoint; see `connect`."""
    limiter = LeasedLimiter(client, client.opening(target, places, limits), places, stop)
    client.open(limiter)
    try:
        with limiter.listening():
            yield limiter
    finally:
        client.close(limiter)


class LeasedLimiter:
    """A stage's limiter at an endpoint, whose permits come from the keeper; see `CallLimiter`."""

    def __init__(self, client: LeaseClient, opening: m.Open, places: Places, stop: Stop) -> None:
        self.opening = opening
        self.places = places
        self.number = opening.stage
        self.health = SharedHealth(opening.stage, client.send)
        self.reply_spacing = ReplySpacing()
        self._client = client
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._rests = Rests()
        self._sizes = ExpectedSize(opening.limits)
        self._pauses = PauseClock(stop, time.monotonic)
        self._mine: set[LeasedCall] = set()
        self._first: deque[LeasedCall] = deque()
        self._later: deque[LeasedCall] = deque()
        self._in_flight = 0

    @property
    def in_flight(self) -> int:
        """Calls in flight."""
        return self._in_flight

    @property
    def waiting(self) -> int:
        """Calls that wait for a permit."""
        return len(self._mine)

    @property
    def has_room(self) -> bool:
        """Whether calls lately could begin at once."""
        return not self._mine and (self._is_free or self._client.room.get(self.number, True))

    @property
    def _is_free(self) -> bool:
        """Whether calls needn't ask the keeper."""
        return self._client.is_free(self)

    @property
    def _must_ask(self) -> bool:
        """Whether calls have to ask. If neither is known yet, they ask as far as the worker's share goes."""
        return self._client.must_ask(self)

    @property
    def paused_for(self) -> float:
        """Seconds in pauses so far, which time limits don't count."""
        return self._pauses.paused_for

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear of stops and pauses while this context is open."""
        self._pauses.note()
        ends = self._stop.listen(self._stopped), self._stop.listen_to_pauses(self._paused)
        try:
            yield
        finally:
            for end in ends:
                end()

    async def acquire(self, request: Request, *, again: bool = False) -> int:
        """Wait for a permit to make a call.

        Raises:
            Stopped: a stop came first, and nothing was paid for the work item yet.
            SentBack: the call is to be made elsewhere.
        """
        check_stop(self._stop, request)
        size, first = self._sizes.of(request), again or request.continues
        number = self._client.number()
        call = LeasedCall(self, size, first, not request.continues, self._loop.create_future(), number)
        self._mine.add(call)
        if self._must_ask and not self._stop.paused:
            self._client.ask(call)
        else:
            self._wait_here(call)
            self.go_on()
        try:
            permit = await call.permit
        except asyncio.CancelledError:
            self._client.give_up(call.ticket)
            raise
        finally:
            self._mine.discard(call)
        self._in_flight += 1
        return permit

    def _wait_here(self, call: LeasedCall) -> None:
        call.ticket = 0
        (self._first if call.first else self._later).append(call)

    def go_on(self) -> None:
        """Let calls begin, or ask, that wait here, as far as there are places."""
        if self._stop.paused or not (self._first or self._later):
            return
        must_ask, is_free = self._must_ask, self._is_free
        more = len(self._mine) if must_ask else self._client.may_have(self)
        while more > 0 and (self._first or self._later):
            call = (self._first or self._later).popleft()
            if call.permit.done():
                continue
            more -= 1
            if is_free:
                call.permit.set_result(self._client.begin(call))
            else:
                self._client.ask(call)

    def change(self) -> None:
        """Have waiting calls wait here if they needn't ask, or in a pause, and at the keeper otherwise."""
        if self._is_free or self._stop.paused:
            self._first.clear()
            self._later.clear()
            for call in sorted(self._mine, key=lambda call: call.number):
                if not call.permit.done():
                    self._client.withdraw(call)
                    self._wait_here(call)
        self.go_on()

    def send_back(self, count: int) -> None:
        """Have so many waiting calls made elsewhere, those that would wait longest."""
        waiting = [call for call in self._mine if not call.permit.done()]
        for call in sorted(waiting, key=lambda call: (not call.first, call.number), reverse=True)[:count]:
            self._client.give_up(call.ticket)
            call.permit.set_exception(SentBack())

    async def rest(self, seconds: float, request: Request) -> None:
        """Wait before a retry, without holding a permit.

        Raises:
            Stopped: a stop came first, and nothing was paid for the work item yet.
        """
        check_stop(self._stop, request)
        await self._rests.rest(seconds, request)

    def answered(self, permit: int, prompt_tokens: int, completion_tokens: int) -> None:
        """Report that a call was answered, and how many tokens it used."""
        self._sizes.answered(completion_tokens)
        self._end(m.Answered(permit, prompt_tokens, completion_tokens))

    def refused(self, permit: int, seconds: float) -> None:
        """Report that a call was refused (429) and may not be repeated for so many seconds."""
        self._end(m.Refused(permit, seconds))

    def ended(self, permit: int) -> None:
        """Report that a call ended in any other way."""
        self._end(m.Ended(permit))

    def _end(self, message: m.Answered | m.Refused | m.Ended) -> None:
        self._in_flight -= 1
        self._client.end(message)

    def told(self, permit: int, quotas: Mapping[str, RemainingQuota]) -> None:
        """Report the quotas that the provider states with the answer to a call, or with its refusal."""
        self._client.send(m.Told(permit, quotas))

    def learned(self) -> Learned | None:
        """Have the keeper remember what is known of the endpoint's limits now that it is left out, by all workers."""
        self._client.send(self.health.as_message())
        return None

    def hear(self, news: m.EndpointNews) -> None:
        """Take in what other workers have found out of the endpoint; calls don't wait for one that is left out."""
        self.health.hear(news)
        if self.health.is_out:
            self.send_back(self.waiting)

    def start_anew(self, learned: Learned | None) -> None:  # noqa: ARG002 - as in `CallLimiter`
        """Begin with the limits that the keeper remembers."""
        self._client.send(m.StartAnew(self.number))

    def _stopped(self) -> None:
        """Reject waiting calls of work items that weren't begun."""
        for call in self._mine:
            if call.begins and not call.permit.done():
                self._client.give_up(call.ticket)
                call.permit.set_exception(Stopped())
        self._rests.stop()

    def _paused(self) -> None:
        """React to the beginning or the end of a pause."""
        self._pauses.note()
        self.change()
