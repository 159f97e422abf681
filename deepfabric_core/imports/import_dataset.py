"""Import a dataset: its records become ours, in a JSONL file, with what was worse beside it.

A worse answer goes to the log of rejected samples, and an answer that is labelled as bad is rejected in the reviews, so
that exports of preferences and labels have them, and all others leave them out.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.export.conversation import as_json
from deepfabric_core.export.row_files import JsonLines
from deepfabric_core.quality.finding import Finding
from deepfabric_core.samples.foreign.our_record import read_as_ours, worse_record
from deepfabric_core.samples.foreign.reader import ForeignSample, Reader, UnreadableRecordError
from deepfabric_core.samples.foreign.readers import names, reader_named
from deepfabric_core.samples.reading import answer_of
from deepfabric_core.samples.records import Record
from deepfabric_core.samples.reviews import sample_id
from deepfabric_core.store.record_files.read import read_records
from deepfabric_core.store.rejected_log import REVIEW, rejected_line, rejected_path
from deepfabric_core.store.review_log import reviews_of, reviews_path

# Who rejects what is labelled as bad.
IMPORTED = "import"
_NAMED = 5
_ID_LENGTH = 16
_PREFERRED = "another answer was preferred"
_BAD = "it was labelled as bad"


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import, where to, in which format, told by each record itself if None, and which key has the topic.

    With `strict`, nothing is written if any record can't be read.
    """

    source: Path
    output: Path
    reader: Reader | None = None
    topic_column: str | None = None
    strict: bool = False


@dataclass(slots=True)
class Unreadable:
    """How many records can't be read for a reason, and where the first ones are."""

    count: int = 0
    first: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ImportResult:
    """What was written, and what wasn't.

    `formats` counts the records by the format they were read in, `kept` those by what of them is only in the metadata;
    `worse` are answers that others were preferred to, `bad` those that are labelled so, `with_topic` are samples that
    name a topic, and `unanswered` those whose question has no answer.
    """

    output: Path
    samples: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    unreadable: dict[str, Unreadable] = field(default_factory=dict)
    worse: int = 0
    bad: int = 0
    with_topic: int = 0
    unanswered: int = 0

    @property
    def lost(self) -> int:
        """How many records can't be read."""
        return sum(one.count for one in self.unreadable.values())

    def add_unreadable(self, place: str, problem: str) -> None:
        """Count a record that can't be read."""
        known = self.unreadable.setdefault(problem, Unreadable())
        known.count += 1
        if len(known.first) < _NAMED:
            known.first.append(place)


def default_output(source: Path) -> Path:
    """Return where a dataset goes if nothing else is said: beside it, under its name.

    >>> default_output(Path("chats.json.gz")).name
    'chats.imported.jsonl'
    """
    stem = source.name if source.is_dir() else source.name.partition(".")[0] or source.name
    return source.with_name(f"{stem}.imported.jsonl")


def find_reader(name: str | None) -> Reader | None:
    """Return the reader of a format by its name; None for none.

    Raises:
        ConfigError: there is no such format.
    """
    found = None if name is None else reader_named(name)
    if name is not None and found is None:
        raise ConfigError(f"There is no format {name} to import; there are {', '.join(names())}.")
    return found


def import_dataset(request: ImportRequest) -> ImportResult:
    """Write the records of a dataset as ours, and return what became of them.

    Raises:
        ConfigError: it can't be read, no record of it is a conversation, or the output can't be written as it is named.
        OutputError: the disk is full or gone, or a record can't be read and that is to stop it; nothing was written.
    """
    _check(request)
    result = ImportResult(request.output)
    with ExitStack() as stack:
        files = _Files(request.output, stack)
        for record, sample, name in _read(request, result):
            files.add(record, sample, result)
            result.formats[name] += 1
        _refuse(request, result)
        files.finish()
        stack.pop_all()
    return result


def _check(request: ImportRequest) -> None:
    """Refuse to write over what is read, and over what people said of an earlier dataset."""
    output = request.output
    if output.suffix.lower() != ".jsonl":
        raise ConfigError(f"{output}: a dataset of ours is a .jsonl file; name one, and export it to anything else.")
    beside = (output, rejected_path(output), reviews_path(output))
    if request.source.resolve() in [one.resolve() for one in beside]:
        raise ConfigError(f"{output} is what is read; give the dataset another name.")
    if any(decision.who != IMPORTED for decision in reviews_of(output).decisions):
        raise ConfigError(f"{reviews_path(output)} has reviews by people; give the dataset another name.")


def _read(request: ImportRequest, result: ImportResult) -> Iterator[tuple[Record, ForeignSample, str]]:
    numbers: Counter[str] = Counter()
    for found in read_records(request.source):
        if found.record is None:
            result.add_unreadable(found.place, found.problem)
            continue
        try:
            record, sample, name = read_as_ours(found.record, request.reader, request.topic_column)
        except UnreadableRecordError as problem:
            result.add_unreadable(found.place, str(problem))
            continue
        _number(record, sample, numbers)
        yield record, sample, name


def _number(record: Record, sample: ForeignSample, numbers: Counter[str]) -> None:
    """Give a record that belongs to a topic its cycle there; one with a worse answer belongs to its prompt at least."""
    metadata = record.get("metadata")
    if not isinstance(metadata, dict):
        return
    if sample.worse is not None and not metadata.get("topic_id"):
        metadata["topic_id"] = _hashed(record["question"])
    topic = metadata.get("topic_id")
    if isinstance(topic, str) and "cycle" not in metadata:
        metadata["cycle"] = numbers[topic]
        numbers[topic] += 1


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_ID_LENGTH]


def _refuse(request: ImportRequest, result: ImportResult) -> None:
    """Refuse to write nothing, or a part if all is wanted."""
    first = next(((why, one) for why, one in result.unreadable.items()), None)
    if not result.samples:
        said = f"; {first[1].first[0]}: {first[0]}" if first else ""
        raise ConfigError(f"{request.source} has no record that can be read as a conversation{said}.")
    if request.strict and first:
        raise OutputError(f"{request.source}, {first[1].first[0]}: {first[0]}. Nothing was written.")
    if request.topic_column and not result.with_topic:
        raise ConfigError(f"{request.source} has no topic in {request.topic_column}; name a key that its records have.")


class _Files:
    """The dataset and what stands beside it, each written when there is something for it."""

    def __init__(self, output: Path, stack: ExitStack) -> None:
        self._paths = {"samples": output, "rejected": rejected_path(output), "reviews": reviews_path(output)}
        self._open: dict[str, JsonLines] = {}
        self._stack = stack
        self._at = round(time.time(), 3)

    def add(self, record: Record, sample: ForeignSample, result: ImportResult) -> None:
        """Add a record with what belongs to it."""
        metadata = record.get("metadata")
        said: Mapping[str, Any] = metadata if isinstance(metadata, Mapping) else {}
        result.samples += 1
        result.with_topic += bool(said.get("topic_path"))
        result.unanswered += not answer_of(record)
        more = said.get("more")
        result.kept.update(more.keys() if isinstance(more, Mapping) else ())
        self._write("samples", record)
        if sample.worse is not None:
            result.worse += 1
            self._write("rejected", self._rejected(said, worse_record(sample)))
        if sample.good is False:
            result.bad += 1
            self._write("reviews", self._review(record))

    def _rejected(self, said: Mapping[str, Any], worse: Record) -> Record:
        topic = {"topic_path": [], **said}
        finding = Finding(REVIEW, REVIEW, _PREFERRED, _PREFERRED)
        took: Record = {"model": None, "attempts": 0, "usage": {}, "at": self._at}
        return rejected_line(topic, 1, finding, took, worse)

    def _review(self, record: Record) -> Record:
        own = sample_id(record)
        decision = {"id": _hashed(as_json([IMPORTED, own])), "sample": own, "action": "reject"}
        return {**decision, "who": IMPORTED, "at": self._at, "reason": _BAD}

    def _write(self, kind: str, row: Record) -> None:
        if kind not in self._open:
            self._open[kind] = JsonLines(self._paths[kind])
            self._stack.callback(self._open[kind].discard)
        self._open[kind].add(row)

    def finish(self) -> None:
        """Put the files into their places; what an earlier import left beside the dataset is gone."""
        for kind in ("rejected", "reviews", "samples"):
            if kind in self._open:
                self._open[kind].finish()
            elif kind == "reviews":
                self._paths[kind].unlink(missing_ok=True)
