"""A provider and a crowd of callers in virtual time, to see what `AdaptiveController` makes of each kind of limit.

Nothing sleeps: an agenda of what happens when is worked off, and the clock jumps from one entry to the next.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from deepfabric_core.llm.limits.controller import AdaptiveController
from deepfabric_core.llm.limits.recent import Call

Headers = tuple[float, float] | None

# A wait may be too short to move a clock that counts in floats.
_TICK = 1e-6


@dataclass(frozen=True)
class Terms:
    """What a provider takes: calls a second (in a bucket, or in fixed windows), calls at once, or both; seconds.

    A refused call may count as one taken, as far as one burst of debt, and it may hold a place until it is heard of,
    `refusal` seconds after it began. `spread` is the sigma of lognormal latencies, `jitter` that of refusals. Without
    `retry_after` a refused call comes back after a backoff. The headers say what is left when a call is answered, when
    it arrived, or only when it is refused.
    """

    per_second: float | None = None
    burst: int = 10
    window: float | None = None
    at_once: int | None = None
    refused_count: bool = False
    latency: float = 0.2
    spread: float = 0.0
    way: float = 0.003
    refusal: float = 0.003
    jitter: float = 0.0
    holds_place: bool = False
    retry_after: float | None = 1.0
    refused_at_random: float = 0.0
    headers: Literal["answer", "arrival", "refusal"] | None = None

    def ideal(self, samples: int, ceiling: int) -> float:
        """Seconds that so many samples take at best."""
        at_once = min(ceiling, self.at_once or ceiling)
        latency = self.latency * math.exp(self.spread**2 / 2)
        seconds = max(latency, samples * latency / at_once)
        if self.per_second is None:
            return seconds
        given = self.burst if self.window is None else self.per_second * self.window
        return max(seconds, (samples - given) / self.per_second + latency)


class VirtualProvider:
    """Lets calls in or refuses them; its terms may be replaced at any time."""

    def __init__(self, terms: Terms, chance: random.Random) -> None:
        self.terms = terms
        self.in_flight = 0
        self._chance = chance
        self._left = float(terms.burst)
        self._as_of = 0.0
        self._window = -1

    def lets_in(self, now: float) -> bool:
        """A call arrives."""
        terms = self.terms
        self._refill(now)
        over = terms.at_once is not None and self.in_flight >= terms.at_once
        over |= terms.per_second is not None and self._left < 1
        over |= self._chance.random() < terms.refused_at_random
        if not over or terms.refused_count:
            self._left = max(self._left - 1, -float(terms.burst))
        self.in_flight += not over or terms.holds_place
        return not over

    def latency(self) -> float:
        """How long a call takes."""
        return self.terms.latency * self._chance.lognormvariate(0, self.terms.spread)

    def refusal(self) -> float:
        """How long it takes from a call's beginning until its refusal is heard."""
        return self.terms.refusal * self._chance.lognormvariate(0, self.terms.jitter)

    def headers(self, now: float) -> Headers:
        """How many more calls it takes, and in how many seconds all that it ever takes is back."""
        terms = self.terms
        if terms.headers is None or terms.per_second is None:
            return None
        self._refill(now)
        left = max(0, int(self._left))
        if terms.window is not None:
            return left, (self._window + 1) * terms.window - now
        return left, (terms.burst - self._left) / terms.per_second

    def _refill(self, now: float) -> None:
        rate, window = self.terms.per_second, self.terms.window
        if rate is not None and window is not None:
            if int(now / window) != self._window:
                self._window, self._left = int(now / window), rate * window
        elif rate is not None:
            self._left = min(self.terms.burst, self._left + (now - self._as_of) * rate)
        self._as_of = now


@dataclass
class Crowd:
    """Callers who want so many samples of a provider as soon as their pace lets them; refused ones come back."""

    terms: Terms
    samples: int
    ceiling: int = 256
    seed: int = 1
    now: float = 0.0
    answered: int = 0
    refused: int = 0
    peak: int = 0
    began: list[float] = field(default_factory=list)
    refused_at: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.controller = AdaptiveController(ceiling=self.ceiling)
        self._chance = random.Random(self.seed)
        self.provider = VirtualProvider(self.terms, self._chance)
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._ready = self.samples
        self._woken_at = -math.inf

    @property
    def share_of_ideal(self) -> float:
        """How close it came to the best there is: 1 is as quick."""
        return self.terms.ideal(self.samples, self.ceiling) / self.now

    @property
    def refused_per_sample(self) -> float:
        """How impolite it was."""
        return self.refused / self.samples

    def within(self, seconds: float, do: Callable[[], None]) -> None:
        """Have something happen later."""
        heapq.heappush(self._agenda, (self.now + seconds, next(self._order), do))

    def run(self, until: float = 1000.0) -> Crowd:
        """Go on until all samples are there, or until a time."""
        self._begin_calls()
        while self.answered < self.samples and self._agenda and self._agenda[0][0] <= until:
            self.now, _, do = heapq.heappop(self._agenda)
            do()
            self._begin_calls()
        return self

    def _begin_calls(self) -> None:
        while self._ready:
            wait = self.controller.wait(self.now)
            if wait > 0:
                self._wake_in(wait)
                return
            self._ready -= 1
            call = self.controller.begin(self.now)
            self.began.append(self.now)
            self.peak = max(self.peak, self.controller.in_flight)
            self.within(self.terms.way / 2, lambda call=call: self._arrives(call))  # type: ignore[misc]

    def _wake_in(self, wait: float) -> None:
        at = self.now + max(wait, _TICK)
        if wait < math.inf and not self.now < self._woken_at <= at:
            self._woken_at = at
            self.within(max(wait, _TICK), lambda: None)

    def _arrives(self, call: Call) -> None:
        let_in, headers = self.provider.lets_in(self.now), self.provider.headers(self.now)
        if let_in:
            self.within(self.provider.latency(), lambda: self._leaves(call, headers))
        else:
            told = None if self.provider.terms.headers == "answer" else headers
            taken = max(self.terms.way / 2, self.provider.refusal() - self.terms.way / 2)
            self.within(taken, lambda: self._is_refused(call, told))

    def _leaves(self, call: Call, headers: Headers) -> None:
        self.provider.in_flight -= 1
        if self.provider.terms.headers != "arrival":
            headers = self.provider.headers(self.now) if self.provider.terms.headers == "answer" else None
        self.within(self.terms.way / 2, lambda: self._is_answered(call, headers))

    def _is_answered(self, call: Call, headers: Headers) -> None:
        self._hear(headers)
        self.controller.answered(call, self.now)
        self.answered += 1

    def _is_refused(self, call: Call, headers: Headers) -> None:
        self._hear(headers)
        self.provider.in_flight -= self.provider.terms.holds_place
        asked = self.provider.terms.retry_after
        wait = self._chance.uniform(0, 2.0) if asked is None else asked * self._chance.uniform(1.0, 1.1)
        self.controller.refused(call, self.now, wait)
        self.refused += 1
        self.refused_at.append(self.now)
        self.within(wait, self._comes_back)

    def _comes_back(self) -> None:
        self._ready += 1

    def _hear(self, headers: Headers) -> None:
        if headers is not None:
            self.controller.told(*headers, self.now)
