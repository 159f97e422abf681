"""`Share`: which part of the calls in flight is a worker's own, as long as it needn't ask for each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """The part of the worker at a `place` among so many `workers` that have something to do."""

    place: int = 0
    workers: int = 1

    def of(self, calls: int) -> int:
        """Return how many calls are the worker's, of so many that all may have in flight; at least one.

        >>> [Share(place, 4).of(10) for place in range(4)]
        [3, 3, 2, 2]
        """
        each, more = divmod(calls, self.workers)
        return max(1, each + (self.place < more))

    def is_enough(self, calls: int) -> bool:
        """Return whether each worker has one of so many calls, so that all together have no more than them."""
        return calls >= self.workers
