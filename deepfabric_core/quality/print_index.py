"""`PrintIndex`: finds the prints that are like another one among a million, in some microseconds.

A print's places are cut into bands. Prints with an equal band are in one chain, as are those with an equal hash of all
words, of the question or of the answer; a print is compared with those in its chains alone. A chain begins in a table
and goes on from row to row, so that a sample costs no Python object: only some hundred bytes of numpy arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepfabric_core.quality.sample_print import PLACES, Likeness, SamplePrint

# The hashes are those of all words, of the question and of the answer; the last two are 0 where there is none.
_HASHES = 3
PRINT = np.dtype([("minima", "u1", (PLACES,)), ("hashes", "<u8", (_HASHES,)), ("numbers", "<u4")])
# Chains longer than this are no help; then all prints are compared, by their first places before the others.
_LONGEST_CHAIN = 128
_QUICK_CHAIN = 8
_FIRST_PLACES = 32
_AT_ONCE = 4096
_FEWEST = 256
# Of prints that share this much, 7 in 8 share a band of four places, and of those that share .6, 98 in 100.
_WIDE_FROM = 0.5
# How often two different places have the same lowest byte.
_BY_CHANCE = 1 / 256
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

_Rows = NDArray[np.signedinteger[Any]]


class PrintIndex:
    """Prints by row, in the order they were added.

    Prints that share `threshold` of their runs are nearly all found; of those found, the ones are returned that by the
    estimate share at most `margin` less. A `quick` index never compares a print with all others: where texts are so
    much alike that the chains are long, it looks at the latest of each. So the time for a print is bounded, and a few
    that are alike may be missed.
    """

    def __init__(self, threshold: float, margin: float = 0.0, expected: int = 0, *, quick: bool = False) -> None:
        self._least = threshold - margin
        self._quick = quick
        self._band_of = band_of(threshold)
        self._bands = PLACES // self._band_of.itemsize
        self._columns = self._bands + _HASHES
        self._salts = np.arange(1, self._columns + 1, dtype=np.uint64) * np.uint64(0xD6E8FEB86659FD93)
        self._every_column = np.arange(self._columns)
        self._size = 0
        self._prints = np.zeros(0, PRINT)
        self._make_room(max(expected, _FEWEST))

    def __len__(self) -> int:
        return self._size

    @property
    def memory(self) -> int:
        """How many bytes the prints and their chains take."""
        return self._prints.nbytes + self._heads.nbytes + self._next.nbytes

    def _make_room(self, capacity: int) -> None:
        prints = np.zeros(capacity, PRINT)
        if self._size:
            prints[: self._size] = self._prints[: self._size]
        self._prints = prints
        self._bits = np.uint64(64 - max(8, (capacity - 1).bit_length()))
        self._heads = np.full((self._columns, 1 << (64 - int(self._bits))), -1, np.int32)
        self._next = np.full((capacity, self._columns), -1, np.int32)
        for begin in range(0, self._size, _AT_ONCE):
            self._chain(begin, min(begin + _AT_ONCE, self._size))

    def add(self, one: SamplePrint) -> int:
        """Add a print and return its row."""
        row = self._size
        self.add_all([one])
        return row

    def add_all(self, prints: Sequence[SamplePrint]) -> None:
        """Add prints, many at once in less time."""
        begin, end = self._size, self._size + len(prints)
        if end > len(self._prints):
            self._make_room(max(end, 2 * len(self._prints)))
        self._prints[begin:end] = np.frombuffer(b"".join(prints), PRINT)
        self._size = end
        for at in range(begin, end, _AT_ONCE):
            self._chain(at, min(at + _AT_ONCE, end))

    def _chain(self, begin: int, end: int) -> None:
        """Put rows at the heads of their chains."""
        if end - begin == 1:
            slots = self._slots(self._prints[begin:end])[0]
            self._next[begin] = self._heads[self._every_column, slots]
            self._heads[self._every_column, slots] = begin
            return
        slots = self._slots(self._prints[begin:end])
        for column in range(self._columns):
            order = np.argsort(slots[:, column], kind="stable")
            sorted_slots, rows = slots[order, column], (order + begin).astype(np.int32)
            first = np.append(True, sorted_slots[1:] != sorted_slots[:-1])
            last = np.append(first[1:], True)
            before = np.append(np.int32(-1), rows[:-1])
            heads = self._heads[column]
            self._next[rows, column] = np.where(first, heads[sorted_slots], before)
            heads[sorted_slots[last]] = rows[last]

    def _slots(self, prints: NDArray[np.void]) -> NDArray[np.uint64]:
        """Return where the chains of prints begin, a row for each print and a column for each chain."""
        keys = np.empty((len(prints), self._columns), np.uint64)
        keys[:, : self._bands] = np.ascontiguousarray(prints["minima"]).view(self._band_of)
        hashes = prints["hashes"]
        # A print without a hash is never looked for by it, and must not lengthen the chains of others.
        keys[:, self._bands :] = np.where(hashes == 0, hashes[:, :1], hashes)
        keys ^= self._salts
        keys *= _MULTIPLIER
        keys ^= keys >> np.uint64(29)
        keys *= _MULTIPLIER
        return keys >> self._bits

    def alike(self, one: SamplePrint) -> list[tuple[int, Likeness]]:
        """Return the rows of prints that may be like another one, with how much: the most alike first."""
        sought = np.frombuffer(one, PRINT)
        rows = self._in_chains(self._slots(sought)[0])
        if rows is None:
            rows = np.concatenate([self._with_equal_hashes(sought), *self._scanned(sought)])
        if self._quick:
            rows = np.unique(rows)
        return compared(self._prints[rows], sought, self._least, rows)

    def _in_chains(self, slots: NDArray[np.uint64]) -> _Rows | None:
        """Return the rows in the chains that begin at these slots; None if the chains are too long to follow."""
        columns = self._every_column
        rows = self._heads[columns, slots]
        found: list[_Rows] = []
        for _ in range(_QUICK_CHAIN if self._quick else _LONGEST_CHAIN):
            there = rows >= 0
            rows, columns = rows[there], columns[there]
            if not len(rows):
                return np.concatenate(found) if found else np.empty(0, np.int64)
            found.append(rows)
            rows = self._next[rows, columns]
        return np.concatenate(found) if self._quick else None

    def _with_equal_hashes(self, sought: NDArray[np.void]) -> _Rows:
        """Return the first row with each equal hash, of all prints."""
        own = sought["hashes"][0]
        equal = self._prints["hashes"][: self._size] == own
        found = [np.flatnonzero(equal[:, column] & (own[column] != 0))[:1] for column in range(_HASHES)]
        return np.concatenate(found)

    def _scanned(self, sought: NDArray[np.void]) -> Iterator[_Rows]:
        """Yield the rows whose first places are like those of a print, block by block."""
        first = sought["minima"][0, :_FIRST_PLACES]
        enough = _FIRST_PLACES * self._least - 3 * np.sqrt(_FIRST_PLACES * self._least * (1 - self._least))
        for begin in range(0, self._size, _AT_ONCE):
            block = self._prints["minima"][begin : min(begin + _AT_ONCE, self._size), :_FIRST_PLACES]
            yield begin + np.flatnonzero(np.count_nonzero(block == first, axis=1) >= enough)


def band_of(threshold: float) -> np.dtype[Any]:
    """Return the type of the bands in which prints are looked for.

    So narrow that of prints with that likeness nearly all share a band, and so wide that few others do.
    """
    return np.dtype("<u4" if threshold >= _WIDE_FROM else "<u2")


def equal_shares(minima: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the estimated shares of common runs of words, by the places of prints."""
    shared: NDArray[np.float64] = np.maximum(
        0.0, (_equal_places(minima, others) / PLACES - _BY_CHANCE) / (1 - _BY_CHANCE)
    )
    return shared


def compared(
    prints: NDArray[np.void], sought: NDArray[np.void], least: float, rows: _Rows
) -> list[tuple[int, Likeness]]:
    """Return the rows of prints that are like another, with how much: equal ones, then the most alike first."""
    shared = equal_shares(prints["minima"], sought["minima"])
    same = (prints["hashes"] == sought["hashes"]) & (sought["hashes"] != 0)
    numbers = prints["numbers"] == sought["numbers"]
    found: dict[int, Likeness] = {}
    for at in np.flatnonzero((shared >= least) | same.any(axis=1)):
        words, question, answer = map(bool, same[at])
        found[int(rows[at])] = Likeness(float(shared[at]), words, question, answer, bool(numbers[at]))
    return sorted(found.items(), key=lambda like: (-like[1].same_words, -like[1].shared, like[0]))


def _equal_places(minima: NDArray[np.uint8], sought: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return how many places of each print equal those of another one: eight bytes are added up at once."""
    eights = (minima == sought).view(np.uint64).sum(axis=1)
    counted: NDArray[np.int64] = eights.view(np.uint8).reshape(-1, 8).sum(axis=1, dtype=np.int64)
    return counted
