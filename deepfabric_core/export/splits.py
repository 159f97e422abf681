"""Which side of a split each topic is on: shares are met over the main branches, and nothing changes sides later.

Topics are laid out branch by branch, in an order that depends on their ids alone, and each goes to the side that lacks
most of its share so far. So every branch, and any stretch of it, is divided about as the whole.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from deepfabric_core.errors import ConfigError
from deepfabric_core.export.conversation import as_json
from deepfabric_core.samples.reading import JournalLine, metadata_of, path_of, question_of

By = Literal["topic", "source", "random"]

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_TEST = "test"
_PERCENT = 100.0
_LENGTH = 16


@dataclass(frozen=True, slots=True)
class SplitRules:
    """The sides of a split with their shares, which add up to 1, what stays together, and the branches held out.

    What is held out goes to the side `test`, or to the last one if there is no such side.
    """

    shares: Mapping[str, float]
    by: By = "topic"
    held_out: tuple[str, ...] = ()

    @property
    def held_side(self) -> str:
        """The side of the branches that are held out."""
        return _TEST if _TEST in self.shares else list(self.shares)[-1]


@dataclass(frozen=True, slots=True)
class Group:
    """Samples that stay together: their key, main branch, and whether the branch is held out.

    `is_named` says whether they name what they are grouped by; else a sample is a group of its own.
    """

    key: str
    branch: str
    is_held_out: bool = False
    is_named: bool = True


def shares_of(text: str) -> dict[str, float]:
    """Return the shares in a text such as "train=0.9,test=0.1"; percentages will do.

    Raises:
        ConfigError: it says something else, or the shares don't add up to 1.

    >>> shares_of("train=90, test=10")
    {'train': 0.9, 'test': 0.1}
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = (piece.strip() for piece in part.partition("="))
        if not _NAME.fullmatch(name) or name in shares or (value := _positive(share)) is None:
            raise ConfigError(f"--split: {part.strip() or text!r} isn't a side with its share, such as train=0.9.")
        shares[name] = value
    whole = math.fsum(shares.values())
    if not any(math.isclose(whole, sound, abs_tol=1e-6) for sound in (1.0, _PERCENT)):
        raise ConfigError(f"--split: the shares add up to {whole:g}; make it 1.")
    return {
        name: share / (1.0 if math.isclose(whole, 1.0, abs_tol=1e-6) else _PERCENT) for name, share in shares.items()
    }


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def group_of(record: JournalLine, rules: SplitRules) -> Group:
    """Return the group of a record."""
    path = path_of(record)
    branch = path[min(1, len(path) - 1)] if path else ""
    held = bool(path) and not set(rules.held_out).isdisjoint(path)
    named = _named(record, rules.by)
    key = named or _hashed(question_of(record) or as_json(record))
    return Group(key, branch, held, is_named=bool(named) or rules.by == "random")


def _named(record: JournalLine, by: By) -> str:
    said = metadata_of(record)
    if by == "topic":
        topic = said.get("topic_id")
        return topic if isinstance(topic, str) and topic else as_json(path_of(record)) if path_of(record) else ""
    if by == "source":
        source = said.get("source", record.get("source"))
        return source if isinstance(source, str) else as_json(source) if source else ""
    return ""


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]


def sides_of(sizes: Mapping[Group, int], rules: SplitRules, earlier: Mapping[str, str]) -> dict[str, str]:
    """Return the side of each group, by its key.

    Args:
        sizes: how many samples each group has.
        rules: the sides with their shares.
        earlier: sides by key that were given before, which stay.
    """
    found: dict[str, str] = {}
    counts: Counter[str] = Counter()
    whole = 0
    for group in sorted(sizes, key=lambda one: (one.is_held_out, _hashed(one.branch), _hashed(one.key))):
        if group.is_held_out:
            found[group.key] = rules.held_side
            continue
        whole += sizes[group]
        side = earlier.get(group.key, "")
        if side not in rules.shares:
            side = max(rules.shares, key=lambda name: rules.shares[name] * whole - counts[name])
        counts[side] += sizes[group]
        found[group.key] = side
    return found


def check_sides(sides: Iterable[str], rules: SplitRules, groups: int) -> None:
    """Refuse a split with an empty side.

    Raises:
        ConfigError: a side has no samples.
    """
    empty = set(rules.shares).difference(sides)
    if empty:
        name = next(name for name in rules.shares if name in empty)
        what = {"topic": "topics", "source": "sources", "random": "questions"}[rules.by]
        raise ConfigError(
            f"--split: {name} would be empty, as there are only {groups:,} {what} to divide; give it a larger share"
            + (", or divide --by random." if rules.by != "random" else ".")
        )


def check_held_out(groups: Sequence[Group], rules: SplitRules, names: set[str]) -> None:
    """Refuse to hold out what isn't there, or everything.

    Raises:
        ConfigError: a branch has no samples, or only branches that are held out have any.
    """
    missing = [name for name in rules.held_out if name not in names]
    if missing:
        raise ConfigError(f"--hold-out: no sample has a topic {missing[0]!r}; name a topic as the dataset has it.")
    if rules.held_out and all(group.is_held_out for group in groups):
        raise ConfigError("--hold-out: all samples are held out; name a smaller branch.")
