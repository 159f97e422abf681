"""The prints of candidates that are still being judged: few, so that each is compared with all of them."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.print_index import PRINT, compared
from deepfabric_core.quality.sample_print import Likeness, SamplePrint


class PendingPrints:
    """The pending prints and candidates by their owners. An owner has one at a time."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._prints = np.zeros(16, PRINT)
        self._owners: list[Hashable | None] = [None] * len(self._prints)
        self._slots: dict[Hashable, int] = {}
        self._held: dict[Hashable, tuple[Candidate, SamplePrint]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def put(self, owner: Hashable, candidate: Candidate, one: SamplePrint) -> None:
        """Keep a candidate with its print, instead of the owner's earlier one."""
        self.take(owner)
        if None not in self._owners:
            self._prints = np.concatenate([self._prints, np.zeros(len(self._prints), PRINT)])
            self._owners += [None] * len(self._owners)
        slot = self._owners.index(None)
        self._owners[slot], self._slots[owner] = owner, slot
        self._prints[slot] = np.frombuffer(one, PRINT)[0]
        self._held[owner] = (candidate, one)

    def take(self, owner: Hashable) -> tuple[Candidate, SamplePrint] | None:
        """Remove and return what an owner has pending, if anything."""
        held = self._held.pop(owner, None)
        if held is not None:
            slot = self._slots.pop(owner)
            self._owners[slot] = None
            self._prints[slot] = np.zeros(1, PRINT)[0]
        return held

    def alike(self, one: SamplePrint, owner: Hashable | None) -> list[tuple[Candidate, Likeness]]:
        """Return the pending candidates of other owners that may be like a print, the most alike first."""
        if not self._held:
            return []
        used = 1 + max(self._slots.values())
        found = compared(self._prints[:used], np.frombuffer(one, PRINT), self._least, np.arange(used))
        others = [(self._owners[slot], likeness) for slot, likeness in found]
        return [(self._held[other][0], likeness) for other, likeness in others if other is not None and other != owner]
