"""Mix several datasets into one export: how much is taken of each, and what repeats an earlier one is left out.

A weight says how often a dataset is taken: 1 is all of it, 0.3 three tenths, and 2 each sample twice. Shares say
instead how much of the mix each dataset is. Which samples are taken depends on the seed and their place in their
dataset alone, so that a mix changes little when a dataset grows. The datasets are spread evenly over the mix.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from deepfabric_core.errors import ConfigError
from deepfabric_core.export.entries import Dataset, Entry, open_dataset
from deepfabric_core.export.formats.format import Takes
from deepfabric_core.quality.duplicates import DuplicateIndex, DuplicateRules
from deepfabric_core.quality.foreign_records import foreign_candidate
from deepfabric_core.quality.sample_print import print_of
from deepfabric_core.samples.reading import metadata_of
from deepfabric_core.store.dataset_reader import records_in_file

_PERCENT = "%"
# What stands after the last = of a path of which a folder has one.
_ENDINGS = (".jsonl", ".json", ".parquet", ".csv", ".gz", ".zst")
_WHOLE = 100.0
_MOST_OFTEN = 100.0
# A question alone may be the same in chats that go on differently.
_RULES = DuplicateRules(same_question=False, same_answer=False)


@dataclass(frozen=True, slots=True)
class Part:
    """A dataset of a mix: how often it is taken or, in percent, how much of the mix it is."""

    path: Path
    weight: float = 1.0
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Mix:
    """The datasets of a mix in their order, the seed of what is taken, and whether what repeats others stays."""

    parts: tuple[Part, ...]
    seed: int = 0
    keeps_duplicates: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken of a dataset: `taken` of the `samples` in it, after `repeats` of earlier datasets were left out.

    `times` is how often some of its samples are in the mix.
    """

    name: str
    samples: int
    taken: int
    repeats: int
    times: int


def parts_of(texts: Sequence[str]) -> tuple[Part, ...]:
    """Return the datasets that are named, each with its weight or share, as in chats.jsonl=0.3 or chats.jsonl=30%.

    Raises:
        ConfigError: a weight isn't a number above 0, or shares don't add up to 100 %.

    >>> parts_of(["a.jsonl", "b.jsonl=0.5"])[1].weight
    0.5
    """
    parts = tuple(map(_part, texts))
    shares = [part.share for part in parts if part.share is not None]
    if shares and len(shares) < len(parts):
        raise ConfigError("Give all datasets a share of the mix, as in chats.jsonl=30%, or none.")
    if shares and not math.isclose(math.fsum(shares), _WHOLE, abs_tol=0.01):
        raise ConfigError(f"The shares add up to {math.fsum(shares):g} %; make it 100.")
    return parts


def mix_of(texts: Sequence[str], *, seed: int = 0, keeps_duplicates: bool = False) -> Mix | None:
    """Return the mix of several datasets, or of a part of one; None if it is one as it stands.

    Raises:
        ConfigError: a weight or share can't be taken, or a dataset can't be read.
    """
    parts = parts_of(texts)
    if len(parts) == 1 and str(parts[0].path) == str(Path(texts[0])):
        return None
    mix = Mix(parts, seed, keeps_duplicates)
    check_readable(mix)
    return mix


def _part(text: str) -> Part:
    name, sign, said = text.rpartition("=")
    if not sign or Path(text).exists() or "/" in said or Path(said).suffix.lower() in _ENDINGS:
        return Part(Path(text))
    number = said.removesuffix(_PERCENT)
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not 0 < value <= (_WHOLE if number != said else _MOST_OFTEN):
        raise ConfigError(
            f"{text}: {said!r} is no weight; give a number above 0, as in {name}=0.5, or a share, as 30%."
        )
    return Part(Path(name), share=value) if number != said else Part(Path(name), value)


class MixedDataset:
    """Several datasets read as one; what is taken of each is known after they were read once.

    Raises:
        ConfigError: a dataset can't be read.
    """

    def __init__(self, mix: Mix, takes: Takes) -> None:
        self._mix = mix
        self._takes = takes
        self._datasets = [open_dataset(part.path, takes) for part in mix.parts]
        self._names = _names([part.path for part in mix.parts])

    def entries(self, takes: Takes) -> Iterator[Entry]:
        """Yield what is taken, spread evenly; the record of each says its source.

        Raises:
            ConfigError: a dataset can't be read.
        """
        parts = [self._spread(place, takes) for place in range(len(self._datasets))]
        return (entry for *_, entry in heapq.merge(*parts, key=lambda one: one[:2]))

    def _spread(self, place: int, takes: Takes) -> Iterator[tuple[float, int, Entry]]:
        times, dataset = self._times[place], self._datasets[place]
        whole = sum(times)
        done = 0
        for turn in range(max(times, default=0)):
            for entry, often in zip(dataset.entries(takes), times, strict=False):
                if often > turn:
                    done += 1
                    yield (done - 0.5) / whole, place, self._named(entry, place)

    def _named(self, entry: Entry, place: int) -> Entry:
        name = self._names[place]
        record = entry.record
        if not (metadata_of(record).get("source") or record.get("source")):
            record = {**record, "source": name}
        item: Any = record if self._takes == "records" else entry.item
        return replace(entry, record=record, item=item, dataset=name)

    @cached_property
    def taken(self) -> tuple[Taken, ...]:
        """What was taken of each dataset."""
        rows = zip(self._names, self._times, self._repeats, strict=True)
        return tuple(
            Taken(name, len(times), sum(one > 0 for one in times), sum(repeats), max(times, default=0))
            for name, times, repeats in rows
        )

    @cached_property
    def _repeats(self) -> list[bytearray]:
        """Which entries of each dataset repeat a sample of an earlier one."""
        index = DuplicateIndex(_RULES, quick=True)
        last = self._datasets[-1]
        return [self._repeats_of(dataset, index, is_last=dataset is last) for dataset in self._datasets]

    def _repeats_of(self, dataset: Dataset, index: DuplicateIndex, *, is_last: bool) -> bytearray:
        found, own = bytearray(), []
        for entry in dataset.entries(self._takes):
            seen = None if self._mix.keeps_duplicates else print_of(foreign_candidate(entry.record))
            repeats = seen is not None and len(index) > 0 and index.nearest_to(seen, lambda: None) is not None
            found.append(repeats)
            if seen is not None and not repeats and not is_last:
                own.append((len(found), seen))
        index.load(own)
        return found

    @cached_property
    def _times(self) -> list[bytearray]:
        """How often each entry of each dataset is taken."""
        sizes = [len(repeats) - sum(repeats) for repeats in self._repeats]
        for part, size, repeats in zip(self._mix.parts, sizes, self._repeats, strict=True):
            if not size:
                why = (
                    "all of its samples repeat one of an earlier dataset"
                    if len(repeats)
                    else "nothing in it is what the format takes"
                )
                raise ConfigError(f"{part.path} adds nothing to the mix: {why}; leave it out.")
        wanted = _wanted(self._mix.parts, sizes)
        both = zip(self._repeats, sizes, wanted, strict=True)
        return [self._drawn(place, *each) for place, each in enumerate(both)]

    def _drawn(self, place: int, repeats: bytearray, size: int, wanted: int) -> bytearray:
        whole, rest = divmod(wanted, size)
        times = bytearray(0 if one else whole for one in repeats)
        free = array("L", (number for number, one in enumerate(repeats) if not one))
        for number in heapq.nsmallest(rest, free, key=lambda number: self._lot(place, number)):
            times[number] += 1
        return times

    def _lot(self, place: int, number: int) -> bytes:
        """Return a number that depends on the seed and an entry's place alone, and the entry's, for equal ones."""
        return hashlib.blake2b(f"{self._mix.seed}/{self._names[place]}/{number}".encode(), digest_size=8).digest()


def _wanted(parts: Sequence[Part], sizes: Sequence[int]) -> list[int]:
    """Return how many entries are taken of each dataset: with shares as many as there are without repeating any."""
    if parts[0].share is None:
        return [max(1, round(part.weight * size)) for part, size in zip(parts, sizes, strict=True)]
    whole = min(size / (part.share or _WHOLE) for part, size in zip(parts, sizes, strict=True))
    return [max(1, min(size, round(whole * (part.share or 0)))) for part, size in zip(parts, sizes, strict=True)]


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the names of files, with their folders where they would be the same."""
    short = [path.name for path in paths]
    return [name if short.count(name) == 1 else str(path) for name, path in zip(short, paths, strict=True)]


def check_readable(mix: Mix) -> None:
    """Read the first record of each dataset, so that a name with an error in it is told before anything else is read.

    Raises:
        ConfigError: one can't be read.
    """
    for part in mix.parts:
        next(iter(records_in_file(part.path)), None)
