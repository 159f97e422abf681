"""Statistics of topics: how many samples each has, and how many levels and leaves there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from deepfabric_core.topics.duplicates import near_duplicates
from deepfabric_core.topics.model import Topics
from deepfabric_core.wording import counted, of_them_leaves

__all__ = ["Coverage", "Covered", "Shape", "coverage", "near_duplicates", "shape"]

_SHOWN_CHARACTERS = 60
_LOPSIDED = 0.6


@dataclass(frozen=True, slots=True)
class Covered:
    """Numbers of samples of a topic and of all topics below it."""

    wanted: int
    done: int
    failed: int

    @property
    def share(self) -> float | None:
        """The share of wanted samples that is done, above 1 if there are too many; None if none are wanted."""
        return self.done / self.wanted if self.wanted else None


@dataclass(frozen=True)
class Coverage:
    """The samples of every topic, and the leaves that have too few or too many.

    `by_id` has the numbers of each topic by id. `under` begins with the leaf that lacks most, `over` with the leaf
    that has the largest surplus; `unplanned` are leaves for which no sample is wanted. `elsewhere` counts finished
    samples of topics that no longer exist.
    """

    by_id: Mapping[str, Covered]
    under: tuple[str, ...]
    over: tuple[str, ...]
    unplanned: tuple[str, ...]
    elsewhere: int


def coverage(topics: Topics, wanted: Mapping[str, int], done: Mapping[str, int], failed: Mapping[str, int]) -> Coverage:
    """Sum up samples, given by topic id; in a graph each leaf counts once, however many paths lead to it."""
    sums = [topics.sums(counts) for counts in (wanted, done, failed)]
    lacking = {leaf.id: wanted.get(leaf.id, 0) - done.get(leaf.id, 0) for leaf, _ in topics.leaves}
    under = sorted((own for own, lack in lacking.items() if lack > 0), key=lambda own: -lacking[own])
    over = sorted((own for own, lack in lacking.items() if lack < 0), key=lambda own: lacking[own])
    return Coverage(
        by_id={own: Covered(*(counts[own] for counts in sums)) for own in sums[0]},
        under=tuple(under),
        over=tuple(over),
        unplanned=tuple(leaf.id for leaf, _ in topics.leaves if not wanted.get(leaf.id)),
        elsewhere=sum(count for own, count in done.items() if own not in topics.by_id),
    )


@dataclass(frozen=True)
class Shape:
    """The size and balance of a tree or graph.

    `widths` has the number of topics on each level, the root's first; `leaf_levels` the level of the shallowest and
    the deepest leaf; `branches` the number of leaves below each child of the root, by id. `balance` is 1 if all
    branches have equally many leaves, and near 0 if one has nearly all. `sentences` say all this in words.
    """

    topics: int
    leaves: int
    widths: tuple[int, ...]
    leaf_levels: tuple[int, int]
    branches: Mapping[str, int]
    balance: float
    sentences: tuple[str, ...]

    @property
    def depth(self) -> int:
        """The number of levels below the root."""
        return len(self.widths) - 1


def shape(topics: Topics) -> Shape:
    """Measure topics, and describe them in a few sentences. Names in these are unescaped text from the model."""
    by_level = Counter(len(path) - 1 for _, path in topics.walk())
    levels = [len(path) - 1 for _, path in topics.leaves]
    sums = topics.sums({leaf.id: 1 for leaf, _ in topics.leaves})
    branches = {child: sums[child] for child in topics.by_id[topics.root].children}
    widths = tuple(by_level[level] for level in range(len(by_level)))
    ends, balance = (min(levels), max(levels)), _balance(sorted(branches.values()))
    sentences = (_size(widths, len(levels)), *_evenness(topics, branches, ends, balance))
    return Shape(len(topics), len(levels), widths, ends, branches, balance, sentences)


def _balance(leaves: list[int]) -> float:
    """Return 1 minus the Gini coefficient of ascending counts, scaled so that 0 means that one has all."""
    count, total = len(leaves), sum(leaves)
    if count <= 1:
        return 1.0
    gini = sum((2 * place - count - 1) * number for place, number in enumerate(leaves, 1)) / (count * total)
    return 1 - gini * count / (count - 1)


def _size(widths: tuple[int, ...], leaves: int) -> str:
    levels = " + ".join(f"{width:,}" for width in widths)
    return f"{counted(sum(widths), 'topic')} on {counted(len(widths), 'level')} ({levels}), {of_them_leaves(leaves)}."


def _evenness(topics: Topics, branches: Mapping[str, int], ends: tuple[int, int], balance: float) -> list[str]:
    sentences = []
    if ends[0] < ends[1]:
        sentences.append(f"Leaves lie {ends[0]} to {ends[1]} levels below the root.")
    if len(branches) > 1 and balance < 1:
        most, least = (pick(branches, key=lambda own: branches[own]) for pick in (max, min))
        verdict = "Lopsided" if balance < _LOPSIDED else "Fairly balanced"
        sentences.append(
            f"{verdict} ({balance:.2f} of 1): {_shown(topics, most)} has {counted(branches[most], 'leaf')}, "
            f"{_shown(topics, least)} has {branches[least]:,}."
        )
    elif len(branches) > 1:
        sentences.append(f"Balanced: each of the {len(branches):,} branches has as many leaves.")
    return sentences


def _shown(topics: Topics, own: str) -> str:
    name = " ".join(topics.by_id[own].name.split())
    return name if len(name) <= _SHOWN_CHARACTERS else f"{name[:_SHOWN_CHARACTERS]}…"
