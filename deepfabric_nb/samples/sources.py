"""Where samples come from: a run, a file, a DataFrame or records in memory; and which file has the reviews of them."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from deepfabric_core.errors import ConfigError
from deepfabric_core.run.results import results
from deepfabric_core.samples.reading import JournalLine, key_of, line_in
from deepfabric_core.store.append_log import read_line, whole_lines
from deepfabric_core.store.checkpoint_files import CheckpointFiles, read_metadata
from deepfabric_core.store.failure_log import of_samples
from deepfabric_core.store.files import reason
from deepfabric_core.store.record_files.found import FoundRecord
from deepfabric_core.store.record_files.read import has_record_a_line, read_records
from deepfabric_core.store.review_log import read_reviews
from deepfabric_core.store.tail import Tail
from deepfabric_nb.runs.run import Run
from deepfabric_nb.samples.frames import lines_of_frame
from deepfabric_nb.samples.index import UNREADABLE, Entry

if TYPE_CHECKING:
    import pandas as pd

_BOM = b"\xef\xbb\xbf"
_LONGEST_LINE_SHOWN = 2_000
_REVIEWS = ".reviews.jsonl"
_JOURNAL, _CHECKPOINT = ".journal", ".checkpoint"

Records = Sequence[Mapping[str, Any]]


class SampleSource(Protocol):
    """Where samples come from. `dataset` is the file of which reviews are kept, None if there is none."""

    title: str
    dataset: Path | None

    @property
    def is_growing(self) -> bool:
        """Whether samples may still come."""

    def entries(self) -> Iterable[Entry]:
        """Return what there is."""

    def new_entries(self) -> Iterable[Entry]:
        """Return what has come since the last call; some of it may be known already."""


def source_of(what: Run | str | Path | pd.DataFrame | Records) -> SampleSource:
    """Return the source for what a view is to show.

    Raises:
        ConfigError: it can't be read, or it holds no samples.
    """
    if isinstance(what, Run):
        return RunSource(what)
    if isinstance(what, str | Path):
        return FileSource(Path(what))
    if _is_frame(what):
        return FrameSource(what)
    return RecordSource(list(_checked([what] if isinstance(what, Mapping) else what)))


def _is_frame(what: object) -> TypeGuard[pd.DataFrame]:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(what, pandas.DataFrame)


def _checked(records: Any) -> Iterator[Mapping[str, Any]]:
    try:
        for number, record in enumerate(records, 1):
            if not isinstance(record, Mapping):
                raise ConfigError(f"Record {number} is no mapping: give records, a DataFrame, a path or a run.")
            yield record
    except TypeError as problem:
        kind = type(records).__name__
        raise ConfigError(
            f"Samples can't be read from a {kind}: give a run, a path, a DataFrame or records."
        ) from problem


class RecordSource:
    """Records in memory, for which no reviews can be kept."""

    dataset: Path | None = None
    is_growing = False

    def __init__(self, records: Records) -> None:
        self.title = ""
        self._lines = [line_in(record) for record in records]

    def entries(self) -> Iterable[Entry]:
        """Return them in their order."""
        return [Entry("done", line) for line in self._lines]

    def new_entries(self) -> Iterable[Entry]:
        """Return nothing: there are no more."""
        return ()


class FrameSource(RecordSource):
    """The rows of a DataFrame; those of one of ours are the records of its dataset, as far as they are there."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._entries, self.dataset = lines_of_frame(frame)
        self.title = Path(self.dataset).name if self.dataset else ""

    def entries(self) -> Iterable[Entry]:
        """Return a row each, in the frame's order."""
        return [Entry(status, line) for status, line in self._entries]


class FileSource:
    """A dataset or a journal, of ours or DeepFabric's, and the logs of failures and rejected samples beside it."""

    is_growing = False

    def __init__(self, path: Path) -> None:
        self._path = path.expanduser()
        self.title = self._path.name
        self.dataset: Path | None = dataset_of(self._path).absolute()
        if not self._path.exists():
            raise ConfigError(f"{path}: there is no such file; %deepfabric status lists the runs and their datasets.")
        _check_no_reviews(self._path)

    def entries(self) -> Iterable[Entry]:
        """Return the samples in the file's order, then what was rejected and what failed.

        Raises:
            ConfigError: a file can't be read, or holds no record at all.
        """
        found = list(_entries_in(self._path))
        if found and all("kind" in entry.line and entry.status == "failed" for entry in found):
            raise ConfigError(f"{self._path}: none of its lines is a record, which is a JSON object on its own line.")
        return [*found, *self._logs()]

    def new_entries(self) -> Iterable[Entry]:
        """Return nothing: files are read once."""
        return ()

    def _logs(self) -> Iterator[Entry]:
        beside = dataset_of(self._path)
        for path, status in ((beside, "rejected"), (beside, "failures")):
            log = path.with_name(f"{path.stem}.{status}.jsonl")
            if log != self._path:
                yield from _rejected(whole_lines(log)) if status == "rejected" else _failed(whole_lines(log))


def _check_no_reviews(path: Path) -> None:
    """Check that a file isn't that of the reviews of a dataset.

    Raises:
        ConfigError: it is; the message says what to open.
    """
    if path.name.endswith(_REVIEWS) and read_reviews(path).decisions:
        dataset = path.with_name(f"{path.name.removesuffix(_REVIEWS)}.jsonl")
        what = f"open {dataset.name}" if dataset.is_file() else "open the dataset that they are on"
        raise ConfigError(f"{path} has no samples but what people said of them: {what}.")


def dataset_of(path: Path) -> Path:
    """Return the dataset that a file belongs to: a journal's, a checkpoint's, or the file itself."""
    stem = path.stem
    if stem.endswith(_JOURNAL):
        return path.with_name(f"{stem.removesuffix(_JOURNAL)}{path.suffix}")
    if stem.endswith(_CHECKPOINT):
        with suppress(ConfigError):
            known = read_metadata(CheckpointFiles(path.parent, stem.removesuffix(_CHECKPOINT))).dataset
            return Path(known) if known else path
    return path


def _entries_in(path: Path) -> Iterator[Entry]:
    """Yield what the lines of a file hold; one that can't be read is a row of its own, a torn last one is left out."""
    try:
        if not has_record_a_line(path):
            yield from (_entry_found(found) for found in read_records(path))
            return
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                line = raw.removeprefix(_BOM) if number == 1 else raw
                content = read_line(line)
                if content is not None:
                    yield _entry(content)
                elif line.strip() and line.endswith(b"\n"):
                    yield _unreadable(line, number)
    except OSError as problem:
        raise ConfigError(f"{path}: the dataset can't be read: {reason(problem)}.") from problem


def _entry_found(found: FoundRecord) -> Entry:
    if found.record is not None:
        return _entry(found.record)
    error = f"{found.place.capitalize()}: {found.problem}; mend or remove it."
    return Entry("failed", {"kind": UNREADABLE, "error": error, "calls": []})


def _entry(content: JournalLine) -> Entry:
    if isinstance(content.get("sample"), dict) and "gate" in content and "topic_id" in content:
        return Entry("rejected", content)
    return Entry("done", line_in(content))


def _unreadable(line: bytes, number: int) -> Entry:
    text = line[:_LONGEST_LINE_SHOWN].decode("utf-8", "replace")
    error = f"Line {number:,}: mend or remove it, as it is no record, which is a JSON object on a line of its own."
    return Entry("failed", {"kind": UNREADABLE, "error": error, "calls": [{"request": [], "reply": text}]})


def _rejected(lines: Iterable[JournalLine]) -> Iterator[Entry]:
    return (Entry("rejected", line) for line in lines if isinstance(line.get("sample"), dict))


def _failed(lines: Iterable[JournalLine]) -> Iterator[Entry]:
    return (Entry("failed", line) for line in of_samples(lines))


class RunSource:
    """What a run has made, failed to make or rejected; while it works, more comes by its journal and logs."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.title = run.name
        self.dataset: Path | None = run.job.dataset.absolute()
        self._tails: list[_LogTail] = []
        self._is_told = True
        self._paths: dict[str, tuple[str, ...]] = {}
        self._held: deque[Entry] = deque()
        self._taken: set[object] = set()

    @property
    def is_growing(self) -> bool:
        """Whether the run works, or its last samples weren't asked for yet."""
        return not (self.run.over and self._is_told)

    def entries(self) -> Iterable[Entry]:
        """Return the samples in the order of the plan, then what was rejected and what failed.

        While it works, its journal and logs are read instead, in their order.
        """
        if not self.run.over:
            self._is_told = False
            files = self.run.job.unfinished_files()
            logs = ((files.samples, "done"), (files.rejected, "rejected"), (files.failures, "failed"))
            self._tails = [_LogTail(path, status) for path, status in logs]
            return self.new_entries()
        return entries_of(self.run)

    def new_entries(self) -> Iterable[Entry]:
        """Return the lines that were written since; at its end, all of them once more, as it may be another order.

        Of a run that is watched there are no more samples than it was seen to make, also when it is watched no longer.
        """
        over = self.run.over
        found = [self._with_path(entry) for tail in self._tails for entry in tail.entries()]
        if self.run.is_watched:
            found = self._as_seen(found)
        if over and not self._is_told:
            self._is_told = True
            if not self.run.is_watched_no_longer:
                found += entries_of(self.run)
            for tail in self._tails:
                tail.close()
            self._tails = []
        return found

    def _as_seen(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return what to show now of these entries and those held back before; samples not seen yet are held back."""
        self._held.extend(entries)
        seen: list[Entry] = []
        while self._held:
            entry = self._held[0]
            key = key_of(entry.line) if entry.status == "done" else None
            if key and key not in self._taken and len(self._taken) >= self.run.state.samples_done:
                break
            if key:
                self._taken.add(key)
            seen.append(self._held.popleft())
        return seen

    def _with_path(self, entry: Entry) -> Entry:
        """Return an entry with its topic's path, which a journal has only for conversations."""
        own = entry.line.get("topic_id")
        if entry.status != "done" or entry.line.get("path") or not isinstance(own, str):
            return entry
        if own not in self._paths and (topics := self.run.topics) is not None:
            self._paths = {topic.id: path for topic, path in topics.leaves}
        return Entry(entry.status, {**entry.line, "path": self._paths.setdefault(own, ())})


def entries_of(run: Run) -> list[Entry]:
    """Return what a run has made, rejected and failed to make, read anew from its files."""
    found = results(run.job)
    done = [Entry("done", line) for line in found.samples]
    return [*done, *_rejected(found.rejected), *_failed(found.failures)]


class _LogTail:
    """Reads the new lines of a log, from the beginning again if it was replaced."""

    def __init__(self, path: Path, status: str) -> None:
        self._path, self._status = path, status
        self._tail = Tail(path)
        self._file: tuple[int, int] | None = None

    def entries(self) -> list[Entry]:
        """Return what was added."""
        try:
            there = self._path.stat()
            file = (there.st_dev, there.st_ino)
        except OSError:
            file = self._file or (0, 0)
        if self._file is not None and file != self._file:
            self._tail.close()
            self._tail = Tail(self._path)
        self._file = file if file != (0, 0) else None
        return list(self._entries(self._tail.objects()))

    def close(self) -> None:
        """Close the file."""
        self._tail.close()

    def _entries(self, lines: Iterable[JournalLine]) -> Iterable[Entry]:
        if self._status == "failed":
            return _failed(lines)
        if self._status == "rejected":
            return _rejected(lines)
        return (Entry("done", line_in(line)) for line in lines if isinstance(line.get("sample"), dict))
