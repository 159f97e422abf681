"""Find samples that repeat one of another shard; within a shard, its own run lets none through."""

from __future__ import annotations

import time
import uuid
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from deepfabric_core.config.quality import Duplicates
from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.quality.duplicates import DuplicateIndex, DuplicateRules, finding_of
from deepfabric_core.quality.sample_print import print_of
from deepfabric_core.samples.reading import key_of
from deepfabric_core.samples.records import Record
from deepfabric_core.samples.reviews import Decision, sample_id
from deepfabric_core.store.append_log import read_line
from deepfabric_core.store.review_log import ReviewLog, reviews_path

_WHO = "deepfabric"


def repeated(datasets: Sequence[Path], settings: Duplicates) -> dict[int, list[Decision]]:
    """Return which samples repeat one of another dataset that comes before, by the dataset's place in the list.

    It takes memory for each sample, so it is done in a process of its own.

    Raises:
        OSError: a file can't be read.
    """
    offsets, places = array("q"), array("l")
    found: dict[int, list[Decision]] = {}
    index = DuplicateIndex(DuplicateRules(settings.threshold), text_of=_reading(datasets, offsets, places))
    for number, (place, begin, record) in enumerate(_records(datasets)):
        offsets.append(begin)
        places.append(place)
        candidate = candidate_of(record)
        own = print_of(candidate)
        if own is None:
            continue
        match = index.nearest(candidate)
        if match is not None and match.key is not None and places[match.key] != place:
            finding = finding_of(match, candidate)
            found.setdefault(place, []).append(_rejection(record, finding.reason, finding.advice))
        else:
            index.load([(number, own)])
    return found


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


def _reading(datasets: Sequence[Path], offsets: array[int], places: array[int]) -> Callable[[int], Candidate | None]:
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
