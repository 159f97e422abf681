"""The calls of the last seconds, and what is known of them: accepted, refused, or not yet heard of."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

# Calls are kept for so many seconds, but at least so many of them.
_KEPT_FOR = 4.0
_FEWEST = 64

# How long a refusal is assumed to take until one was heard, in seconds; and the share by which one may be later than
# those before. The estimate sinks slowly.
_ASSUMED_DELAY = 0.15
_MARGIN = 1.25
_SHORTEST_DELAY = 0.01
_SINKS_BY = 0.02


@dataclass(slots=True)
class Call:
    """A call that began; `level` counts the calls in flight then, itself included, without calls refused later."""

    began: float
    level: int
    refused: bool = False


@dataclass
class Recent:
    """Recent calls. `delay` is how long a refusal takes, `proven` the most calls in flight that were accepted lately."""

    opened: float = math.inf
    proven: int = 0
    _delay: float = math.inf
    _quickest: float = math.inf
    _calls: deque[Call] = field(default_factory=deque)
    _unheard: deque[Call] = field(default_factory=deque)
    _ended: deque[float] = field(default_factory=deque)

    @property
    def delay(self) -> float:
        """Seconds after which a call that wasn't refused is accepted."""
        known = self._delay if self._delay < math.inf else min(_ASSUMED_DELAY, self._quickest)
        return max(_SHORTEST_DELAY, known)

    @property
    def heard_delay(self) -> float | None:
        """Seconds that a refusal takes; None until one was heard."""
        return self._delay if self._delay < math.inf else None

    def horizon(self, now: float) -> float:
        """Return the time before which all refusals were heard."""
        return now - self.delay

    def add(self, call: Call) -> None:
        """Add a call that begins."""
        self.opened = min(self.opened, call.began)
        self._calls.append(call)
        self._unheard.append(call)
        while len(self._calls) > _FEWEST and self._calls[0].began < call.began - _KEPT_FOR:
            self._calls.popleft()

    def hear_silence(self, now: float) -> None:
        """Count calls as accepted of which a refusal would have been heard by now."""
        horizon = self.horizon(now)
        while self._unheard and self._unheard[0].began <= horizon:
            call = self._unheard.popleft()
            if not call.refused:
                self.proven = max(self.proven, call.level)

    def answered(self, call: Call, now: float) -> None:
        """Note that a call was accepted."""
        self._quickest = min(self._quickest, now - call.began)
        self._ended.append(now)
        while self._ended[0] < now - _KEPT_FOR:
            self._ended.popleft()
        self.proven = max(self.proven, call.level)

    def refused(self, call: Call, now: float) -> None:
        """Note a refusal: calls that began after it had one call less in flight than they seemed to."""
        call.refused = True
        heard_after = _MARGIN * (now - call.began)
        if self._delay == math.inf or heard_after > self._delay:
            self._delay = heard_after
        else:
            self._delay += (heard_after - self._delay) * _SINKS_BY
        for other in reversed(self._calls):
            if other is call:
                break
            other.level -= 1

    def forget_proven(self, most: float) -> None:
        """Take it that no more than so many calls in flight are accepted."""
        self.proven = min(self.proven, int(most))

    def begun(self, since: float, until: float = math.inf) -> Iterator[Call]:
        """Yield the calls that began in a span of time, the latest first."""
        for call in reversed(self._calls):
            if call.began < since:
                return
            if call.began <= until:
                yield call

    def ended(self, since: float, until: float) -> int:
        """Return how many calls were answered in a span of time."""
        return sum(since <= at <= until for at in self._ended)

    def accepted(self, since: float, until: float) -> int:
        """Return how many calls that began in a span of time weren't refused."""
        return sum(not call.refused for call in self.begun(since, until))

    def share_refused(self, since: float, until: float = math.inf) -> float:
        """Return the share of the calls in a span of time that was refused; 0 if there are none."""
        outcomes = [call.refused for call in self.begun(since, until)]
        return sum(outcomes) / max(1, len(outcomes))

    def nothing_accepted(self, now: float) -> bool:
        """Return whether of the last calls that were heard of none was accepted."""
        heard = [call.refused for call in self.begun(-math.inf, self.horizon(now) + 1e-9)][:8]
        return bool(heard) and all(heard)

    def begin_of_last(self, number: int, until: float) -> float:
        """Return when the last so many calls before a time began, or as many as are known."""
        found = until
        for count, call in enumerate(self.begun(-math.inf, until), 1):
            found = call.began
            if count == number:
                break
        return found

    def accepted_after(self, first: Call, until: float) -> int:
        """Return how many calls after another one and up to a time weren't refused."""
        number = 0
        for call in self.begun(-math.inf, until):
            if call is first:
                break
            number += not call.refused
        return number
