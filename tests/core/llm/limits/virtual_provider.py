"""A provider and a crowd of callers in virtual time, to see what `AdaptiveController` makes of each kind of limit.

Nothing sleeps: an agenda of what happens when is worked off, and the clock jumps from one entry to the next.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from deepfabric_core.llm.limits.controller import AdaptiveController
from deepfabric_core.llm.limits.quota_headers import RemainingQuota, Unit
from deepfabric_core.llm.limits.recent import Call, Size

Headers = dict[str, RemainingQuota]

# A wait may be too short to move a clock that counts in floats.
_TICK = 1e-6

# In seconds: how long the others wait for the first call.
_ALONE = 0.2


@dataclass(frozen=True)
class Tokens:
    """How many tokens a second a provider takes, in a bucket of so many `seconds`; and what its callers ask for.

    `unit` is what it counts: prompts and replies together, or either of them; but not the first `cached` tokens of a
    prompt. When a call arrives, `reserved` tokens are taken for its reply, and corrected when it is answered. Prompts
    and replies have sizes around the means given, by a sigma of `spread`. A size is expected wrong by `expected`.
    """

    per_second: float
    unit: Unit = "tokens"
    seconds: float = 10.0
    cached: float = 0.0
    reserved: float = 0.0
    prompt: float = 400.0
    reply: float = 600.0
    spread: float = 0.5
    expected: float = 1.0

    def counted(self, size: Size) -> float:
        """How much of its quota a call of this size takes."""
        return Size(1.0, max(0.0, size.input - self.cached), size.output).of(self.unit)

    @property
    def mean(self) -> float:
        """How much a call takes on average; a lognormal prompt is larger than its median."""
        more = math.exp(self.spread**2 / 2)
        return self.counted(Size(1.0, self.cached + self.prompt * more, self.reply * more))

    def size(self, chance: random.Random) -> Size:
        """Draw the size of a call."""
        prompt, reply = (chance.lognormvariate(math.log(mean), self.spread) for mean in (self.prompt, self.reply))
        return Size(1.0, self.cached + prompt, reply)

    def as_expected(self, size: Size) -> Size:
        """What the caller expects of a call: the prompt is known, the reply a usual one."""
        return Size(1.0, self.expected * size.input, self.expected * self.reply)


@dataclass(frozen=True)
class Terms:
    """What a provider takes: calls a second (in a bucket, or in fixed windows), calls at once, or both; seconds.

    A refused call may count as one taken, as far as one burst of debt, and it may hold a place until it is heard of,
    `refusal` seconds after it began. `spread` is the sigma of lognormal latencies, `jitter` that of refusals. Without
    `retry_after` a refused call comes back after a backoff. The headers say what is left when a call is answered, when
    it arrived, or only when it is refused. They may be the same each time (`constant`) or off by some calls, and the
    reset may be in whole seconds. Tokens are limited besides, where `tokens` say so.
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
    constant: tuple[float, float] | None = None
    off: float = 0.0
    rounded: bool = False
    tokens: tuple[Tokens, ...] = ()

    def ideal(self, samples: int, ceiling: int) -> float:
        """Seconds that so many samples take at best."""
        at_once = min(ceiling, self.at_once or ceiling)
        latency = self.latency * math.exp(self.spread**2 / 2)
        seconds = max(latency, samples * latency / at_once)
        for tokens in self.tokens:
            given = tokens.seconds * tokens.per_second
            seconds = max(seconds, (samples * tokens.mean - given) / tokens.per_second + latency)
        if self.per_second is None:
            return seconds
        if self.window is not None:
            windows = math.ceil(samples / (self.per_second * self.window) - 1e-9) - 1
            return max(seconds, windows * self.window + latency)
        return max(seconds, (samples - self.burst) / self.per_second + latency)


class VirtualProvider:
    """Lets calls in or refuses them; its terms may be replaced at any time."""

    def __init__(self, terms: Terms, chance: random.Random) -> None:
        self.terms = terms
        self.in_flight = 0
        self.over_limit = 0
        self._chance = chance
        self._left = float(terms.burst)
        self._tokens = [tokens.per_second * tokens.seconds for tokens in terms.tokens]
        self._as_of = 0.0
        self._window = -1

    def lets_in(self, now: float, size: Size) -> bool:
        """A call arrives."""
        terms = self.terms
        self._refill(now)
        over = terms.at_once is not None and self.in_flight >= terms.at_once
        over |= terms.per_second is not None and self._left < 1
        over |= any(left < need for left, need in zip(self._tokens, self._at_first(size), strict=True))
        self.over_limit += over
        over |= self._chance.random() < terms.refused_at_random
        if not over or terms.refused_count:
            self._left = max(self._left - 1, -float(terms.burst))
        if not over:
            self._tokens = [left - need for left, need in zip(self._tokens, self._at_first(size), strict=True)]
        self.in_flight += not over or terms.holds_place
        return not over

    def _at_first(self, size: Size) -> list[float]:
        """What a call takes of each quota of tokens when it arrives."""
        return [tokens.counted(Size(1.0, size.input, tokens.reserved)) for tokens in self.terms.tokens]

    def answers(self, size: Size, now: float) -> None:
        """A call is answered, and takes what wasn't taken when it arrived."""
        self._refill(now)
        rest = [
            tokens.counted(size) - need for tokens, need in zip(self.terms.tokens, self._at_first(size), strict=True)
        ]
        self._tokens = [left - more for left, more in zip(self._tokens, rest, strict=True)]
        self.in_flight -= 1

    def latency(self) -> float:
        """How long a call takes."""
        return self.terms.latency * self._chance.lognormvariate(0, self.terms.spread)

    def refusal(self) -> float:
        """How long it takes from a call's beginning until its refusal is heard."""
        return self.terms.refusal * self._chance.lognormvariate(0, self.terms.jitter)

    def headers(self, now: float) -> Headers:
        """How many more calls and tokens it takes, and in how many seconds all that it ever takes is back."""
        terms = self.terms
        if terms.headers is None:
            return {}
        if terms.constant is not None:
            return {"requests": RemainingQuota(*terms.constant)}
        self._refill(now)
        stated = {}
        if terms.per_second is not None:
            full = (terms.burst - self._left) / terms.per_second
            reset = full if terms.window is None else (self._window + 1) * terms.window - now
            stated["requests"] = self._stated(self._left + terms.off, reset, "requests")
        for tokens, left in zip(terms.tokens, self._tokens, strict=True):
            stated[tokens.unit] = self._stated(left, tokens.seconds - left / tokens.per_second, tokens.unit)
        return stated

    def _stated(self, left: float, reset: float, unit: Unit) -> RemainingQuota:
        reset = max(0.0, reset)
        return RemainingQuota(max(0, int(left)), math.ceil(reset) if self.terms.rounded else round(reset, 3), unit)

    def _refill(self, now: float) -> None:
        rate, window = self.terms.per_second, self.terms.window
        if rate is not None and window is not None:
            if int(now / window) != self._window:
                self._window, self._left = int(now / window), rate * window
        elif rate is not None:
            self._left = min(self.terms.burst, self._left + (now - self._as_of) * rate)
        for index, tokens in enumerate(self.terms.tokens):
            filled = self._tokens[index] + (now - self._as_of) * tokens.per_second
            self._tokens[index] = min(tokens.seconds * tokens.per_second, filled)
        self._as_of = now


@dataclass
class Crowd:
    """Callers who want so many samples of a provider as soon as their pace lets them; refused ones come back.

    With `first_alone` the others wait until the first call is answered, but not longer than a refusal would take.
    """

    terms: Terms
    samples: int
    ceiling: int = 256
    seed: int = 1
    first_alone: bool = False
    controller: AdaptiveController = field(default_factory=AdaptiveController)
    now: float = 0.0
    answered: int = 0
    refused: int = 0
    peak: int = 0
    began: list[float] = field(default_factory=list)
    refused_at: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.controller.ceiling = self.ceiling
        self._chance = random.Random(self.seed)
        self.provider = VirtualProvider(self.terms, self._chance)
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        draw = self.terms.tokens[0].size if self.terms.tokens else lambda _: Size()
        self._ready = deque(draw(self._chance) for _ in range(self.samples))
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
        while self._ready and not self._waits_for_first():
            expected = self._expected(self._ready[0])
            self.controller.waiting = len(self._ready)
            wait = self.controller.wait(self.now, expected)
            if wait > 0:
                self._wake_in(wait)
                return
            size, call = self._ready.popleft(), self.controller.begin(self.now, expected)
            self.began.append(self.now)
            self.peak = max(self.peak, self.controller.in_flight)
            self.within(self.terms.way / 2, partial(self._arrives, call, size))

    def _waits_for_first(self) -> bool:
        if not self.first_alone or not self.began or self.answered or self.now >= self.began[0] + _ALONE:
            return False
        self._wake_in(self.began[0] + _ALONE - self.now)
        return True

    def _expected(self, size: Size) -> Size:
        return self.terms.tokens[0].as_expected(size) if self.terms.tokens else size

    def _wake_in(self, wait: float) -> None:
        at = self.now + max(wait, _TICK)
        if wait < math.inf and not self.now < self._woken_at <= at + _TICK:
            self._woken_at = at
            self.within(max(wait, _TICK), lambda: None)

    def _arrives(self, call: Call, size: Size) -> None:
        let_in, headers = self.provider.lets_in(self.now, size), self.provider.headers(self.now)
        if let_in:
            self.within(self.provider.latency(), lambda: self._leaves(call, size, headers))
        else:
            told = {} if self.provider.terms.headers == "answer" else headers
            taken = max(self.terms.way / 2, self.provider.refusal() - self.terms.way / 2)
            self.within(taken, lambda: self._is_refused(call, size, told))

    def _leaves(self, call: Call, size: Size, headers: Headers) -> None:
        self.provider.answers(size, self.now)
        if self.provider.terms.headers != "arrival":
            headers = self.provider.headers(self.now) if self.provider.terms.headers == "answer" else {}
        self.within(self.terms.way / 2, lambda: self._is_answered(call, headers))

    def _is_answered(self, call: Call, headers: Headers) -> None:
        self.controller.told(headers, call, self.now)
        self.controller.answered(call, self.now)
        self.answered += 1

    def _is_refused(self, call: Call, size: Size, headers: Headers) -> None:
        self.controller.told(headers, call, self.now)
        self.provider.in_flight -= self.provider.terms.holds_place
        asked = self.provider.terms.retry_after
        wait = self._chance.uniform(0, 2.0) if asked is None else asked * self._chance.uniform(1.0, 1.1)
        self.controller.refused(call, self.now, wait)
        self.refused += 1
        self.refused_at.append(self.now)
        self.within(wait, lambda: self._ready.appendleft(size))


def any_provider(seed: int) -> tuple[Terms, int]:
    """Some provider, and how many calls at once are asked of it."""
    dice = random.Random(seed)
    limits: dict[str, Any] = dice.choice(
        [
            {"per_second": dice.choice([5, 20, 100, 300]), "burst": dice.choice([5, 20, 100])},
            {"per_second": dice.choice([20, 100]), "window": dice.choice([1.0, 10.0])},
            {"at_once": dice.choice([2, 8, 50, 200])},
            {"at_once": dice.choice([8, 50]), "per_second": 100, "burst": 20},
            {"refused_at_random": dice.choice([0.05, 0.2, 0.4])},
            {"refused_at_random": 0.1, "per_second": 100},
            {},
        ]
    )
    terms = Terms(
        latency=dice.choice([0.05, 0.2, 0.5, 2.0]),
        spread=dice.choice([0.0, 0.2, 0.5]),
        refusal=dice.choice([0.003, 0.05, 0.15, 0.3]),
        jitter=dice.choice([0.0, 0.2, 0.4]),
        retry_after=dice.choice([None, 0.5, 1.0, 5.0]),
        holds_place=dice.random() < 0.5,
        headers=dice.choice([None, None, "answer", "arrival", "refusal"]),
        **limits,
    )
    return terms, dice.choice([16, 64, 256])
