"""The rate limiter of one endpoint and model, shared by all runs of this process.

The calls of each stage of a run wait in a `StageQueue`. A permit goes to the queue with the fewest calls in flight.
`AdaptiveController` and the limits that the user set decide whether there is a permit to give.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deepfabric_core.events import Bound, LimiterChanged
from deepfabric_core.llm.limits.binding import RefusedLately
from deepfabric_core.llm.limits.controller import AdaptiveController
from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.learned_exchange import LearnedExchange
from deepfabric_core.llm.limits.queue import StageQueue
from deepfabric_core.llm.limits.rate import TokenBucket
from deepfabric_core.llm.limits.recent import Call, Size

# In seconds: how long the learned limits are kept after the last run has ended.
_FORGOTTEN_AFTER = 60.0

# A little more than a minute, so that no period of a minute has more than what is allowed.
_MINUTE = 60.2

# If nothing else binds although so many of the calls are refused, the provider is overloaded.
_OVERLOADED = 0.05


@dataclass(eq=False)
class Limiter:
    """The limiter of one endpoint and model. Runs may share it from several event loops in several threads.

    Callers of its methods must hold `lock`.
    """

    clock: Callable[[], float] = time.monotonic
    controller: AdaptiveController = field(default_factory=AdaptiveController)
    lock: threading.RLock = field(default_factory=threading.RLock)
    exchange: LearnedExchange | None = None
    _queues: list[StageQueue] = field(default_factory=list)
    _requests: TokenBucket | None = None
    _tokens: TokenBucket | None = None
    _refused: RefusedLately = field(default_factory=RefusedLately)
    _left_at: float = -math.inf
    _began_at: float = -math.inf
    _timer_at: float = math.inf
    _timer_of: StageQueue | None = None

    def join(self, queue: StageQueue) -> None:
        """Add the queue of a stage that begins."""
        first = not self._queues
        if first and self.clock() - self._left_at > _FORGOTTEN_AFTER:
            self.controller = AdaptiveController()
        self._queues.append(queue)
        self._combine()
        if first and self.exchange is not None:
            self.exchange.begin(self)

    def leave(self, queue: StageQueue) -> None:
        """Remove the queue of a stage that has ended."""
        self._queues.remove(queue)
        self._left_at = self.clock()
        if self._timer_of is queue:
            self._timer_at, self._timer_of = math.inf, None
        self._combine()
        if not self._queues and self.exchange is not None:
            self.exchange.end()
        self.admit()

    def learned(self) -> Learned | None:
        """Return what is known of the limits now; None if nothing is. The caller needs no lock."""
        with self.lock:
            return self.controller.learned()

    def start_anew(self, learned: Learned | None) -> None:
        """Forget what time alone has made of the limits, since no call was answered for long; begin with these.

        The caller needs no lock.
        """
        with self.lock:
            if not self.controller.in_flight:
                self.controller = AdaptiveController()
                self._combine()
            if learned is not None:
                self.controller.start_from(learned, self.clock())

    def start_from(self, learned: Learned) -> None:
        """Take limits that were learned before, or by others. The caller needs no lock."""
        with self.lock:
            self.controller.start_from(learned, self.clock())

    def is_idle(self) -> bool:
        """Return whether no call is in flight and none may begin. The caller needs no lock."""
        with self.lock:
            return not self.controller.in_flight and not any(queue.ready for queue in self._queues)

    def _combine(self) -> None:
        """Add up the ceilings of all queues, each once, and apply their strictest limits.

        Without a queue nothing changes.
        """
        if not self._queues:
            return
        self.controller.ceiling = max(1, sum(places.total for places in {queue.places for queue in self._queues}))
        limits = [queue.limits for queue in self._queues]
        self._requests = _strictest(self._requests, [one.requests_per_minute for one in limits])
        self._tokens = _strictest(self._tokens, [one.tokens_per_minute for one in limits])

    def admit(self) -> None:
        """Give permits to waiting calls as long as limits allow, and set a timer for the next permit."""
        bound: Bound = "nothing"
        while ready := [queue for queue in self._queues if queue.ready]:
            self.controller.waiting = sum(queue.waiting for queue in self._queues)
            queue = min(ready, key=lambda queue: queue.in_flight)
            wait, bound = self._wait(queue.next_size)
            if wait > 0:
                self._come_back(wait, queue)
                break
            queue.admit_first(self.begin)
        now = self.clock()
        for queue in self._queues:
            queue.bound_lately.note("ceiling" if queue.is_full else bound if queue.ready else "nothing", now)

    def _wait(self, size: Size) -> tuple[float, Bound]:
        """Return the seconds until a call of this size may begin, and what it waits for."""
        now = self.clock()
        longest = self.controller.wait(now, size)
        bound: Bound = self._learned(now) if longest > 0 else "nothing"
        meters: tuple[tuple[TokenBucket | None, Bound], ...] = (
            (self._requests, "requests_per_minute"),
            (self._tokens, "tokens_per_minute"),
        )
        for meter, name in meters:
            if meter is not None and (wait := meter.wait(now)) > longest:
                longest, bound = wait, name
        return longest, bound

    def _learned(self, now: float) -> Bound:
        """Return which of the limits that were learned or told makes calls wait; none while the limits are found."""
        controller = self.controller
        if now < controller.paused_until:
            return "pause"
        if controller.in_flight >= controller.ceiling:
            return "ceiling"
        if controller.in_flight >= controller.allowed:
            return "places" if controller.refused_at > -math.inf else "nothing"
        if controller.per_second < math.inf:
            return "rate"
        return "quota" if now < controller.quota_full_at else "nothing"

    def _come_back(self, wait: float, queue: StageQueue) -> None:
        at = self.clock() + wait
        if at < self._timer_at:
            self._timer_at, self._timer_of = at, queue
            queue.call_later(wait, lambda: self._come(at))

    def _come(self, at: float) -> None:
        with self.lock:
            if at == self._timer_at:
                self._timer_at, self._timer_of = math.inf, None
                self.admit()

    @property
    def is_free(self) -> bool:
        """Whether nothing holds calls back but the ceiling: no limit is set, stated, or was ever noticed."""
        return self._requests is None and self._tokens is None and self.controller.knows_no_limit

    def begin(self, size: Size, began: float | None = None) -> Call:
        """Register a call that begins and is expected to be of this size, or that `began` a moment ago.

        It counts as begun no sooner than the one before.
        """
        now = self.clock() if began is None else max(self._began_at, min(began, self.clock()))
        self._began_at = now
        if self._requests is not None:
            self._requests.take(now)
        if self._tokens is not None:
            self._tokens.take(now, size.of("tokens"))
        return self.controller.begin(now, size)

    def correct_tokens(self, more: float) -> None:
        """Correct the tokens taken: `more` is how many more than expected a call used, negative for fewer."""
        if self._tokens is not None:
            self._tokens.take(self.clock(), more)

    def ended(self, *, refused: bool) -> None:
        """Note that a call was answered or refused."""
        self._refused.note(self.clock(), refused=refused)

    def state(self, queue: StageQueue) -> LimiterChanged:
        """Return the event that describes the limiter's state to a stage."""
        now, controller = self.clock(), self.controller
        waiting = sum(queue.waiting for queue in self._queues)
        bound, limit = self._binding(queue, now)
        return LimiterChanged(controller.allowed, controller.in_flight, waiting, queue.in_flight, bound, limit)

    def _binding(self, queue: StageQueue, now: float) -> tuple[Bound, float]:
        """Return what binds, and its value."""
        paused, bound = self.controller.paused_until - now, queue.bound_lately.most(now)
        if paused > 0:
            return "pause", paused
        refused = self._refused.share(now)
        if bound in ("nothing", "ceiling") and refused >= _OVERLOADED:
            return "overload", refused
        match bound:
            case "ceiling":
                return bound, queue.ceiling
            case "places":
                return bound, self.controller.allowed
            case "rate" if self.controller.per_second < math.inf:
                return bound, self.controller.per_second
            case "requests_per_minute" if self._requests is not None:
                return bound, self._requests.per_second * _MINUTE
            case "tokens_per_minute" if self._tokens is not None:
                return bound, self._tokens.per_second * _MINUTE
            case "quota" if now < self.controller.quota_full_at:
                return bound, self.controller.quota_full_at - now
        return "nothing", 0.0


class Limiters:
    """The limiters of this process, one for each endpoint, model and key."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], Limiter] = {}
        self._lock = threading.Lock()

    def of(self, *target: str, exchange: LearnedExchange | None = None) -> Limiter:
        """Return the limiter of a target, such as provider, address and model; a new one has that exchange."""
        with self._lock:
            return self._known.setdefault(target, Limiter(exchange=exchange))


def _strictest(meter: TokenBucket | None, per_minute: list[float | None]) -> TokenBucket | None:
    known = [limit for limit in per_minute if limit is not None]
    if not known:
        return None
    meter = meter or TokenBucket(1.0)
    meter.per_second = min(known) / _MINUTE
    return meter
