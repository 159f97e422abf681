"""`TopicCounts`: how many samples the topics of a dataset have, by branch and by leaf, and how a judge scored them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from deepfabric_core.topics.model import TopicPath

# Branches are told apart down to this level below the root, and up to this number.
_LEVELS = 3
_MOST_BRANCHES = 4_000
_MOST_LEAVES = 1_000_000
_MOST_IDS = 1_000_000
_MOST_NAMES = 20_000
_SHOWN = 200
_LONGEST_NAME = 300


@dataclass(slots=True)
class BranchSum:
    """The samples of a branch, and the scores of those that a judge has scored."""

    samples: int = 0
    scored: int = 0
    scores: float = 0.0

    def add(self, other: BranchSum) -> None:
        """Add the samples of another."""
        self.samples += other.samples
        self.scored += other.scored
        self.scores += other.scores


class TopicCounts:
    """The samples by branch, the root first; by leaf, as a hash of the path; and by id, where there is no path."""

    def __init__(self) -> None:
        self._branches: dict[TopicPath, BranchSum] = {}
        self._leaves: Counter[int] = Counter()
        self._names: dict[int, TopicPath] = {}
        self._ids: Counter[str] = Counter()
        self.without = 0

    def add(self, path: TopicPath, topic_id: object, score: float | None) -> None:
        """Count a sample of a topic, with the judge's score if there is one."""
        own = BranchSum(1, score is not None, score or 0.0)
        if path:
            self._add_path(path, own)
        elif isinstance(topic_id, str) and (topic_id in self._ids or len(self._ids) < _MOST_IDS):
            self._ids[topic_id[:_LONGEST_NAME]] += 1
        else:
            self.without += 1

    def _add_path(self, path: TopicPath, own: BranchSum) -> None:
        self._add_leaf(leaf_hash(path), own.samples, path)
        for level in range(1, min(len(path), _LEVELS + 1) + 1):
            self._add_branch(tuple(name[:_LONGEST_NAME] for name in path[:level]), own)

    def _add_leaf(self, leaf: int, samples: int, path: TopicPath | None) -> None:
        if leaf in self._leaves or len(self._leaves) < _MOST_LEAVES:
            self._leaves[leaf] += samples
            if path and len(self._names) < _MOST_NAMES:
                self._names[leaf] = path

    def _add_branch(self, branch: TopicPath, own: BranchSum) -> None:
        if branch in self._branches or len(self._branches) < _MOST_BRANCHES:
            self._branches.setdefault(branch, BranchSum()).add(own)

    def merge(self, other: TopicCounts) -> None:
        """Add the samples of another."""
        for branch, own in other._branches.items():
            self._add_branch(branch, own)
        for leaf, number in other._leaves.items():
            self._add_leaf(leaf, number, other._names.get(leaf))
        self._ids.update(other._ids)
        self.without += other.without

    def resolve(self, paths: dict[str, TopicPath]) -> None:
        """Count samples that have nothing but their topic's id at that topic's path, as far as it is known."""
        for topic_id in [known for known in self._ids if known in paths]:
            self._add_path(paths[topic_id], BranchSum(self._ids.pop(topic_id)))

    @property
    def leaves(self) -> int:
        """How many different topics have samples."""
        return len(self._leaves) + len(self._ids)

    def has(self, path: TopicPath) -> bool:
        """Return whether a topic has any sample."""
        return leaf_hash(path) in self._leaves

    def lacking(self, other: TopicCounts) -> dict[str, Any]:
        """Return how many topics another one has that this one lacks, with the paths of some."""
        lost = [leaf for leaf in other._leaves if leaf not in self._leaves]
        lost_ids = [known for known in other._ids if known not in self._ids]
        paths = [list(other._names[leaf]) for leaf in lost if leaf in other._names]
        return {"count": len(lost) + len(lost_ids), "paths": paths[:_SHOWN]}

    def as_object(self, leaves: Iterable[TopicPath] | None) -> dict[str, Any]:
        """Return the sums; with the `leaves` of a topics file, also which of them have no sample."""
        known = list(leaves) if leaves is not None else None
        missing = [path for path in known or () if not self.has(path)]
        per_leaf = sorted(self._leaves.values())
        return {
            "covered": self.leaves,
            "known": None if known is None else len(known),
            "missing": None if known is None else len(missing),
            "missing_paths": [list(path) for path in missing[:_SHOWN]],
            "samples_without_topic": self.without,
            "samples_with_id_only": self._ids.total(),
            "most_per_topic": per_leaf[-1] if per_leaf else None,
            "median_per_topic": per_leaf[len(per_leaf) // 2] if per_leaf else None,
            "branches": self._tree(),
            "branches_complete": len(self._branches) < _MOST_BRANCHES,
        }

    def _tree(self) -> list[dict[str, Any]]:
        """Return the branches below each other, those with most samples first."""
        nodes: dict[TopicPath, dict[str, Any]] = {}
        roots: list[dict[str, Any]] = []
        for branch in sorted(self._branches, key=lambda one: (len(one), -self._branches[one].samples, one)):
            own = self._branches[branch]
            node = nodes[branch] = {
                "name": branch[-1],
                "samples": own.samples,
                "score": round(own.scores / own.scored, 3) if own.scored else None,
                "branches": [],
            }
            above = nodes.get(branch[:-1])
            (roots if above is None else above["branches"]).append(node)
        return roots


def leaf_hash(path: TopicPath) -> int:
    """Return a number of 64 bits for a path, the same in every process."""
    text = "\x1f".join(path).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
