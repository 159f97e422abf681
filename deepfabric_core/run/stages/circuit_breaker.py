"""`CircuitBreaker`: abort a run whose items keep failing for a reason that retrying can't fix."""

from __future__ import annotations

from dataclasses import dataclass

from deepfabric_core.errors import FailureKind, ModelError, RunAborted

# Failures in a row that are no coincidence.
_HOPELESS_IN_A_ROW = 3
_FIRST_FAILURES = 10


@dataclass
class CircuitBreaker:
    """Counts how work items end, and aborts the run once all others would obviously fail in the same way."""

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
        return float("inf") if self.successes else _FIRST_FAILURES
