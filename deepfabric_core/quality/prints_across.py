"""Which prints of many may be like one of another group, as of another shard: all of them are looked at together.

As in `PrintIndex`, prints are compared that share a band or a hash. Here those are found by sorting, which takes some
microseconds a print.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepfabric_core.quality.print_index import PRINT, band_of, equal_shares
from deepfabric_core.quality.sample_print import SamplePrint

# Prints of which more share a band aren't compared with each other: each of them may be like another one.
_MOST_ALIKE = 32
_AT_ONCE = 65_536


def alike_across(
    prints: Sequence[SamplePrint], groups: Sequence[int], threshold: float, margin: float = 0.0
) -> NDArray[np.bool_]:
    """Return for each print whether one of another group may be like it.

    Prints that share `threshold` of their runs are nearly all found, and all with an equal hash; of those found, the
    ones are returned that by the estimate share at most `margin` less.

    Args:
        prints: the prints.
        groups: the group of each.
        threshold: a share of common runs of words.
        margin: how far an estimate may be off.
    """
    least = threshold - margin
    all_prints, group_of = np.frombuffer(b"".join(prints), PRINT), np.asarray(groups)
    found = np.zeros(len(all_prints), np.bool_)
    bands = np.ascontiguousarray(all_prints["minima"]).view(band_of(threshold))
    for column in range(bands.shape[1]):
        for rows, others in _pairs(bands[:, column], found):
            wanted = np.flatnonzero((group_of[rows] != group_of[others]) & ~(found[rows] & found[others]))
            for begin in range(0, len(wanted), _AT_ONCE):
                some = wanted[begin : begin + _AT_ONCE]
                one, other = rows[some], others[some]
                like = equal_shares(all_prints["minima"][one], all_prints["minima"][other]) >= least
                found[one[like]] = found[other[like]] = True
    for column in range(all_prints["hashes"].shape[1]):
        hashes = all_prints["hashes"][:, column]
        for one, other in _pairs(hashes, found):
            across = (group_of[one] != group_of[other]) & (hashes[one] != 0)
            found[one[across]] = found[other[across]] = True
    return found


def _pairs(keys: NDArray[Any], found: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield all pairs of rows with an equal key; where there are too many, their rows are `found` without."""
    order = np.argsort(keys, kind="stable")
    in_order = keys[order]
    begins = np.flatnonzero(np.append(True, in_order[1:] != in_order[:-1])) if len(keys) else np.empty(0, np.intp)
    lengths = np.diff(np.append(begins, len(keys)))
    too_many = (lengths > _MOST_ALIKE) & (in_order[begins] != 0)
    found[order[np.repeat(too_many, lengths)]] = True
    wanted = np.repeat((lengths > 1) & (lengths <= _MOST_ALIKE), lengths)
    order, in_order = order[wanted], in_order[wanted]
    for apart in range(1, _MOST_ALIKE):
        if len(order) <= apart:
            return
        at = np.flatnonzero(in_order[apart:] == in_order[:-apart])
        if not len(at):
            return
        yield order[at], order[at + apart]
