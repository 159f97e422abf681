"""Print what `duplicates` finds of the labelled pairs: `python -m tests.core.quality.duplicates_table [threshold]`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass

from deepfabric_core.quality.duplicates import DuplicateIndex, DuplicateRules
from tests.core.quality.labelled_pairs import Pair, labelled_pairs


@dataclass(slots=True)
class Tally:
    """How many pairs there are, how many repeat each other, and how many of each were found."""

    pairs: int = 0
    repeats: int = 0
    found: int = 0
    found_rightly: int = 0

    @property
    def recall(self) -> float:
        return self.found_rightly / self.repeats if self.repeats else 1.0

    @property
    def precision(self) -> float:
        return self.found_rightly / self.found if self.found else 1.0


def is_found(pair: Pair, rules: DuplicateRules, *, texts: bool = True) -> bool:
    """Whether the second sample of a pair is found when the first is there; with its texts at hand or not."""
    index = DuplicateIndex(rules, text_of=(lambda _: pair.one) if texts else None)
    index.add(0, pair.one)
    return index.nearest(pair.other) is not None


def tallies(pairs: Iterable[Pair], rules: DuplicateRules, *, texts: bool = True) -> dict[str, Tally]:
    """Return a tally for each kind of pair."""
    made: dict[str, Tally] = {}
    for pair in pairs:
        tally, found = made.setdefault(pair.kind, Tally()), is_found(pair, rules, texts=texts)
        tally.pairs += 1
        tally.repeats += pair.repeats
        tally.found += found
        tally.found_rightly += found and pair.repeats
    return made


def total(of: Iterable[Tally]) -> Tally:
    """Return the sum of some tallies."""
    some = list(of)
    return Tally(*(sum(getattr(one, name) for one in some) for name in Tally.__slots__))


def table(rules: DuplicateRules, *, texts: bool) -> str:
    """Return a line for each kind of pair, and two in all: of those that words show, and of all."""
    pairs = list(labelled_pairs())
    by_kind = tallies(pairs, rules, texts=texts)
    lines = [f"{'':36}{'pairs':>6}{'repeats':>9}{'found':>7}{'rightly':>9}"]
    lines += [
        f"{kind:36}{one.pairs:6}{one.repeats:9}{one.found:7}{one.found_rightly:9}" for kind, one in by_kind.items()
    ]
    shown = [by_kind[kind] for kind in dict.fromkeys(pair.kind for pair in pairs if pair.by_words)]
    for name, sums in (("all that words show", total(shown)), ("all", total(by_kind.values()))):
        lines.append(f"{name}: precision {sums.precision:.3f}, recall {sums.recall:.3f} of {sums.repeats} repeats")
    return "\n".join(lines)


if __name__ == "__main__":
    chosen = DuplicateRules(float(sys.argv[1])) if sys.argv[1:] else DuplicateRules()
    for texts in (True, False):
        sys.stdout.write(f"{'with' if texts else 'without'} texts\n{table(chosen, texts=texts)}\n\n")
