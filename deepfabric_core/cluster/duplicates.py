"""Find samples that repeat one of another shard; within a shard, its own run lets none through."""

from __future__ import annotations

import time
import uuid
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from deepfabric_core.config.quality import Duplicates
from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.quality.duplicates import DuplicateIndex, DuplicateRules, TextOf, finding_of, repeated_across
from deepfabric_core.quality.sample_print import SamplePrint, print_of
from deepfabric_core.samples.reading import key_of
from deepfabric_core.samples.records import Record
from deepfabric_core.samples.reviews import Decision, sample_id
from deepfabric_core.store.append_log import read_line
from deepfabric_core.store.print_file import known_prints, short_key
from deepfabric_core.store.review_log import ReviewLog, reviews_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deepfabric_core.quality.meanings import MeaningIndex

_WHO = "deepfabric"


class ShardSamples(NamedTuple):
    """Where the samples of a shard are, and their prints as far as they are known; how many there are, if that is."""

    dataset: Path
    prints: Path | None = None
    made: int | None = None


def repeated(shards: Sequence[ShardSamples], settings: Duplicates) -> dict[int, list[Decision]]:
    """Return which samples repeat one of another shard that comes before, by the shard's place in the list.

    By the prints of all samples, few may repeat another one; only these are compared with each other, unless meanings
    are compared, and where all prints are known, only these are read. It takes memory for each sample, so the driver
    leaves it to the keeper of the limits.

    Raises:
        ConfigError: the model of embeddings can't be had.
        OSError: a file can't be read.
    """
    keys = _keys_that_may_repeat(shards, settings.threshold) if settings.embeddings is None else None
    samples = _Samples(shards, keys)
    words = DuplicateIndex(DuplicateRules(settings.threshold), text_of=samples.text_of)
    meanings = _meanings(settings, samples.text_of)
    may_repeat = samples.may_repeat(settings.threshold)
    found: dict[int, list[Decision]] = {}
    for number in range(len(samples.places)) if meanings is not None else map(int, may_repeat.nonzero()[0]):
        place, record = samples.places[number], samples.record(number)
        indexes = ([words] if may_repeat[number] else []) + ([] if meanings is None else [meanings])
        candidate = candidate_of(record)
        matches = (index.claim(candidate, number) for index in indexes)
        others = (one for one in matches if one and one.key is not None and samples.places[one.key] != place)
        repeats = next(others, None)
        if repeats is not None:
            finding = finding_of(repeats, candidate)
            found.setdefault(place, []).append(_rejection(record, finding.reason, finding.advice))
        for index in indexes:
            if repeats is None:
                index.accept(number, number)
            else:
                index.release(number)
    return found


def _meanings(settings: Duplicates, text_of: TextOf) -> MeaningIndex | None:
    """Return what meanings are compared in, if the settings name a model."""
    if settings.embeddings is None:
        return None
    from deepfabric_core.quality.meanings import MeaningIndex
    from deepfabric_core.store.embedding_model import embedding_model

    return MeaningIndex(embedding_model(settings.embeddings, lambda _: None), settings.similarity, text_of=text_of)


def _keys_that_may_repeat(shards: Sequence[ShardSamples], threshold: float) -> list[frozenset[bytes]] | None:
    """Return for each shard the short keys of its samples that may repeat one of another shard, or be repeated.

    That is told by prints alone: None unless there is one for each sample.
    """
    keys: list[bytes] = []
    prints: list[SamplePrint] = []
    places = array("l")
    for place, shard in enumerate(shards):
        known = known_prints(shard.prints) if shard.prints else None
        by_key = known.by_short_key() if known else {}
        if len(by_key) != shard.made:
            return None
        keys += by_key
        prints += by_key.values()
        places.extend([place] * len(by_key))
    found: list[set[bytes]] = [set() for _ in shards]
    for number in map(int, repeated_across(prints, places, threshold).nonzero()[0]):
        found[places[number]].add(keys[number])
    return list(map(frozenset, found))


class _Samples:
    """Samples by number, in the order of their shards: where each is, and in which shard.

    `keys` are, for each shard, those of the samples that may repeat others; without them, all are taken in.

    Raises:
        OSError: a file can't be read.
    """

    def __init__(self, shards: Sequence[ShardSamples], keys: Sequence[frozenset[bytes]] | None) -> None:
        self.places = array("l")
        self._shards = shards
        self._begins = array("q")
        self._prints: list[SamplePrint | None] = []  # of all, unless keys tell already what they would
        self._has_keys = keys is not None
        for place, shard in enumerate(shards):
            if keys is None:
                self._take_all(place, shard)
            elif keys[place]:
                self._take(place, shard, keys[place])

    def _take(self, place: int, shard: ShardSamples, keys: frozenset[bytes]) -> None:
        for begin, record in _records(shard.dataset):
            key = _key(record)
            if key is not None and short_key(key) in keys:
                self._add(place, begin)

    def _take_all(self, place: int, shard: ShardSamples) -> None:
        known = known_prints(shard.prints) if shard.prints else None
        for begin, record in _records(shard.dataset):
            self._add(place, begin)
            candidate, key = candidate_of(record), _key(record)
            own = known.of(key, candidate) if known and key else None
            self._prints.append(own or print_of(candidate))

    def _add(self, place: int, begin: int) -> None:
        self.places.append(place)
        self._begins.append(begin)

    def may_repeat(self, threshold: float) -> NDArray[np.bool_]:
        """Return for each sample whether it may repeat one of another shard, or be repeated."""
        import numpy as np

        if self._has_keys:
            return np.ones(len(self.places), np.bool_)
        found = np.zeros(len(self._prints), np.bool_)
        with_words = [(number, own) for number, own in enumerate(self._prints) if own is not None]
        numbers, prints = [number for number, _ in with_words], [own for _, own in with_words]
        found[numbers] = repeated_across(prints, [self.places[number] for number in numbers], threshold)
        return found

    def record(self, number: int) -> Record:
        """Read a sample."""
        with self._shards[self.places[number]].dataset.open("rb") as file:
            file.seek(self._begins[number])
            return read_line(file.readline()) or {}

    def text_of(self, number: int) -> Candidate:
        """Read the texts of a sample."""
        return candidate_of(self.record(number))


def _records(dataset: Path) -> Iterator[tuple[int, Record]]:
    """Yield each record of a dataset, and where it begins."""
    begin = 0
    with dataset.open("rb") as file:
        for line in file:
            record = read_line(line)
            if record is not None:
                yield begin, record
            begin += len(line)


def _key(record: Record) -> tuple[str, int] | None:
    """Return the work item that a sample was made for, as its metadata tells."""
    metadata = record.get("metadata")
    return key_of(metadata) if isinstance(metadata, Mapping) else None


def _rejection(record: Record, reason: str, advice: str) -> Decision:
    topic_id, cycle = _key(record) or (None, None)
    return Decision(
        uuid.uuid4().hex, sample_id(record), "reject", _WHO, time.time(), topic_id, cycle, reason, instruction=advice
    )


def reject(dataset: Path, decisions: Sequence[Decision]) -> None:
    """Note that samples of a shard's dataset are to be made again.

    Raises:
        OutputError: it can't be written.
    """
    log = ReviewLog(reviews_path(dataset))
    try:
        log.add_all(decisions)
    finally:
        log.close()


def count(found: Mapping[int, Sequence[Decision]]) -> int:
    """Return how many samples were found."""
    return sum(map(len, found.values()))
