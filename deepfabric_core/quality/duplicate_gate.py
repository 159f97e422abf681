"""The gate against duplicates as a run uses it: by words, and by meaning where there is a model for it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.duplicates import DuplicateIndex
from deepfabric_core.quality.finding import Finding
from deepfabric_core.quality.sample_print import SamplePrint

if TYPE_CHECKING:
    from deepfabric_core.quality.meanings import MeaningIndex


class DuplicateGate:
    """Compares candidates by words and, with `meanings`, by meaning; both have the same samples by the same keys.

    An owner is whoever makes a sample, such as a work item's key. What it has claimed is compared with, too, from
    `finding` until `accept` or `release`.
    """

    def __init__(self, words: DuplicateIndex, meanings: MeaningIndex | None = None) -> None:
        self.words = words
        self.meanings = meanings

    def finding(self, candidate: Candidate, owner: Hashable) -> Finding | None:
        """Return what there is against a candidate; if there is nothing, it is claimed for its owner."""
        finding = self.words.finding(candidate, owner)
        if finding is None and self.meanings is not None:
            finding = self.meanings.finding(candidate, owner)
        if finding is not None:
            self.release(owner)
        return finding

    def accept(self, owner: Hashable, key: int) -> SamplePrint | None:
        """Make a sample of what an owner has claimed, and return its print; None if it has no words."""
        if self.meanings is not None:
            self.meanings.accept(owner, key)
        return self.words.accept(owner, key)

    def release(self, owner: Hashable) -> None:
        """Give up what an owner has claimed, if anything."""
        self.words.release(owner)
        if self.meanings is not None:
            self.meanings.release(owner)
