"""The gate against duplicates, over the samples of a run: their prints are in a file, their texts in the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.duplicates import DuplicateIndex, DuplicateRules
from deepfabric_core.quality.finding import Finding
from deepfabric_core.quality.sample_print import SamplePrint, print_of
from deepfabric_core.samples.plan import WorkItem
from deepfabric_core.store.dataset_reader import ComparedDatasets
from deepfabric_core.store.print_file import KnownPrints, PrintFile, restored_print

_LOADED_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class OtherSamples:
    """The samples of other datasets, with their prints."""

    datasets: ComparedDatasets
    prints: tuple[tuple[int, SamplePrint], ...]

    def text_of(self, own: Callable[[int], Candidate | None]) -> Callable[[int], Candidate | None]:
        """Return what reads a sample by its key: one of the run's `own`, or of these datasets."""
        return lambda key: own(key) if key >= 0 else self.datasets.candidate(key)

    def name(self, key: int) -> str:
        """Return what people are told that a sample is."""
        return "another sample" if key >= 0 else self.datasets.name(key)


class DuplicateGate:
    """Compares candidates with accepted samples, by their places in the plan, and with other datasets' samples.

    `text_of` reads an accepted sample by its place; `expected` is how many samples there will be.
    """

    def __init__(
        self,
        rules: DuplicateRules,
        prints: PrintFile,
        text_of: Callable[[int], Candidate | None],
        *,
        expected: int,
        others: OtherSamples | None = None,
    ) -> None:
        self._prints = prints
        self._known: KnownPrints | None = None
        self._remembered: list[tuple[int, SamplePrint]] = []
        self._index = DuplicateIndex(
            rules,
            expected=expected + (len(others.prints) if others else 0),
            text_of=others.text_of(text_of) if others else text_of,
            name_of=others.name if others else None,
        )
        self._index.load(others.prints if others else ())

    def examine(self, candidate: Candidate, item: WorkItem) -> Finding | None:
        """Return which sample a candidate repeats; if it repeats none, later ones are compared with it."""
        return self._index.finding(candidate, item.index)

    def accept(self, candidate: Candidate, item: WorkItem) -> None:
        """Make a sample of a candidate.

        Raises:
            OutputError: its print can't be written.
        """
        own = self._index.accept(item.index, item.index)
        if own is not None:
            self._prints.append((item.topic_id, item.cycle), candidate, own)

    def release(self, item: WorkItem) -> None:
        """Give up a candidate, unless it was accepted."""
        self._index.release(item.index)

    def remember(self, candidate: Candidate, item: WorkItem) -> None:
        """Add a sample that was accepted before.

        Raises:
            OutputError: its print can't be written.
        """
        self._known = self._known or self._prints.known()
        own = restored_print(self._prints, self._known, (item.topic_id, item.cycle), candidate)
        if own is not None:
            self._remembered.append((item.index, own))
        if len(self._remembered) >= _LOADED_AT_ONCE:
            self._load()

    def ready(self) -> None:
        """Forget the prints in the file, which are in the index now."""
        self._load()
        self._known = None

    def _load(self) -> None:
        self._index.load(self._remembered)
        self._remembered.clear()


def other_samples(datasets: ComparedDatasets) -> OtherSamples:
    """Read datasets and make the prints of their samples.

    Raises:
        ConfigError: a file can't be read as a dataset.
    """
    return OtherSamples(datasets, tuple(_printed(datasets.read())))


def _printed(samples: Iterable[tuple[int, Candidate]]) -> Iterable[tuple[int, SamplePrint]]:
    for key, candidate in samples:
        own = print_of(candidate)
        if own is not None:
            yield key, own
