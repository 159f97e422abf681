"""When to give up: the same failure again and again, and nothing that retrying could mend."""

from __future__ import annotations

from dataclasses import dataclass

from deepfabric_core.errors import FailureKind, ModelError, RunAborted

# In a row: enough to tell a dead end from bad luck.
_HOPELESS_IN_A_ROW = 3
_FIRST_FAILURES = 10


@dataclass
class CircuitBreaker:
    """Watches how work items end, and raises once it is plain that all the others will fail the same way."""

    successes: int = 0
    kind: FailureKind | None = None
    in_a_row: int = 0

    def succeeded(self) -> None:
        """A work item is done."""
        self.successes += 1
        self.in_a_row = 0

    def failed(self, problem: ModelError) -> None:
        """A work item failed.

        Raises:
            RunAborted: going on would only burn through the list.
        """
        self.in_a_row = self.in_a_row + 1 if problem.kind is self.kind else 1
        self.kind = problem.kind
        if self.in_a_row >= self._enough(problem.kind):
            raise RunAborted(str(problem))

    def _enough(self, kind: FailureKind) -> float:
        if kind.hopeless:
            return _HOPELESS_IN_A_ROW if self.successes else 1
        return float("inf") if self.successes else _FIRST_FAILURES
