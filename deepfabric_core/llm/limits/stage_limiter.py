"""The rate limiter of one stage of a run: get permits, report how calls ended, wait before a retry."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from deepfabric_core.chat.messages import Request
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.events import Emit
from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.limiter import Limiter
from deepfabric_core.llm.limits.queue import Permit, Places, SentBack, StageQueue, WaitingCall
from deepfabric_core.llm.limits.quota_headers import RemainingQuota
from deepfabric_core.llm.limits.recent import ONE, Size
from deepfabric_core.llm.limits.reply_spacing import ReplySpacing
from deepfabric_core.stop import Stop, Stopped

_SECONDS_BETWEEN_EVENTS = 0.5
_CHARACTERS_PER_TOKEN = 4
_SMOOTHING = 0.1


class StageLimiter:
    """A stage's share of a limiter, with limits of its own; its `places` may be shared with other endpoints."""

    def __init__(self, limiter: Limiter, places: Places, limits: RateLimit, emit: Emit, stop: Stop) -> None:
        self.limits = limits
        self.queue = StageQueue(places, limits, stop, self.ended)
        self.reply_spacing = ReplySpacing()
        self._limiter = limiter
        self._emit = emit
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._resting: set[asyncio.Future[None]] = set()
        self._rests_until: list[float] = []
        self._was_refused = False
        self._completion_tokens = 0.0
        self._emitted_at = -math.inf
        self._emitting: asyncio.TimerHandle | None = None
        self._paused_at: float | None = None
        self._paused_before = 0.0

    @contextmanager
    def opened(self) -> Iterator[StageLimiter]:
        """Share the limiter with other stages while this context is open."""
        unlisten = self._stop.listen(lambda: self.queue.call_soon(self._on_stop))
        unlisten_to_pauses = self._stop.listen_to_pauses(lambda: self.queue.call_soon(self._on_pause))
        self._note_pause()
        with self._limiter.lock:
            self._limiter.join(self.queue)
        self.queue.places.admit[self.queue] = self._admit
        try:
            yield self
        finally:
            unlisten()
            unlisten_to_pauses()
            del self.queue.places.admit[self.queue]
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
        return self._paused_before + (0.0 if self._paused_at is None else self._limiter.clock() - self._paused_at)

    async def acquire(self, request: Request, *, again: bool = False) -> Permit:
        """Wait for a permit to make a call. A call that continues a work item or is a retry (`again`) goes first.

        Raises:
            Stopped: a stop came first, and nothing was paid for the work item yet.
            SentBack: the call is to be made elsewhere.
        """
        self._check_stop(request)
        size = self._expected_size(request)
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
        self._check_stop(request)
        until = self._limiter.clock() + seconds
        self._rests_until.append(until)
        self._emit_later()
        try:
            await (asyncio.sleep(seconds) if request.continues else self._rest_or_stop(seconds))
        finally:
            self._rests_until.remove(until)

    async def _rest_or_stop(self, seconds: float) -> None:
        rested = self._loop.create_future()
        self._resting.add(rested)
        timer = self._loop.call_later(seconds, _finish, rested)
        try:
            await rested
        finally:
            timer.cancel()
            self._resting.discard(rested)

    def answered(self, permit: Permit, prompt_tokens: int, completion_tokens: int) -> None:
        """Report that a call was answered, and how many tokens it used."""
        known = self._completion_tokens
        self._completion_tokens += (completion_tokens - known) * (_SMOOTHING if known else 1.0)
        with self._limiter.lock:
            self._limiter.controller.answered(permit.call, self._limiter.clock())
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

    def _expected_size(self, request: Request) -> Size:
        """Return the tokens of the prompt, by its length, and of a usual reply; at first, half of the maximum reply."""
        if self.limits.tokens_per_minute is None and not self.limits.check_headers:
            return ONE
        prompt = sum(len(message.content) for message in request.messages) / _CHARACTERS_PER_TOKEN
        return Size(1.0, prompt, self._completion_tokens or request.max_tokens / 2)

    def _check_stop(self, request: Request) -> None:
        if self._stop.requested and not request.continues:
            raise Stopped

    def _on_stop(self) -> None:
        """Reject waiting calls of work items that weren't begun; calls that continue one still get their permit."""
        with self._limiter.lock:
            waiting = self.queue.remove_not_begun()
        futures: list[asyncio.Future[Any]] = [*(call.permit for call in waiting), *self._resting]
        for future in futures:
            if not future.done():
                future.set_exception(Stopped())
        self._emit_state()

    def _on_pause(self) -> None:
        """React to the beginning or the end of a pause."""
        self._note_pause()
        with self._limiter.lock:
            self._limiter.admit()
        self._emit_state()

    def _note_pause(self) -> None:
        if self._stop.paused and self._paused_at is None:
            self._paused_at = self._limiter.clock()
        elif not self._stop.paused and self._paused_at is not None:
            self._paused_before, self._paused_at = self.paused_for, None


def _finish(rested: asyncio.Future[None]) -> None:
    if not rested.done():
        rested.set_result(None)
