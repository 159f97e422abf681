"""How many different words, and sequences of two and three words, texts have: distinct-1, -2 and -3.

Words are hashed, and of the different hashes only the smallest are kept: how close together they lie tells how many
there are in all. So counts are exact up to 65,536, and beyond that known to about 0.4 % from half a megabyte.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KEPT = 1 << 16
_WAITING = 1 << 16
_BATCH = 1 << 15
_REMEMBERED = 1 << 17
_ALL = float(1 << 64)
# Stands between two texts, so that no sequence goes across them.
_BETWEEN = 0

Hashes = NDArray[np.uint64]


class DistinctCount:
    """How many different hashes were added: the smallest ones are kept."""

    def __init__(self) -> None:
        self._smallest: Hashes = np.empty(0, np.uint64)
        self._waiting: list[Hashes] = []
        self._number_waiting = 0

    def add(self, hashes: Hashes) -> None:
        """Add hashes, which are spread evenly over all numbers of 64 bits."""
        if len(self._smallest) == _KEPT:
            hashes = hashes[hashes < self._smallest[-1]]
        self._waiting.append(hashes)
        self._number_waiting += len(hashes)
        if self._number_waiting > _WAITING:
            self._settle()

    def merge(self, other: DistinctCount) -> None:
        """Add what another one has seen."""
        other._settle()
        self.add(other._smallest)

    def _settle(self) -> None:
        if not self._number_waiting:
            return
        # Sorting takes a fifth of the time of numpy's `unique`.
        ordered = np.sort(np.concatenate([self._smallest, *self._waiting]))
        self._smallest = ordered[np.append(ordered[1:] != ordered[:-1], True)][:_KEPT]
        self._waiting, self._number_waiting = [], 0

    @property
    def count(self) -> int:
        """How many different hashes there were, exactly or about."""
        self._settle()
        if len(self._smallest) < _KEPT:
            return len(self._smallest)
        return round((_KEPT - 1) / (float(self._smallest[-1]) / _ALL))

    @property
    def is_exact(self) -> bool:
        """Whether all are kept."""
        self._settle()
        return len(self._smallest) < _KEPT


class _WordHashes(dict[str, int]):
    """The hash of each word, made when it is first asked for; of so many words they are remembered."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _REMEMBERED:
            self.clear()
        text = word.encode("utf-8", "surrogatepass")
        found = self[word] = int.from_bytes(blake2b(text, digest_size=8).digest(), "big") or 1
        return found


class WordVariety:
    """The different sequences of one, two and three words, and how many there are in all."""

    def __init__(self) -> None:
        self._distinct = (DistinctCount(), DistinctCount(), DistinctCount())
        self._totals = [0, 0, 0]
        self._known = _WordHashes()
        self._words: list[int] = []

    def add(self, words: Iterable[str]) -> None:
        """Add the words of a text, in order."""
        self._words += map(self._known.__getitem__, words)
        self._words.append(_BETWEEN)
        if len(self._words) > _BATCH:
            self._settle()

    def merge(self, other: WordVariety) -> None:
        """Add the words of another one."""
        other._settle()
        for own, its in zip(self._distinct, other._distinct, strict=True):
            own.merge(its)
        self._totals = [own + its for own, its in zip(self._totals, other._totals, strict=True)]

    def __getstate__(self) -> dict[str, Any]:
        """Without the words that were remembered to save time."""
        self._settle()
        return {**self.__dict__, "_known": _WordHashes()}

    def _settle(self) -> None:
        words = np.array(self._words, np.uint64)
        self._words = []
        for place, (length, distinct) in enumerate(zip((1, 2, 3), self._distinct, strict=True)):
            sequences = _sequences(words, length)
            self._totals[place] += len(sequences)
            distinct.add(sequences)

    def as_object(self) -> list[dict[str, Any]]:
        """Return for 1, 2 and 3 words how many sequences there are, how many different ones, and their share."""
        self._settle()
        return [
            {
                "words": length,
                "total": total,
                "distinct": min(distinct.count, total),
                "share": round(min(distinct.count, total) / total, 4) if total else None,
                "exact": distinct.is_exact,
            }
            for length, total, distinct in zip((1, 2, 3), self._totals, self._distinct, strict=True)
        ]


def _sequences(words: Hashes, length: int) -> Hashes:
    """Return a hash for each sequence of so many words within a text."""
    if len(words) < length:
        return np.empty(0, np.uint64)
    places = len(words) - length + 1
    hashes = np.zeros(places, np.uint64)
    within = np.ones(places, np.bool_)
    for shift in range(length):
        part = words[shift : shift + places]
        within &= part != _BETWEEN
        hashes = _mixed(hashes + part)
    return hashes[within]


def _mixed(numbers: Hashes) -> Hashes:
    """Return numbers of 64 bits that depend on all bits of the given ones, evenly spread (as in splitmix64)."""
    numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
