"""Whether endpoints answer, as all workers know it: what one finds out the others hear of, and one of them tries again.

The one that found out tries first. If nothing is heard of that, the others do so, one after the other.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from deepfabric_core.cluster import messages as m
from deepfabric_core.llm.endpoint_health import EndpointHealth
from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.learned_file import Target

# In seconds, from one worker to the next.
_BETWEEN_TRIALS = 0.5


class SharedHealth(EndpointHealth):
    """What a worker's stage knows of an endpoint; what it finds out is sent to the keeper."""

    def __init__(self, stage: int, send: Callable[[m.Message], None]) -> None:
        super().__init__()
        self._stage = stage
        self._send = send

    def begin(self) -> bool:
        """See `EndpointHealth.begin`."""
        is_trial = super().begin()
        if is_trial:
            self._send(m.OnTrial(self._stage))
        return is_trial

    def end_trial(self) -> None:
        """See `EndpointHealth.end_trial`; it may be tried again, by whichever worker, after the wait."""
        super().end_trial()
        if self.is_out:
            self.back_at = time.monotonic() + self.wait
            self._send(self.as_message())

    def as_message(self) -> m.LeftOut:
        """Return that it is left out, for the keeper."""
        return m.LeftOut(self._stage, self.wait)

    def hear(self, news: m.EndpointNews) -> None:
        """Take in what others have found out."""
        now = time.monotonic()
        if news.wait:
            self.leave_out(news.wait, back_at=now + news.seconds, since=self.out_since if self.is_out else now)
        else:
            self.put_back()


@dataclass
class _LeftOut:
    """An endpoint that is left out, with the limits that it had, and the worker that tries it at the moment."""

    learned: Learned | None
    wait: float = 0.0
    back_at: float = -math.inf
    tried_by: Hashable = None


class LeftOutEndpoints:
    """Which endpoints are left out, for the keeper. Workers are anything that they can be told apart by."""

    def __init__(self) -> None:
        self._out: dict[Target, _LeftOut] = {}

    def leave_out(self, target: Target, wait: float, learned: Callable[[], Learned | None]) -> None:
        """Leave an endpoint out that will be tried after a wait in seconds; what is `learned` is kept at first."""
        if target not in self._out:
            self._out[target] = _LeftOut(learned())
        out = self._out[target]
        out.wait, out.back_at, out.tried_by = wait, time.monotonic() + wait, None

    def __contains__(self, target: Target) -> bool:
        return target in self._out

    def begin_trial(self, target: Target, worker: Hashable) -> bool:
        """Note that a worker tries an endpoint that is left out; return whether none did."""
        out = self._out.get(target)
        if out is None or out.tried_by is not None:
            return False
        out.tried_by = worker
        return True

    def end_trials_of(self, worker: Hashable) -> list[Target]:
        """Return which endpoints a worker has tried that is gone; another one may."""
        tried = [target for target, out in self._out.items() if out.tried_by is worker]
        for target in tried:
            self._out[target].tried_by = None
        return tried

    def put_back(self, target: Target) -> Learned | None:
        """Note that an endpoint answers; return what was learned of it before it was left out."""
        return self._out.pop(target).learned

    def news(self, target: Target, place: int) -> m.EndpointNews:
        """Return what the worker at a place among all workers is to know of an endpoint."""
        out = self._out.get(target)
        if out is None:
            return m.EndpointNews(0.0, 0.0)
        if out.tried_by is not None:
            return m.EndpointNews(out.wait, math.inf)
        return m.EndpointNews(out.wait, max(0.0, out.back_at - time.monotonic()) + _BETWEEN_TRIALS * (1 + place))
