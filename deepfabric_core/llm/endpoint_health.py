"""Whether an endpoint answers: one that fails is left out, and tried again from time to time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from deepfabric_core.errors import FailureKind, ModelError

# How much a failure counts; an endpoint is left out at 6 in a row. Any server has an error now and then.
_WEIGHTS = {FailureKind.CONNECTION: 6, FailureKind.TIMEOUT: 3, FailureKind.SERVER_ERROR: 2}
_LEFT_OUT_AT = 6
# In seconds until it is tried again: a refused connection costs nothing, any other trial a call that may hang.
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_LONGEST_AFTER_REFUSAL = 1.0


def is_fault(problem: ModelError) -> bool:
    """Return whether a failure is one of the endpoint, so that another one may answer the same call."""
    return problem.kind in _WEIGHTS


@dataclass
class EndpointHealth:
    """What is known of an endpoint, in seconds of one clock. It waits for the next trial; 0 if it isn't left out."""

    out_since: float = -math.inf
    back_at: float = -math.inf
    wait: float = 0.0
    _failures: int = 0
    _on_trial: bool = False

    @property
    def is_out(self) -> bool:
        """Whether it is left out, but for trials."""
        return self.wait > 0

    def admits(self, now: float) -> bool:
        """Return whether a call may go to it; one at a time if that is a trial."""
        return not self.is_out or (now >= self.back_at and not self._on_trial)

    def begin(self) -> bool:
        """Note that a call goes to it; return whether that is a trial, which has to be ended."""
        self._on_trial = self._on_trial or self.is_out
        return self.is_out

    def leave_out(self, wait: float, *, back_at: float, since: float) -> None:
        """Leave it out since a time, with a wait before each trial; the next one may be at `back_at`."""
        self.wait, self.out_since, self.back_at = wait, since, back_at

    def put_back(self) -> None:
        """Note that it answers."""
        self._failures, self.wait = 0, 0.0

    def answered(self, *, begun: float) -> bool:
        """Note an answer to a call that was begun at a time; return whether the endpoint is no longer left out."""
        if begun < self.out_since:
            return False
        was_out = self.is_out
        self.put_back()
        return was_out

    def end_trial(self) -> None:
        """Note that a trial has ended, whatever came of it."""
        self._on_trial = False

    def failed(self, problem: ModelError, *, begun: float, now: float) -> bool:
        """Note a failure of a call that was begun at a time; return whether the endpoint is left out from now on."""
        if begun < self.out_since:  # it was on its way already when another failed
            return False
        self._failures += _WEIGHTS[problem.kind]
        if self._failures < _LEFT_OUT_AT:
            return False
        first = not self.is_out
        longest = _LONGEST_AFTER_REFUSAL if problem.never_sent else _LONGEST_WAIT
        wait = min(longest, 2 * self.wait or _FIRST_WAIT)
        self.leave_out(wait, back_at=now + wait, since=now)
        return first
