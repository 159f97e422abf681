"""Records in tables: CSV with a header, Parquet, and Arrow; pyarrow is imported when it is used."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from deepfabric_core.errors import ConfigError
from deepfabric_core.store.record_files.found import FoundRecord
from deepfabric_core.wording import counted

_AT_ONCE = 256
_DELIMITERS = ",;\t|"
_LONGEST_CELL = min(sys.maxsize, (1 << 31) - 1)


def read_csv(file: IO[bytes], *, tabs: bool = False) -> Iterator[FoundRecord]:
    """Yield the rows of a table in text, whose first line names the columns.

    Raises:
        ConfigError: it has no header.
        UnicodeDecodeError: it isn't UTF-8.
        OSError: it can't be read.
    """
    csv.field_size_limit(_LONGEST_CELL)
    with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        header = text.readline()
        if not header.strip():
            raise ConfigError("it has no header that names its columns")
        delimiter = "\t" if tabs else _delimiter(header)
        names = next(csv.reader([header], delimiter=delimiter))
        yield from _csv_rows(csv.reader(text, delimiter=delimiter, strict=True), names)


def _csv_rows(rows: Any, names: Sequence[str]) -> Iterator[FoundRecord]:
    while True:
        place = f"line {rows.line_num + 2}"
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as problem:
            yield FoundRecord(place, None, f"it isn't CSV: {problem}")
            continue
        if cells and len(cells) != len(names):
            yield FoundRecord(place, None, f"it has {counted(len(cells), 'cell')}, and the header names {len(names)}")
        elif cells:
            yield FoundRecord(place, dict(zip(names, cells, strict=True)))


def _delimiter(header: str) -> str:
    counts = Counter(sign for sign in header if sign in _DELIMITERS)
    return counts.most_common(1)[0][0] if counts else ","


def read_parquet(path: Path) -> Iterator[FoundRecord]:
    """Yield the rows of a Parquet file.

    Raises:
        ConfigError: it can't be read, or pyarrow isn't installed.
    """
    pa, pq = _arrow(path)
    try:
        with pq.ParquetFile(path) as file:
            yield from _rows(file.iter_batches(_AT_ONCE))
    except pa.ArrowException as problem:
        raise ConfigError(f"{path} can't be read as Parquet: {_first_line(problem)}.") from problem


def read_arrow(path: Path) -> Iterator[FoundRecord]:
    """Yield the rows of a file in Arrow's stream or file format.

    Raises:
        ConfigError: it can't be read, or pyarrow isn't installed.
    """
    pa, _ = _arrow(path)
    try:
        with pa.memory_map(str(path)) as source:
            yield from _rows(_batches(pa, source))
    except pa.ArrowException as problem:
        raise ConfigError(f"{path} can't be read as Arrow: {_first_line(problem)}.") from problem


def _batches(pa: Any, source: Any) -> Iterator[Any]:
    try:
        stream = pa.ipc.open_stream(source)
    except pa.ArrowInvalid:
        source.seek(0)
        file = pa.ipc.open_file(source)
        yield from (file.get_batch(number) for number in range(file.num_record_batches))
        return
    yield from stream


def _rows(batches: Iterator[Any]) -> Iterator[FoundRecord]:
    number = 0
    for batch in batches:
        for begin in range(0, batch.num_rows, _AT_ONCE):
            for row in batch.slice(begin, _AT_ONCE).to_pylist():
                number += 1
                yield FoundRecord(f"record {number}", _present(row))


def _present(value: Any) -> Any:
    """Return a value without what is missing: columns have each key in every row."""
    if isinstance(value, dict):
        return {key: _present(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_present(part) for part in value]
    # Dates and the like become texts, bytes too, as a dataset has nothing else for them.
    return value if isinstance(value, str | int | float | bool) or value is None else _as_text(value)


def _as_text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _first_line(problem: Exception) -> str:
    return str(problem).split("\n", maxsplit=1)[0].rstrip(".")


def _arrow(path: Path) -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        import pyarrow.parquet as pq  # type: ignore[import-untyped]
    except ImportError as problem:
        raise ConfigError(f"{path}: to read it, install pyarrow: pip install pyarrow.") from problem
    return pa, pq
