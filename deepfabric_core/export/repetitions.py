"""Find samples that repeat one on another side of a split, and move them to it.

What is held out comes first, then the sides in their order: a sample of `test` that repeats one of `train` goes to
`train`, so that nothing is tested that was learned. A sample that was moved draws others in turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from deepfabric_core.quality.duplicates import DuplicateIndex
from deepfabric_core.quality.sample_print import SamplePrint


@dataclass(slots=True)
class Moves:
    """How many samples were moved, by the ranks of the sides that they left and came to."""

    counts: Counter[tuple[int, int]] = field(default_factory=Counter)


def move_repetitions(prints: Sequence[SamplePrint | None], ranks: bytearray) -> Moves:
    """Move each sample that repeats one of a lower rank to that rank, in place; return how many were moved.

    Args:
        prints: what is compared of each sample; None for one without words.
        ranks: the rank of each sample's side.
    """
    moves = Moves()
    for rank in range(max(ranks, default=0)):
        draw = [place for place, own in enumerate(ranks) if own == rank]
        while draw:
            index = DuplicateIndex(expected=len(draw), quick=True)
            index.load((place, own) for place in draw if (own := prints[place]) is not None)
            draw = [place for place, own in enumerate(ranks) if own > rank and _repeats(index, prints[place])]
            moves.counts.update((ranks[place], rank) for place in draw)
            for place in draw:
                ranks[place] = rank
    return moves


def _repeats(index: DuplicateIndex, own: SamplePrint | None) -> bool:
    return own is not None and index.nearest_to(own, lambda: None) is not None
