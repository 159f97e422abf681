"""The calls of the last seconds, and what is known of them: accepted, refused, or not yet heard of."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class Call:
    """A call that began.

    Attributes:
        began: when it began.
        level: the calls in flight then, itself included, without calls refused later.
        tries_places: whether it tried out more calls in flight than were known to be accepted.
        tries_rate: whether it tried out more calls a second than were known to be accepted.
        refused: whether it was refused, as far as is known.
    """

    began: float
    level: int
    tries_places: bool = False
    tries_rate: bool = False
    refused: bool = False


@dataclass
class Recent:
    """Recent calls.

    Attributes:
        opened: when the first call began.
        begun: how many calls ever began.
        refusals: how many of them were refused.
        known_delay: the seconds until a refusal is heard, as learned; infinity before the first.
        quickest: the fewest seconds that an answer took.
    """

    opened: float = math.inf
    begun: int = 0
    refusals: int = 0
    known_delay: float = math.inf
    _mean: float = 0.0
    _deviation: float = 0.0
    quickest: float = math.inf
    _calls: deque[Call] = field(default_factory=deque)

    @property
    def accepted_ever(self) -> int:
        """How many calls that ever began weren't refused, as far as is known."""
        return self.begun - self.refusals

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
        self.opened = min(self.opened, call.began)
        self.begun += 1
        self._calls.append(call)
        while len(self._calls) > _FEWEST and self._calls[0].began < call.began - _KEPT_FOR:
            self._calls.popleft()

    def answered(self, call: Call, now: float) -> None:
        """Note that a call was accepted."""
        self.quickest = min(self.quickest, now - call.began)

    def refused(self, call: Call, now: float) -> None:
        """Note a refusal: calls that began after it had one call less in flight than they seemed to."""
        call.refused = True
        self.refusals += 1
        self._hear_after(now - call.began)
        for other in reversed(self._calls):
            if other is call:
                break
            other.level -= 1

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
