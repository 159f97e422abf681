"""The calls of the last seconds, and what is known of them: accepted, refused, or not yet heard of."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from deepfabric_core.llm.limits.quota_headers import Unit

# Calls are kept for so many seconds, but at least so many of them.
_KEPT_FOR = 4.0
_FEWEST = 64

# How long a refusal is assumed to take until one was heard, in seconds; then it is so many mean deviations more than
# the mean.
_ASSUMED_DELAY = 0.15
_LONGEST_DELAY = 0.3
_DEVIATIONS = 5
_FIRST_DEVIATION = 0.05
_SURELY = 1.1
_GAIN = 1 / 16
_SHORTEST_DELAY = 0.01

# So many calls at first may be single ones.
_SINGLE = 4


class Size(NamedTuple):
    """What calls are expected to use: requests, and tokens of prompts and of replies."""

    requests: float = 1.0
    input: float = 0.0
    output: float = 0.0

    def of(self, unit: Unit) -> float:
        """Return how much it is in a unit; "tokens" are those of prompts and replies together."""
        match unit:
            case "requests":
                return self.requests
            case "tokens":
                return self.input + self.output
            case "input":
                return self.input
        return self.output

    def plus(self, other: Size, times: int = 1) -> Size:
        """Return the sum, with the other so many times."""
        requests, tokens, replies = other
        return Size(self.requests + times * requests, self.input + times * tokens, self.output + times * replies)


ONE = Size()
NONE = Size(0.0)


@dataclass(slots=True)
class Call:
    """A call that began.

    Attributes:
        began: when it began.
        level: the calls in flight then, itself included, without calls refused later.
        crowd: the calls in flight then, itself included, with calls refused later, which may hold a place.
        paced: whether the rate held it back.
        near_rate: whether the rate was about what is accepted, or more.
        tries_places: whether it tried out more calls in flight than were known to be accepted.
        tries_rate: whether it tried out more calls a second than were known to be accepted.
        size: what it is expected to use.
        refused: whether it was refused, as far as is known.
        begun: what all calls that began until then and weren't refused are expected to use, itself included.
        answered: what all calls that were answered by then were expected to use.
    """

    began: float
    level: int
    tries_places: bool = False
    tries_rate: bool = False
    size: Size = ONE
    paced: bool = False
    near_rate: bool = False
    crowd: int = 0
    refused: bool = False
    begun: Size = ONE
    answered: Size = NONE


@dataclass
class Recent:
    """Recent calls.

    Attributes:
        opened: when the first calls began, other than a few before the others.
        begun: how many calls ever began.
        refusals: how many of them were refused.
        known_delay: the seconds until a refusal is heard, as learned; infinity before the first.
        quickest: the fewest seconds that an answer took.
        latency: the seconds that an answer takes on average.
        begun_size: what all calls that weren't refused are expected to use.
        answered_size: what all calls that were answered were expected to use.
    """

    opened: float = math.inf
    begun: int = 0
    refusals: int = 0
    known_delay: float = math.inf
    _mean: float = 0.0
    _deviation: float = 0.0
    quickest: float = math.inf
    latency: float = 0.0
    begun_size: Size = NONE
    answered_size: Size = NONE
    _calls: deque[Call] = field(default_factory=deque)

    @property
    def accepted_ever(self) -> int:
        """How many calls that ever began weren't refused, as far as is known."""
        return self.begun - self.refusals

    @property
    def usual(self) -> Size:
        """What a call is expected to use on average."""
        calls, tokens, replies = self.begun_size
        return Size(1.0, tokens / max(1.0, calls), replies / max(1.0, calls))

    @property
    def delay(self) -> float:
        """Seconds after which a call that wasn't refused is accepted."""
        known = self.known_delay if self.known_delay < math.inf else min(_ASSUMED_DELAY, self.quickest)
        return max(_SHORTEST_DELAY, known)

    @property
    def longest_delay(self) -> float:
        """Seconds that a refusal hardly ever takes longer than."""
        return self.delay if self.known_delay < math.inf else max(_SHORTEST_DELAY, min(_LONGEST_DELAY, self.quickest))

    @property
    def heard_delay(self) -> float | None:
        """Seconds until a refusal is heard; None as long as none was."""
        return self.known_delay if self.known_delay < math.inf else None

    def expect(self, delay: float) -> None:
        """Take a delay that was learned before, if none was heard yet."""
        if self.known_delay == math.inf:
            self.known_delay, self._mean = delay, delay / (1 + _DEVIATIONS * _FIRST_DEVIATION)
            self._deviation = _FIRST_DEVIATION * self._mean

    def horizon(self, now: float) -> float:
        """Return the time before which all refusals were heard."""
        return now - self.delay

    def add(self, call: Call) -> None:
        """Add a call that begins."""
        if self.begun <= _SINGLE:
            self.opened = call.began
        self.begun += 1
        call.crowd = call.level
        self.begun_size = call.begun = self.begun_size.plus(call.size)
        call.answered = self.answered_size
        self._calls.append(call)
        while len(self._calls) > _FEWEST and self._calls[0].began < call.began - _KEPT_FOR:
            self._calls.popleft()

    def answered(self, call: Call, now: float) -> None:
        """Note that a call was accepted."""
        seconds = now - call.began
        self.quickest = min(self.quickest, seconds)
        self.answered_size = self.answered_size.plus(call.size)
        self.latency += (seconds - self.latency) * (_GAIN if self.latency else 1.0)

    def refused(self, call: Call, now: float) -> None:
        """Note a refusal: calls that began after it had one call less in flight than they seemed to."""
        call.refused = True
        self.begun_size = self.begun_size.plus(call.size, -1)
        self.refusals += 1
        self._hear_after(now - call.began)
        for other in reversed(self._calls):
            if other is call:
                break
            other.level -= 1
            other.begun = other.begun.plus(call.size, -1)

    def _hear_after(self, seconds: float) -> None:
        """Estimate the delay by the mean and the mean deviation of the delays, as TCP does it."""
        if self.known_delay == math.inf:
            self._mean, self._deviation = seconds, _FIRST_DEVIATION * seconds
        else:
            self._deviation += (abs(seconds - self._mean) - self._deviation) * _GAIN
            self._mean += (seconds - self._mean) * _GAIN
        self.known_delay = max(_SURELY * self._mean, self._mean + _DEVIATIONS * self._deviation)
        if seconds > self.known_delay:
            self._deviation = (seconds - self._mean) / _DEVIATIONS
            self.known_delay = seconds

    def between(self, since: float, until: float = math.inf) -> Iterator[Call]:
        """Yield the calls that began after a time and until another one, the latest first."""
        for call in reversed(self._calls):
            if call.began <= since:
                return
            if call.began <= until:
                yield call

    def accepted(self, since: float, until: float = math.inf) -> int:
        """Return how many calls that began in a span of time weren't refused."""
        return sum(not call.refused for call in self.between(since, until))

    def accepted_before(self, call: Call) -> int:
        """Return how many calls that ever began before another one weren't refused."""
        later = sum(not other.refused for other in self.between(call.began))
        return self.accepted_ever - later

    def began_last(self, number: int, until: float) -> float:
        """Return when the last so many calls before a time began, or as many as are known."""
        found = until
        for call in itertools.islice(self.between(-math.inf, until), number):
            found = call.began
        return found
