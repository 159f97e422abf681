"""Hashes of all runs of so many words in a text, the same in every process, computed at once for the whole text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

# Both odd: the first is the base of the polynomial, whose inverse modulo 2**64 undoes where in the text a run begins.
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)
_SPREAD = 0xBF58476D1CE4E5B9


def hashes_of_words(words: Sequence[str]) -> Hashes:
    """Return a number for each word."""
    import numpy as np

    # Equal words have equal numbers, and few others do: what is found by them is compared word by word.
    numbers = np.array([crc32(word.encode("utf-8", "surrogatepass")) for word in words], np.uint64)
    return (numbers + np.uint64(1)) * np.uint64(_SPREAD)


def hashes_of_runs(words: Hashes, size: int) -> Hashes:
    """Return a number for each run of `size` words, by where it begins; none if there are fewer words."""
    import numpy as np

    count = len(words) - size + 1
    if count < 1:
        return np.empty(0, np.uint64)
    powers, inverses = _powers(len(words) - 1 | 1023)
    sums = np.empty(len(words) + 1, np.uint64)
    sums[0] = 0
    np.cumsum(words * powers[: len(words)], out=sums[1:])
    runs: Hashes = (sums[size:] - sums[:count]) * inverses[:count]
    return runs ^ (runs >> np.uint64(29))


@lru_cache(maxsize=4)
def _powers(longest: int) -> tuple[Hashes, Hashes]:
    """Return the powers of the base and of its inverse, from 0 to `longest`."""
    import numpy as np

    def powers(base: int) -> Hashes:
        found = np.full(longest + 1, base, np.uint64)
        found[0] = 1
        return np.cumprod(found)

    return powers(_BASE), powers(_INVERSE)
