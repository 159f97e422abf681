"""The gate against samples that mean the same, over the samples of a run, by a model of embeddings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.finding import Finding
from deepfabric_core.quality.meanings import Embed, MeaningIndex
from deepfabric_core.run.stages.duplicate_gate import OtherSamples
from deepfabric_core.samples.plan import WorkItem

_LOADED_AT_ONCE = 1024


class MeaningGate:
    """Compares candidates with accepted samples, by their places in the plan, and with other datasets' samples."""

    def __init__(
        self,
        embed: Embed,
        similarity: float,
        text_of: Callable[[int], Candidate | None],
        *,
        expected: int,
        others: OtherSamples | None = None,
    ) -> None:
        self._remembered: list[tuple[int, Candidate]] = []
        self._index = MeaningIndex(
            embed,
            similarity,
            expected=expected + (len(others.prints) if others else 0),
            text_of=others.text_of(text_of) if others else text_of,
            name_of=others.name if others else None,
        )
        self._index.load(_texts(others) if others else ())

    def examine(self, candidate: Candidate, item: WorkItem) -> Finding | None:
        """Return which sample means the same; if none does, later ones are compared with it."""
        return self._index.finding(candidate, item.index)

    def accept(self, candidate: Candidate, item: WorkItem) -> None:  # noqa: ARG002 - its meaning is known already
        """Make a sample of a candidate."""
        self._index.accept(item.index, item.index)

    def release(self, item: WorkItem) -> None:
        """Give up a candidate, unless it was accepted."""
        self._index.release(item.index)

    def remember(self, candidate: Candidate, item: WorkItem) -> None:
        """Add a sample that was accepted before."""
        self._remembered.append((item.index, candidate))
        if len(self._remembered) >= _LOADED_AT_ONCE:
            self.ready()

    def ready(self) -> None:
        """Add what was remembered."""
        self._index.load(self._remembered)
        self._remembered.clear()


def _texts(others: OtherSamples) -> Iterator[tuple[int, Candidate]]:
    for key, _ in others.prints:
        candidate = others.datasets.candidate(key)
        if candidate is not None:
            yield key, candidate
