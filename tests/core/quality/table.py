"""Print precision and recall of each check on the labelled samples: `python -m tests.core.quality.table`."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from deepfabric_core.quality.checks.check import Check, Settings
from deepfabric_core.quality.checks.choose import choose
from deepfabric_core.quality.checks.examine import findings
from deepfabric_core.quality.checks.registry import catalogue
from tests.core.quality.labelled import Labelled, labelled
from tests.core.quality.labelled_bad import PROMPTS

_LINE = "{:<14} {:>6} {:>7} {:>9} {:>13} {:>7}"


@dataclass(slots=True)
class Outcome:
    """What one check found and missed; `unfair` are good samples, `others` bad ones with another fault."""

    found: list[Labelled] = field(default_factory=list)
    missed: list[Labelled] = field(default_factory=list)
    unfair: list[Labelled] = field(default_factory=list)
    others: list[Labelled] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """The share of its faults that were found."""
        return len(self.found) / max(1, len(self.found) + len(self.missed))

    @property
    def precision(self) -> float:
        """The share of bad samples among those that it refuses."""
        refused = len(self.found) + len(self.others) + len(self.unfair)
        return 1 - len(self.unfair) / max(1, refused)


def outcomes() -> Mapping[str, Outcome]:
    """Return the outcome of each check that is on by default."""
    by_check: dict[str, Outcome] = defaultdict(Outcome)
    for sample in labelled():
        names = {found.name for found in findings(sample.candidate, _checks(sample.language))}
        if sample.fault:
            outcome = by_check[sample.fault]
            (outcome.found if sample.fault in names else outcome.missed).append(sample)
        for name in names - {sample.fault}:
            (by_check[name].others if sample.fault else by_check[name].unfair).append(sample)
    return by_check


@cache
def _checks(language: str) -> tuple[Check, ...]:
    return choose("default", Settings(language or None, PROMPTS))


def _judged_wrongly(one: Outcome) -> Iterator[str]:
    for what, samples in (("missed", one.missed), ("unfair", one.unfair), ("other", one.others)):
        for sample in samples:
            yield f"    {what} ({sample.fault}): {sample.candidate.question!r} {sample.candidate.answer!r}"


def main() -> None:
    """Print the table, and with `-v` each sample that was judged wrongly."""
    by_check = outcomes()
    lines = [_LINE.format("check", "faults", "recall", "precision", "good refused", "others")]
    for name, _, default in catalogue():
        if default:
            one = by_check.get(name, Outcome())
            shares = f"{one.recall:.3f}", f"{one.precision:.3f}"
            lines.append(
                _LINE.format(name, len(one.found) + len(one.missed), *shares, len(one.unfair), len(one.others))
            )
            lines += _judged_wrongly(one) if "-v" in sys.argv else []
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
