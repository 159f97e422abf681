"""Read a dataset for an export: what people accepted, as they edited it, with the number of each record.

Pairs and labelled answers also come from what was rejected, by people or by gates, beside the dataset.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from deepfabric_core.export.conversation import Conversation, conversation_of
from deepfabric_core.export.formats.format import Answer, LeftOut, Pair, Takes
from deepfabric_core.samples.foreign.our_record import label_of, worse_of
from deepfabric_core.samples.preferences import preferences, source_of
from deepfabric_core.samples.reading import JournalLine, key_of, line_of, metadata_of
from deepfabric_core.samples.records import Record
from deepfabric_core.samples.reviews import Review, Reviews, sample_id
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.dataset_reader import records_in_file
from deepfabric_core.store.rejected_log import rejected_path
from deepfabric_core.store.review_log import reviews_of

_NONE = Review()


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that a format converts, or why there is nothing to convert; `number` is that of its record, from 1.

    `record` says which topic it belongs to, and `dataset` is the name of its dataset in a mix of several.
    """

    number: int
    record: JournalLine
    item: Conversation | Pair | Answer | JournalLine | None
    left_out: str = ""
    dataset: str = ""


class Entries(Protocol):
    """A dataset, or several that are read as one."""

    def entries(self, takes: Takes) -> Iterator[Entry]:
        """Yield what a format takes; each time it is called, the same."""


@dataclass(slots=True)
class Dataset:
    """A dataset with what stands beside it: reviews, and the samples that gates rejected."""

    path: Path
    reviews: Reviews
    rejected: Mapping[tuple[str, int], list[JournalLine]] = field(default_factory=dict)

    def entries(self, takes: Takes) -> Iterator[Entry]:
        """Yield what a format takes, in the order of the dataset.

        Raises:
            ConfigError: the dataset can't be read.
        """
        match takes:
            case "pairs":
                return self._pairs()
            case "answers":
                return self._answers()
        return self._accepted(as_records=takes == "records")

    def _reviewed(self) -> Iterator[tuple[int, Record, Review]]:
        said = self.reviews if self.reviews.decisions else None
        for number, raw in enumerate(records_in_file(self.path), 1):
            record = raw["sample"] if "sample" in raw and "topic_id" in raw else raw
            yield number, record, said.of(sample_id(record)) if said else _NONE

    def _accepted(self, *, as_records: bool) -> Iterator[Entry]:
        for number, record, review in self._reviewed():
            if not review.is_rejected:
                own = review.applied_to(record)
                item = own if as_records else conversation_of(own)
                yield Entry(number, own, item, "" if item is not None else LeftOut.NO_CONVERSATION)

    def _pairs(self) -> Iterator[Entry]:
        for number, record, review in self._reviewed():
            found = preferences((line_of(record),), self._worse(record), self.reviews)
            for pair in found.pairs:
                yield Entry(number, record, _pair_of_records(*pair.records))
            if not review.is_rejected and (both := worse_of(record)):
                yield Entry(number, record, _pair_of_records(*both))

    def _answers(self) -> Iterator[Entry]:
        for number, record, review in self._reviewed():
            good = label_of(record) is not False and not review.is_rejected
            yield _answer(number, record, review.applied_to(record), good=good)
            if both := worse_of(record):
                yield _answer(number, record, both[1], good=False)
            if review.edited is not None and not review.is_rejected:
                yield _answer(number, record, record, good=False)
            for line in self._worse(record):
                yield _answer(number, record, line["sample"], good=False)

    def _worse(self, record: JournalLine) -> Sequence[JournalLine]:
        """Return the lines of the samples that were rejected before one was accepted for the same work item."""
        key = key_of(line_of(record))
        return self.rejected.get(key, ()) if key else ()


def open_dataset(path: Path, takes: Takes) -> Dataset:
    """Return a dataset with its reviews and, where a format takes worse answers, those.

    Raises:
        ConfigError: a file can't be read.
    """
    rejected: dict[tuple[str, int], list[JournalLine]] = {}
    if takes in ("pairs", "answers"):
        for line in whole_lines(rejected_path(path)):
            key = key_of(line)
            if key and source_of(line) and isinstance(line.get("sample"), Mapping):
                rejected.setdefault(key, []).append(line)
    return Dataset(path, reviews_of(path), rejected)


def _answer(number: int, record: JournalLine, said: JournalLine, *, good: bool) -> Entry:
    conversation = conversation_of(said)
    if conversation is None:
        return Entry(number, record, None, LeftOut.NO_CONVERSATION)
    return Entry(number, record, Answer(conversation, good))


def _pair_of_records(chosen: JournalLine, rejected: JournalLine) -> Pair | None:
    """Return the pair of two conversations that begin alike; None if nothing is said in one of them."""
    better, worse = conversation_of(chosen), conversation_of(rejected)
    if better is None or worse is None:
        return None
    asked = max((place for place, turn in enumerate(better.turns) if turn.role == "user"), default=-1) + 1
    prompt = Conversation(better.turns[:asked], better.tools)
    return Pair(prompt, better.turns[asked:], worse.turns[asked:])


def is_made_up(record: JournalLine) -> bool:
    """Whether a simulated model made a record up."""
    return metadata_of(record).get("simulated") is True
