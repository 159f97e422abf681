"""Divide a dataset into the sides of a split: read it once, and say for each entry where it goes."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deepfabric_core.errors import ConfigError
from deepfabric_core.export.entries import Entries
from deepfabric_core.export.formats.format import Takes
from deepfabric_core.export.repetitions import move_repetitions
from deepfabric_core.export.splits import By, Group, SplitRules, check_held_out, check_sides, group_of, sides_of
from deepfabric_core.quality.foreign_records import foreign_candidate
from deepfabric_core.quality.sample_print import SamplePrint, print_of
from deepfabric_core.samples.reading import path_of
from deepfabric_core.store.files import read_text, replace_file

SPLITS = "splits.json"
_WHAT = "record of an earlier split"


@dataclass(frozen=True, slots=True)
class Division:
    """The side of each entry, in their order, and of each group by its key.

    `moved` counts the samples that repeat another one and were moved to its side, by the sides they left and came to;
    `kept` how many groups kept a side that they had before; `unnamed` the samples that don't name what they are divided
    by.
    """

    by: By
    sides: Sequence[str]
    by_key: Mapping[str, str]
    moved: Mapping[tuple[str, str], int]
    kept: int
    unnamed: int


@dataclass(slots=True)
class _Reading:
    """What is kept of each entry: its group and what is compared of it."""

    groups: dict[Group, int] = field(default_factory=dict)
    places: array[int] = field(default_factory=lambda: array("I"))
    prints: list[SamplePrint | None] = field(default_factory=list)
    topics: set[str] = field(default_factory=set)


def divide(dataset: Entries, takes: Takes, rules: SplitRules, earlier: Mapping[str, str]) -> Division:
    """Return the sides of all entries of a dataset.

    Args:
        dataset: what is divided.
        takes: which entries a format takes.
        rules: the sides with their shares.
        earlier: sides by key that were given before.

    Raises:
        ConfigError: the dataset can't be read, a side would be empty, or a branch to be held out isn't there.
    """
    read = _read(dataset, takes, rules)
    groups = list(read.groups)
    check_held_out(groups, rules, read.topics)
    sizes = Counter(read.places)
    by_key = sides_of({group: sizes[place] for place, group in enumerate(groups)}, rules, earlier)
    names = list(rules.shares)
    # Rank 0 is what is held out, which draws what repeats it out of all sides.
    ranks = bytearray(_rank(groups[place], by_key, names) for place in read.places)
    moves = move_repetitions(read.prints, ranks)
    of_rank = [rules.held_side, *names]
    sides = [of_rank[rank] for rank in ranks]
    check_sides(sides, rules, len(groups))
    return Division(
        rules.by,
        sides,
        by_key,
        {
            (of_rank[left], of_rank[to]): count
            for (left, to), count in moves.counts.items()
            if of_rank[left] != of_rank[to]
        },
        sum(earlier.get(key) == side for key, side in by_key.items()),
        sum(sizes[place] for place, group in enumerate(groups) if not group.is_named),
    )


def _rank(group: Group, by_key: Mapping[str, str], names: Sequence[str]) -> int:
    return 0 if group.is_held_out else names.index(by_key[group.key]) + 1


def _read(dataset: Entries, takes: Takes, rules: SplitRules) -> _Reading:
    read = _Reading()
    for entry in dataset.entries(takes):
        group = group_of(entry.record, rules)
        read.places.append(read.groups.setdefault(group, len(read.groups)))
        read.prints.append(print_of(foreign_candidate(entry.record)))
        if rules.held_out:
            read.topics.update(path_of(entry.record))
    return read


def earlier_sides(folder: Path, rules: SplitRules) -> dict[str, str]:
    """Return the sides that an earlier split in a folder gave, by key; none if it divided by something else.

    Raises:
        ConfigError: its record can't be read.
    """
    path = folder / SPLITS
    if not path.exists():
        return {}
    try:
        known = json.loads(read_text(path, what=_WHAT))
        sides = {str(key): str(side) for side, keys in known["sides"].items() for key in keys}
    except (ValueError, LookupError, TypeError, AttributeError) as problem:
        raise ConfigError(f"{path}: the {_WHAT} is damaged; delete it to divide afresh.") from problem
    return sides if known.get("by") == rules.by else {}


def keep_sides(folder: Path, rules: SplitRules, by_key: Mapping[str, str], earlier: Mapping[str, str]) -> None:
    """Write down which side each group is on, also of those that aren't in the dataset any more.

    Raises:
        OutputError: it can't be written.
    """
    sides: dict[str, list[str]] = {name: [] for name in rules.shares}
    for key, side in sorted({**earlier, **by_key}.items()):
        sides.setdefault(side, []).append(key)
    facts = {"by": rules.by, "shares": dict(rules.shares), "held_out": list(rules.held_out), "sides": sides}
    replace_file(folder / SPLITS, [json.dumps(facts, ensure_ascii=False, indent=1).encode(), b"\n"])
