"""The rate limiter of one stage of a run: get permits, report how calls ended, wait before a retry."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from deepfabric_core.chat.messages import Request
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.events import Emit
from deepfabric_core.llm.endpoint_health import EndpointHealth
from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.limiter import Limiter
from deepfabric_core.llm.limits.queue import Permit, Places, SentBack, StageQueue, WaitingCall
from deepfabric_core.llm.limits.quota_headers import RemainingQuota
from deepfabric_core.llm.limits.reply_spacing import ReplySpacing
from deepfabric_core.llm.limits.stage_state import ExpectedSize, PauseClock, Rests, check_stop
from deepfabric_core.stop import Stop, Stopped

_SECONDS_BETWEEN_EVENTS = 0.5


class StageLimiter:
    """A stage's share of a limiter, with limits of its own; its `places` may be shared with other endpoints."""

    def __init__(self, limiter: Limiter, places: Places, limits: RateLimit, emit: Emit, stop: Stop) -> None:
        self.limits = limits
        self.queue = StageQueue(places, limits, stop, self.ended)
        self.health = EndpointHealth()
        self.reply_spacing = ReplySpacing()
        self._limiter = limiter
        self._emit = emit
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._rests = Rests()
        self._sizes = ExpectedSize(limits)
        self._pauses = PauseClock(stop, limiter.clock)
        self._rests_until: list[float] = []
        self._was_refused = False
        self._emitted_at = -math.inf
        self._emitting: asyncio.TimerHandle | None = None

    @contextmanager
    def opened(self) -> Iterator[StageLimiter]:
        """Share the limiter with other stages while this context is open."""
        unlisten = self._stop.listen(lambda: self.queue.call_soon(self._on_stop))
        unlisten_to_pauses = self._stop.listen_to_pauses(lambda: self.queue.call_soon(self._on_pause))
        self._pauses.note()
        with self._limiter.lock:
            self._limiter.join(self.queue)
        self.queue.places.join(self._limiter, self.queue, self._admit)
        try:
            yield self
        finally:
            unlisten()
            unlisten_to_pauses()
            self.queue.places.leave(self._limiter, self.queue)
            with self._limiter.lock:
                self._limiter.leave(self.queue)
            if self._emitting is not None:
                self._emitting.cancel()

    @property
    def in_flight(self) -> int:
        """Calls in flight."""
        return self.queue.in_flight

    @property
    def waiting(self) -> int:
        """Calls that wait for a permit."""
        return self.queue.waiting

    @property
    def paused_for(self) -> float:
        """Seconds in pauses so far, which time limits don't count."""
        return self._pauses.paused_for

    async def acquire(self, request: Request, *, again: bool = False) -> Permit:
        """Wait for a permit to make a call. A call that continues a work item or is a retry (`again`) goes first.

        Raises:
            Stopped: a stop came first, and nothing was paid for the work item yet.
            SentBack: the call is to be made elsewhere.
        """
        check_stop(self._stop, request)
        size = self._sizes.of(request)
        with self._limiter.lock:
            waiting = self.queue.append(request, size, again=again)
            self._limiter.admit()
        try:
            permit = await waiting.permit
        except asyncio.CancelledError:
            self._give_up(waiting)
            raise
        self._emit_later()
        return permit

    def _give_up(self, waiting: WaitingCall) -> None:
        if waiting.permit.done() and not waiting.permit.cancelled() and not waiting.permit.exception():
            self.ended(waiting.permit.result())
            return
        with self._limiter.lock:
            self.queue.remove(waiting)

    def send_back(self, count: int) -> None:
        """Have so many waiting calls made elsewhere, those that would wait longest."""
        with self._limiter.lock:
            removed = self.queue.remove_last(count)
        for waiting in removed:
            if not waiting.permit.done():
                waiting.permit.set_exception(SentBack())
        self._emit_later()

    @property
    def has_room(self) -> bool:
        """Whether calls lately could begin at once."""
        controller, now = self._limiter.controller, self._limiter.clock()
        return not self.waiting and controller.in_flight < controller.allowed and controller.paused_until <= now

    def learned(self) -> Learned | None:
        """Return what is known of the endpoint's limits; None if nothing is."""
        return self._limiter.learned()

    def start_anew(self, learned: Learned | None) -> None:
        """Begin with limits that were learned before no call was answered for long."""
        self._limiter.start_anew(learned)

    async def rest(self, seconds: float, request: Request) -> None:
        """Wait before a retry, without holding a permit.

        Raises:
            Stopped: a stop came first, and nothing was paid for the work item yet.
        """
        check_stop(self._stop, request)
        until = self._limiter.clock() + seconds
        self._rests_until.append(until)
        self._emit_later()
        try:
            await self._rests.rest(seconds, request)
        finally:
            self._rests_until.remove(until)

    def answered(self, permit: Permit, prompt_tokens: int, completion_tokens: int, at: float | None = None) -> None:
        """Report that a call was answered, now or `at` a time, and how many tokens it used."""
        self._sizes.answered(completion_tokens)
        with self._limiter.lock:
            self._limiter.controller.answered(permit.call, self._limiter.clock() if at is None else at)
            self._limiter.ended(refused=False)
            self._was_refused = False
            self._limiter.correct_tokens(prompt_tokens + completion_tokens - permit.tokens)
            self.queue.end_one()
        self._end()
        self._emit_now_and_then()

    def refused(self, permit: Permit, seconds: float) -> None:
        """Report that a call was refused (429) and may not be repeated for so many seconds."""
        with self._limiter.lock:
            cut = self._limiter.controller.refused(permit.call, self._limiter.clock(), seconds)
            self._limiter.ended(refused=True)
            self._was_refused = True
            self._limiter.correct_tokens(-permit.tokens)
            self.queue.end_one()
        self._end()
        self._emit_now_and_then(at_once=cut)

    def ended(self, permit: Permit) -> None:
        """Report that a call ended in any other way."""
        with self._limiter.lock:
            self._was_refused = False
            self._limiter.controller.ended()
            self._limiter.correct_tokens(-permit.tokens)
            self.queue.end_one()
        self._end()

    def told(self, permit: Permit, quotas: Mapping[str, RemainingQuota]) -> None:
        """Report the quotas that the provider states with the answer to a call, or with its refusal."""
        with self._limiter.lock:
            self._limiter.controller.told(quotas, permit.call, self._limiter.clock(), self.limits.max_delay)

    def _end(self) -> None:
        self.queue.places.offer()
        self._emit_later()

    def _admit(self) -> None:
        with self._limiter.lock:
            self._limiter.admit()

    def _emit_now_and_then(self, *, at_once: bool = False) -> None:
        if at_once or self._limiter.clock() - self._emitted_at >= _SECONDS_BETWEEN_EVENTS:
            self._emit_state()

    def _emit_later(self) -> None:
        """Schedule an event, so that the last of several changes is reported even if nothing follows it for long."""
        if self._emitting is None:
            self._emitting = self._loop.call_later(_SECONDS_BETWEEN_EVENTS, self._emit_state)

    def _emit_state(self) -> None:
        if self._emitting is not None:
            self._emitting.cancel()
            self._emitting = None
        with self._limiter.lock:
            self._emitted_at = self._limiter.clock()
            state = self._limiter.state(self.queue)
        if self._was_refused and self._rests_until and not self.in_flight and not self.waiting:
            state = replace(state, bound="pause", limit=min(self._rests_until) - self._emitted_at)
        self._emit(state)

    def _on_stop(self) -> None:
        """Reject waiting calls of work items that weren't begun; calls that continue one still get their permit."""
        with self._limiter.lock:
            waiting = self.queue.remove_not_begun()
        for call in waiting:
            if not call.permit.done():
                call.permit.set_exception(Stopped())
        self._rests.stop()
        self._emit_state()

    def _on_pause(self) -> None:
        """React to the beginning or the end of a pause."""
        self._pauses.note()
        with self._limiter.lock:
            self._limiter.admit()
        self._emit_state()
