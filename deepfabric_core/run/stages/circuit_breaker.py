"""`CircuitBreaker`: abort a run whose items keep failing for a reason that retrying can't fix."""

from __future__ import annotations

from dataclasses import dataclass

from deepfabric_core.errors import FailureKind, ModelError, RunAborted

# Failures in a row that are no coincidence.
_HOPELESS_IN_A_ROW = 3
_FIRST_FAILURES = 10
# Where a server was there and is gone, all that is in flight fails at about the same moment: so many times over, and at
# least so many, are no short outage.
_ROUNDS = 2
_GONE_IN_A_ROW = 50


@dataclass
class CircuitBreaker:
    """Counts how work items end, and aborts the run once all others would obviously fail in the same way.

    So many of them may be in flight `at_once`.
    """

    at_once: int = 1
    successes: int = 0
    kind: FailureKind | None = None
    in_a_row: int = 0

    def succeeded(self) -> None:
        """Count a work item that succeeded."""
        self.successes += 1
        self.in_a_row = 0

    def failed(self, problem: ModelError) -> None:
        """Count a work item that failed.

        Raises:
            RunAborted: all remaining items would fail, too.
        """
        self.in_a_row = self.in_a_row + 1 if problem.kind is self.kind else 1
        self.kind = problem.kind
        if self.in_a_row >= self._enough(problem.kind):
            raise RunAborted(str(problem))

    def _enough(self, kind: FailureKind) -> float:
        if kind.hopeless:
            return _HOPELESS_IN_A_ROW if self.successes else 1
        if not self.successes:
            return _FIRST_FAILURES
        return max(_GONE_IN_A_ROW, _ROUNDS * self.at_once) if kind is FailureKind.CONNECTION else float("inf")
