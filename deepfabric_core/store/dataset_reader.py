"""Read datasets, of ours and of others, in any kind of file, to export them or to compare with."""

from __future__ import annotations

import json
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from deepfabric_core.errors import ConfigError
from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.foreign_records import foreign_candidate
from deepfabric_core.store.files import reason
from deepfabric_core.store.record_files.read import has_record_a_line, read_records

_BOM = b"\xef\xbb\xbf"
_BUFFER = 1 << 20
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def texts_in_file(path: Path) -> Iterator[Candidate]:
    """Yield the candidate of each record of a dataset; records without any text are left out.

    Raises:
        ConfigError: the file can't be read, a line of it is no record, or no record has a text.
    """
    return (candidate for _, candidate in _candidates(path))


def records_in_file(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a dataset in their order.

    Raises:
        ConfigError: the file can't be read, or a line of it is no record.
    """
    if not has_record_a_line(path):
        yield from (record for _, record in _records(path))
        return
    try:
        with path.open("rb", _BUFFER) as file:
            for number, line in enumerate(file, 1):
                record = _object_at_once(line)
                if record is not None:
                    yield record
                elif text := (line.removeprefix(_BOM) if number == 1 else line).strip():
                    yield _object_in(text, f"{path}, line {number}")
    except OSError as problem:
        raise ConfigError(f"{path}: the dataset can't be read: {reason(problem)}.") from problem


class ComparedDatasets:
    """The records of datasets that samples are compared with: by keys below 0, which no sample of a run has.

    In memory it holds one offset for each record.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._firsts: list[int] = []
        self._lines = array("q")
        self._begins = array("q")

    def read(self) -> Iterator[tuple[int, Candidate]]:
        """Yield the candidate of each record after its key.

        Raises:
            ConfigError: as `texts_in_file`.
        """
        for path in self._paths:
            self._firsts.append(len(self._lines))
            for place, candidate in _candidates(path):
                self._lines.append(place.number)
                self._begins.append(place.begin)
                yield -len(self._lines), candidate

    def candidate(self, key: int) -> Candidate | None:
        """Return the candidate of a record; None if it can't be read again."""
        begin = self._begins[-key - 1]
        if begin < 0:
            return None
        try:
            with self._path(key).open("rb") as file:
                file.seek(begin)
                return foreign_candidate(_object_in(file.readline().removeprefix(_BOM), ""))
        except (OSError, ConfigError):
            return None

    def name(self, key: int) -> str:
        """Return what people are told that a record is: its line and its file."""
        return f"record {self._lines[-key - 1]} of {self._path(key).name}"

    def _path(self, key: int) -> Path:
        return self._paths[bisect_right(self._firsts, -key - 1) - 1]


class _Place(NamedTuple):
    """Where a record is: its line or its number, and its offset in bytes, which is -1 where it has no own line."""

    number: int
    begin: int


def _candidates(path: Path) -> Iterator[tuple[_Place, Candidate]]:
    """Yield the candidate of each record that has a text, with its place."""
    records = found = 0
    for place, record in _records(path):
        records += 1
        candidate = foreign_candidate(record)
        if candidate.whole.strip():
            found += 1
            yield place, candidate
    if records and not found:
        raise ConfigError(f"{path}: none of its records holds a text; name a dataset with one record a line.")


def _records(path: Path) -> Iterator[tuple[_Place, dict[str, Any]]]:
    if has_record_a_line(path):
        yield from _lines(path)
        return
    for number, found in enumerate(read_records(path), 1):
        if found.record is None:
            raise ConfigError(f"{path}, {found.place}: {found.problem}.")
        yield _Place(number, -1), found.record


def _lines(path: Path) -> Iterator[tuple[_Place, dict[str, Any]]]:
    begin = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                text = line.removeprefix(_BOM) if number == 1 else line
                if text.strip():
                    yield _Place(number, begin), _object_in(text, f"{path}, line {number}")
                begin += len(line)
    except OSError as problem:
        raise ConfigError(f"{path}: the dataset can't be read: {reason(problem)}.") from problem


def _object_at_once(line: bytes) -> dict[str, Any] | None:
    """Return the object that a usual line holds, in half the time; None for any other line, which is looked at."""
    if line[:1] != b"{":
        return None
    try:
        record, end = _scan(text := line.decode(), 0)
    except (ValueError, RecursionError, StopIteration):
        return None
    return record if text[end:].isspace() or end == len(text) else None


def _object_in(text: bytes, place: str) -> dict[str, Any]:
    record = _parsed(text, place)
    if not isinstance(record, dict):
        raise ConfigError(f"{place}: it is no JSON object; a dataset has one record a line.")
    return record


def _parsed(text: bytes, place: str) -> Any:
    try:
        return json.loads(text)
    except UnicodeDecodeError as problem:
        raise ConfigError(f"{place}: it isn't UTF-8 text (byte {problem.start}); save the file as UTF-8.") from problem
    except json.JSONDecodeError as problem:
        raise ConfigError(f"{place}: it isn't JSON: {problem.msg} at column {problem.colno}.") from problem
    except (ValueError, RecursionError) as problem:
        raise ConfigError(f"{place}: it is JSON nested too deep, or with too long a number.") from problem
