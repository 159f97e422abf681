"""What all runs of this process know about one endpoint and model, and who may make the next call.

A stage of a run opens a `Lane`; in it calls wait their turn. A free place goes to the lane with the fewest calls under
way. Whether a place is free, `Pace` says, and the limits that the user set.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deepfabric_core.events import LimiterChanged
from deepfabric_core.llm.limits.controller import Pace
from deepfabric_core.llm.limits.rate import Call, Meter

if TYPE_CHECKING:
    from deepfabric_core.llm.limits.lane import Lane

# What was learned holds for this long, in seconds, after the last run has gone.
_FORGOTTEN_AFTER = 60.0
_WHY_FOR = 10.0

# A little more than a minute, so that no minute sees more than was allowed, whenever it begins.
_MINUTE = 60.2


@dataclass
class Limiter:
    """The gate to one endpoint and model. Runs may share it from several event loops in several threads.

    Whoever calls a method holds `lock`.
    """

    clock: Callable[[], float] = time.monotonic
    pace: Pace = field(default_factory=Pace)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _lanes: list[Lane] = field(default_factory=list)
    _requests: Meter | None = None
    _tokens: Meter | None = None
    _left_at: float = -math.inf
    _timer_at: float = math.inf
    _timer_of: Lane | None = None

    def join(self, lane: Lane) -> None:
        """A stage of a run begins."""
        if not self._lanes and self.clock() - self._left_at > _FORGOTTEN_AFTER:
            self.pace = Pace()
        self._lanes.append(lane)
        self._combine()

    def leave(self, lane: Lane) -> None:
        """It is over."""
        self._lanes.remove(lane)
        self._left_at = self.clock()
        if self._timer_of is lane:
            self._timer_at, self._timer_of = math.inf, None
        self._combine()
        self.let_in()

    def _combine(self) -> None:
        """The ceilings of all lanes together, and the strictest of their limits; between two stages nothing changes."""
        if not self._lanes:
            return
        self.pace.ceiling = max(1, sum(lane.ceiling for lane in self._lanes))
        limits = [lane.limits for lane in self._lanes]
        self._requests = _strictest(self._requests, [one.requests_per_minute for one in limits])
        self._tokens = _strictest(self._tokens, [one.tokens_per_minute for one in limits])

    def let_in(self) -> None:
        """Give each free place to whoever is next, and come back when there will be another one."""
        while ready := [lane for lane in self._lanes if lane.ready]:
            wait = self._wait()
            if wait > 0:
                self._come_back(wait, ready[0])
                return
            min(ready, key=lambda lane: lane.in_flight).let_first_in()

    def _wait(self) -> float:
        now = self.clock()
        wait = self.pace.wait(now)
        for meter in (self._requests, self._tokens):
            if meter is not None:
                wait = max(wait, meter.wait(now))
        return wait

    def _come_back(self, wait: float, lane: Lane) -> None:
        at = self.clock() + wait
        if at < self._timer_at:
            self._timer_at, self._timer_of = at, lane
            lane.call_later(wait, lambda: self._come(at))

    def _come(self, at: float) -> None:
        with self.lock:
            if at == self._timer_at:
                self._timer_at, self._timer_of = math.inf, None
                self.let_in()

    def begin(self, tokens: float) -> Call:
        """A call begins that is expected to take so many tokens."""
        now = self.clock()
        if self._requests is not None:
            self._requests.take(now)
        if self._tokens is not None:
            self._tokens.take(now, tokens)
        return self.pace.begin(now)

    def correct_tokens(self, more: float) -> None:
        """A call took more tokens than expected, or fewer."""
        if self._tokens is not None:
            self._tokens.take(self.clock(), more)

    def state(self) -> LimiterChanged:
        """Where it stands."""
        now, pace = self.clock(), self.pace
        pressed = now < pace.paused_until + _WHY_FOR or now < pace.refused_at + _WHY_FOR
        waiting = sum(lane.waiting for lane in self._lanes)
        return LimiterChanged(pace.allowed, pace.in_flight, waiting, pace.why if pressed else "")


class Limiters:
    """The limiters of this process, one for each endpoint and model."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], Limiter] = {}
        self._lock = threading.Lock()

    def of(self, *target: str) -> Limiter:
        """The limiter of a target, say provider, address and model."""
        with self._lock:
            return self._known.setdefault(target, Limiter())


def _strictest(meter: Meter | None, per_minute: list[float | None]) -> Meter | None:
    known = [limit for limit in per_minute if limit is not None]
    if not known:
        return None
    meter = meter or Meter(1.0)
    meter.per_second = min(known) / _MINUTE
    return meter


def running_in(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether this is the thread of that event loop."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
