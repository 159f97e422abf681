"""One stage of one run at a limiter: its calls under way, those that wait, and those that rest before another try."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from deepfabric_core.chat.messages import Request
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.events import Emit
from deepfabric_core.llm.limits.headers import Allowance
from deepfabric_core.llm.limits.limiter import Limiter, running_in
from deepfabric_core.llm.limits.rate import Call
from deepfabric_core.llm.limits.reply_spacing import Turnstile
from deepfabric_core.stop import Stop, Stopped

_SECONDS_BETWEEN_EVENTS = 0.5
_CHARACTERS_PER_TOKEN = 4
_SMOOTHING = 0.1


@dataclass(frozen=True, slots=True)
class Turn:
    """A call's leave to go; `tokens` is what it is expected to take."""

    call: Call
    tokens: float


@dataclass(eq=False, slots=True)
class _Waiting:
    request: Request
    tokens: float
    turn: asyncio.Future[Turn]


class Lane:
    """At most `ceiling` calls are under way in it at once."""

    def __init__(self, limiter: Limiter, ceiling: int, limits: RateLimit, emit: Emit, stop: Stop) -> None:
        self.ceiling = ceiling
        self.limits = limits
        self.in_flight = 0
        self.turnstile = Turnstile()
        self._limiter = limiter
        self._emit = emit
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._returning: deque[_Waiting] = deque()
        self._fresh: deque[_Waiting] = deque()
        self._resting: set[asyncio.Future[None]] = set()
        self._completion_tokens = 0.0
        self._expected = 0.0
        self._told_at = -math.inf
        self._telling: asyncio.TimerHandle | None = None
        self._paused_at: float | None = None
        self._paused_before = 0.0

    @contextmanager
    def opened(self) -> Iterator[Lane]:
        """Take part in the sharing while this is open."""
        deaf = self._stop.listen(lambda: self.call_soon(self._heed_stop))
        deaf_to_pauses = self._stop.listen_to_pauses(lambda: self.call_soon(self._heed_pause))
        self._note_pause()
        with self._limiter.lock:
            self._limiter.join(self)
        try:
            yield self
        finally:
            deaf()
            deaf_to_pauses()
            with self._limiter.lock:
                self._limiter.leave(self)
            if self._telling is not None:
                self._telling.cancel()

    @property
    def waiting(self) -> int:
        """Calls that wait for their turn."""
        return len(self._returning) + len(self._fresh)

    @property
    def ready(self) -> bool:
        """Whether a call waits, and neither a pause nor the lane's own ceiling holds it back."""
        return self.in_flight < self.ceiling and not self._stop.paused and bool(self._returning or self._fresh)

    @property
    def paused_for(self) -> float:
        """Seconds in pauses so far: what is patient for some time doesn't count them."""
        return self._paused_before + (0.0 if self._paused_at is None else self._limiter.clock() - self._paused_at)

    async def enter(self, request: Request, *, again: bool = False) -> Turn:
        """Wait for leave to make a call; one that goes on with something begun, or is made `again`, comes first.

        Raises:
            Stopped: a stop came first, and nothing was paid for the work item yet.
        """
        self._check_stop(request)
        waiting = _Waiting(request, self._expected_tokens(request), self._loop.create_future())
        queue = self._returning if again or request.continues else self._fresh
        with self._limiter.lock:
            queue.append(waiting)
            self._limiter.let_in()
        try:
            turn = await waiting.turn
        except asyncio.CancelledError:
            self._forgo(waiting, queue)
            raise
        self._tell_later()
        return turn

    def let_first_in(self) -> None:
        """Give the first one in line its turn."""
        waiting = (self._returning or self._fresh).popleft()
        self.in_flight += 1
        turn = Turn(self._limiter.begin(waiting.tokens), waiting.tokens)
        self.call_soon(lambda: self._hand_over(waiting, turn))

    def _hand_over(self, waiting: _Waiting, turn: Turn) -> None:
        if waiting.turn.done():  # given up in the meantime
            self.ended(turn)
        else:
            waiting.turn.set_result(turn)

    def _forgo(self, waiting: _Waiting, queue: deque[_Waiting]) -> None:
        if waiting.turn.done() and not waiting.turn.cancelled() and not waiting.turn.exception():
            self.ended(waiting.turn.result())
            return
        with self._limiter.lock:
            if waiting in queue:
                queue.remove(waiting)

    async def rest(self, seconds: float, request: Request) -> None:
        """Wait before a call is made again; meanwhile its place is free for others.

        Raises:
            Stopped: a stop came first, and nothing was paid for the work item yet.
        """
        self._check_stop(request)
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

    def answered(self, turn: Turn, prompt_tokens: int, completion_tokens: int) -> None:
        """A call was answered, and took so many tokens."""
        known = self._completion_tokens
        self._completion_tokens += (completion_tokens - known) * (_SMOOTHING if known else 1.0)
        with self._limiter.lock:
            self._limiter.pace.answered(turn.call, self._limiter.clock())
            self._limiter.correct_tokens(prompt_tokens + completion_tokens - turn.tokens)
            self._end()
        self._tell_now_and_then()

    def refused(self, turn: Turn, seconds: float) -> None:
        """A call was refused (429), and isn't to be made again for so many seconds."""
        with self._limiter.lock:
            cut = self._limiter.pace.refused(turn.call, self._limiter.clock(), seconds)
            self._limiter.correct_tokens(-turn.tokens)
            self._end()
        self._tell_now_and_then(at_once=cut)

    def ended(self, turn: Turn) -> None:
        """A call ended in any other way."""
        with self._limiter.lock:
            self._limiter.pace.ended()
            self._limiter.correct_tokens(-turn.tokens)
            self._end()

    def told(self, requests: Allowance | None, tokens: Allowance | None) -> None:
        """The provider said how much more it takes: tokens count as the calls they are enough for."""
        each = max(1.0, self._expected)
        known = [one for one in (requests, tokens and Allowance(tokens.remaining // each, tokens.reset)) if one]
        if known:
            least = min(known, key=lambda one: one.remaining)
            with self._limiter.lock:
                reset = min(least.reset, self.limits.max_delay)
                self._limiter.pace.told(least.remaining, reset, self._limiter.clock())

    def _end(self) -> None:
        self.in_flight -= 1
        self._limiter.let_in()
        self._tell_later()

    def _tell_now_and_then(self, *, at_once: bool = False) -> None:
        if at_once or self._limiter.clock() - self._told_at >= _SECONDS_BETWEEN_EVENTS:
            self._tell()

    def _tell_later(self) -> None:
        """So that the last of several changes is told as well, when nothing follows it for long."""
        if self._telling is None:
            self._telling = self._loop.call_later(_SECONDS_BETWEEN_EVENTS, self._tell)

    def _tell(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        with self._limiter.lock:
            self._told_at = self._limiter.clock()
            state = replace(self._limiter.state(), own=self.in_flight)
        self._emit(state)

    def _expected_tokens(self, request: Request) -> float:
        """Of the prompt by its length, and as many as usual of the answer; at first, half of what is allowed."""
        if self.limits.tokens_per_minute is None and not self.limits.check_headers:
            return 0.0
        prompt = sum(len(message.content) for message in request.messages) / _CHARACTERS_PER_TOKEN
        self._expected = prompt + (self._completion_tokens or request.max_tokens / 2)
        return self._expected

    def _check_stop(self, request: Request) -> None:
        if self._stop.requested and not request.continues:
            raise Stopped

    def _heed_stop(self) -> None:
        """Send away all whose work wasn't begun; those that go on with something paid for still get their turn."""
        with self._limiter.lock:
            waiting = [one for queue in (self._returning, self._fresh) for one in queue if not one.request.continues]
            for queue in (self._returning, self._fresh):
                remaining = [one for one in queue if one.request.continues]
                queue.clear()
                queue.extend(remaining)
        futures: list[asyncio.Future[Any]] = [*(one.turn for one in waiting), *self._resting]
        for future in futures:
            if not future.done():
                future.set_exception(Stopped())
        self._tell()

    def _heed_pause(self) -> None:
        """A pause has begun or ended."""
        self._note_pause()
        with self._limiter.lock:
            self._limiter.let_in()
        self._tell()

    def _note_pause(self) -> None:
        if self._stop.paused and self._paused_at is None:
            self._paused_at = self._limiter.clock()
        elif not self._stop.paused and self._paused_at is not None:
            self._paused_before, self._paused_at = self.paused_for, None

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Do something in the thread of this lane's event loop: at once, if this is it."""
        if running_in(self._loop):
            callback()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Do something in the thread of this lane's event loop, later."""

        def arm() -> None:
            self._loop.call_later(seconds, callback)

        self.call_soon(arm)


def _finish(rested: asyncio.Future[None]) -> None:
    if not rested.done():
        rested.set_result(None)
