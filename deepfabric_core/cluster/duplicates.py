"""Find samples that repeat one of another shard; within a shard, its own run lets none through."""

from __future__ import annotations

import time
import uuid
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deepfabric_core.config.quality import Duplicates
from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.quality.duplicates import DuplicateIndex, DuplicateRules, TextOf, finding_of
from deepfabric_core.samples.reading import key_of
from deepfabric_core.samples.records import Record
from deepfabric_core.samples.reviews import Decision, sample_id
from deepfabric_core.store.append_log import read_line
from deepfabric_core.store.review_log import ReviewLog, reviews_path

if TYPE_CHECKING:
    from deepfabric_core.quality.meanings import MeaningIndex

_WHO = "deepfabric"


def repeated(datasets: Sequence[Path], settings: Duplicates) -> dict[int, list[Decision]]:
    """Return which samples repeat one of another dataset that comes before, by the dataset's place in the list.

    It takes memory for each sample, so it is done in a process of its own.

    Raises:
        ConfigError: the model of embeddings can't be had.
        OSError: a file can't be read.
    """
    offsets, places = array("q"), array("l")
    found: dict[int, list[Decision]] = {}
    indexes = _indexes(settings, _reading(datasets, offsets, places))
    for number, (place, begin, record) in enumerate(_records(datasets)):
        offsets.append(begin)
        places.append(place)
        candidate = candidate_of(record)
        matches = (index.claim(candidate, number) for index in indexes)
        repeats = next((one for one in matches if one and one.key is not None and places[one.key] != place), None)
        if repeats is not None:
            finding = finding_of(repeats, candidate)
            found.setdefault(place, []).append(_rejection(record, finding.reason, finding.advice))
        for index in indexes:
            if repeats is None:
                index.accept(number, number)
            else:
                index.release(number)
    return found


def _indexes(settings: Duplicates, text_of: TextOf) -> Sequence[DuplicateIndex | MeaningIndex]:
    """Return what samples are compared in: of words, and of meanings if the settings name a model."""
    words = DuplicateIndex(DuplicateRules(settings.threshold), text_of=text_of)
    if settings.embeddings is None:
        return [words]
    from deepfabric_core.quality.meanings import MeaningIndex
    from deepfabric_core.store.embedding_model import embedding_model

    embed = embedding_model(settings.embeddings, lambda _: None)
    return [words, MeaningIndex(embed, settings.similarity, text_of=text_of)]


def _records(datasets: Sequence[Path]) -> Iterator[tuple[int, int, Record]]:
    """Yield each record with the place of its dataset, and where it begins there."""
    for place, path in enumerate(datasets):
        begin = 0
        with path.open("rb") as file:
            for line in file:
                record = read_line(line)
                if record is not None:
                    yield place, begin, record
                begin += len(line)


def _reading(datasets: Sequence[Path], offsets: array[int], places: array[int]) -> TextOf:
    """Return what reads the sample with a number."""

    def read(number: int) -> Candidate | None:
        with datasets[places[number]].open("rb") as file:
            file.seek(offsets[number])
            record = read_line(file.readline())
        return None if record is None else candidate_of(record)

    return read


def _rejection(record: Record, reason: str, advice: str) -> Decision:
    topic_id, cycle = key_of(record) or (None, None)
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
