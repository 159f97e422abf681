"""Read datasets, of ours and of others, to compare with: a record a line, or one JSON array of records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from deepfabric_core.errors import ConfigError
from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.foreign_records import foreign_candidate
from deepfabric_core.store.files import reason

_BOM = b"\xef\xbb\xbf"


def texts_in_file(path: Path) -> Iterator[Candidate]:
    """Yield the candidate of each record of a dataset; records without any text are left out.

    Raises:
        ConfigError: the file can't be read, a line of it is no record, or no record has a text.
    """
    records = found = 0
    try:
        with path.open("rb") as file:
            for record in _records(path, file):
                records += 1
                candidate = foreign_candidate(record)
                if candidate.whole.strip():
                    found += 1
                    yield candidate
    except OSError as problem:
        raise ConfigError(f"{path}: the dataset can't be read: {reason(problem)}.") from problem
    if records and not found:
        raise ConfigError(f"{path}: none of its records holds a text; name a dataset with one record a line.")


def _records(path: Path, file: BinaryIO) -> Iterator[dict[str, Any]]:
    if _first_byte(file) == b"[":
        yield from _in_array(path, file.read().removeprefix(_BOM))
        return
    for number, line in enumerate(file, 1):
        text = line.removeprefix(_BOM) if number == 1 else line
        if text.strip():
            yield _object_in(text, f"{path}, line {number}")


def _first_byte(file: BinaryIO) -> bytes:
    """Return the first byte that isn't white space, and go back to the beginning."""
    first = b""
    for line in file:
        if first := line.removeprefix(_BOM).lstrip()[:1]:
            break
    file.seek(0)
    return first


def _object_in(text: bytes, place: str) -> dict[str, Any]:
    record = _parsed(text, place)
    if not isinstance(record, dict):
        raise ConfigError(f"{place}: it is no JSON object; a dataset has one record a line.")
    return record


def _in_array(path: Path, text: bytes) -> Iterator[dict[str, Any]]:
    for number, record in enumerate(_parsed(text, str(path)), 1):
        if not isinstance(record, dict):
            raise ConfigError(f"{path}, record {number}: it is no JSON object.")
        yield record


def _parsed(text: bytes, place: str) -> Any:
    try:
        return json.loads(text)
    except UnicodeDecodeError as problem:
        raise ConfigError(f"{place}: it isn't UTF-8 text (byte {problem.start}); save the file as UTF-8.") from problem
    except json.JSONDecodeError as problem:
        raise ConfigError(f"{place}: it isn't JSON: {problem.msg} at column {problem.colno}.") from problem
    except (ValueError, RecursionError) as problem:
        raise ConfigError(f"{place}: it is JSON nested too deep, or with too long a number.") from problem
