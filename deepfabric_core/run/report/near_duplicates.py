"""The near-duplicates of a dataset's file: each sample is compared with all before it, and with another dataset's.

A sample takes some 600 bytes of memory for its print, whatever its length. Texts are read from the file again where the
prints leave a doubt, and for the pairs that are shown.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.duplicates import DuplicateIndex, Match
from deepfabric_core.quality.report.examples import excerpt_of
from deepfabric_core.quality.sample_print import SamplePrint
from deepfabric_core.run.report.measure_chunk import candidate_at

_SHOWN = 50
# Of pairs that are the same word for word, so that there is room for others.
_SHOWN_SAME = 10


class Placed(NamedTuple):
    """The line of a sample, and its offset in the file."""

    line: int
    offset: int


class Pair(NamedTuple):
    """Two samples that are nearly the same; the `first` may be one of another file."""

    shared: float
    kind: str
    first: Placed
    second: Placed


class FilePrints:
    """The samples of a file, of which each can be found by its print and read again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines = array("Q")
        self._offsets = array("Q")
        self._index = DuplicateIndex(text_of=self._read, quick=True)

    def __len__(self) -> int:
        return len(self._lines)

    def nearest(self, own: SamplePrint, path: Path, place: Placed) -> Pair | None:
        """Return the pair of a sample in some file and the one here that is nearly the same; None if there is none."""
        match = self._index.nearest_to(own, lambda: candidate_at(path, place.offset))
        return None if match is None or match.key is None else self._pair(match, match.key, place)

    def _pair(self, match: Match, key: int, place: Placed) -> Pair:
        shared = 1.0 if match.kind == "same" else match.shared
        return Pair(shared, match.kind, self._place(key), place)

    def add(self, own: SamplePrint, place: Placed) -> None:
        """Add a sample."""
        self._lines.append(place.line)
        self._offsets.append(place.offset)
        self._index.load([(len(self._lines) - 1, own)])

    def _place(self, key: int) -> Placed:
        return Placed(self._lines[key], self._offsets[key])

    def _read(self, key: int) -> Candidate | None:
        return candidate_at(self.path, self._offsets[key])


class PairCount:
    """How many samples are nearly another one, and the pairs that are most alike."""

    def __init__(self) -> None:
        self._number = 0
        self._kinds: dict[str, int] = {}
        self._same: list[Pair] = []
        self._alike: list[tuple[float, int, Pair]] = []

    def add(self, pair: Pair) -> None:
        """Count a sample that is nearly another one."""
        self._number += 1
        self._kinds[pair.kind] = self._kinds.get(pair.kind, 0) + 1
        if pair.kind == "same":
            if len(self._same) < _SHOWN:
                self._same.append(pair)
            return
        heapq.heappush(self._alike, (pair.shared, -self._number, pair))
        if len(self._alike) > _SHOWN:
            heapq.heappop(self._alike)

    def as_object(self, first: Path, second: Path) -> dict[str, Any]:
        """Return the counts and the pairs, whose samples are read from the two files again."""
        return {
            "samples": self._number,
            "exact": self._kinds.get("same", 0),
            "by_kind": dict(sorted(self._kinds.items())),
            "pairs": list(self._shown(first, second)),
        }

    def _shown(self, first: Path, second: Path) -> Iterator[dict[str, Any]]:
        alike = [pair for _, _, pair in sorted(self._alike, reverse=True)]
        same = self._same[: max(_SHOWN_SAME, _SHOWN - len(alike))]
        for pair in [*same, *alike][:_SHOWN]:
            sides = [
                (candidate_at(path, place.offset), place.line)
                for path, place in ((first, pair.first), (second, pair.second))
            ]
            texts = [excerpt_of(candidate, line) for candidate, line in sides if candidate]
            if len(texts) == len(sides):
                yield {
                    "similarity": round(pair.shared, 4),
                    "kind": pair.kind,
                    "first": texts[0],
                    "second": texts[1],
                }


def compare(
    prints: list[tuple[int, int, SamplePrint | None]],
    samples: FilePrints,
    counts: PairCount,
    *,
    other: FilePrints | None = None,
    shared: PairCount | None = None,
) -> None:
    """Compare the samples of a chunk with all before them, count the pairs, and add them.

    With an `other` file, they are compared with its samples too, and those pairs are counted in `shared`.
    """
    for line, offset, own in prints:
        if own is None:
            continue
        place = Placed(line, offset)
        if pair := samples.nearest(own, samples.path, place):
            counts.add(pair)
        if other is not None and shared is not None and (pair := other.nearest(own, samples.path, place)):
            shared.add(pair)
        samples.add(own, place)
