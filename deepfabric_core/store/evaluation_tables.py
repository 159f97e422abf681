"""Read the records of an evaluation set from a file: JSON, CSV, Parquet, Arrow, or a text with an item a line."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from deepfabric_core.errors import ConfigError
from deepfabric_core.store.dataset_reader import records_in_file
from deepfabric_core.store.files import reason

Records = Iterator[dict[str, Any]]

_ROWS_AT_ONCE = 1000


def evaluation_records(path: Path) -> Records:
    """Yield the records of a file, which is read by the ending of its name.

    Raises:
        ConfigError: it can't be read, or only with a package that isn't installed.
    """
    read = READERS.get(path.suffix.lower())
    if read is None:
        raise ConfigError(f"{path}: it isn't known how to read it; it can be {', '.join(sorted(READERS))}.")
    try:
        yield from read(path)
    except OSError as problem:
        raise ConfigError(f"{path}: the evaluation set can't be read: {reason(problem)}.") from problem
    except UnicodeDecodeError as problem:
        raise ConfigError(f"{path}: it isn't UTF-8 text (byte {problem.start}); save the file as UTF-8.") from problem


def _csv(path: Path) -> Records:
    """Yield the rows of a table with a heading; without one, as in MMLU's own files, each row is a list of texts."""
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
        try:
            first = next(rows, [])
            names = _heading(first)
            if names is None:
                yield {"texts": first}
            for row in rows:
                yield dict(zip(names, row, strict=False)) if names else {"texts": row}
        except csv.Error as problem:
            raise ConfigError(f"{path}, line {rows.line_num}: it isn't CSV: {problem}.") from problem


def _heading(row: list[str]) -> list[str] | None:
    """Return the names in a heading; None if a row is an item, which its length or its signs tell."""
    is_heading = all(0 < len(name) <= 40 and not name.strip().endswith((".", "?")) for name in row)  # noqa: PLR2004
    return row if is_heading and len(set(row)) == len(row) else None


def _lines(path: Path) -> Records:
    with path.open(encoding="utf-8-sig") as file:
        for line in file:
            yield {"text": line.strip()}


def _parquet(path: Path) -> Records:
    parquet = _pyarrow(path, "parquet")
    try:
        with parquet.ParquetFile(path) as table:
            for batch in table.iter_batches(_ROWS_AT_ONCE):
                yield from batch.to_pylist()
    except _pyarrow(path, "lib").ArrowException as problem:
        raise ConfigError(f"{path}: it is no Parquet file, or a damaged one.") from problem


def _arrow(path: Path) -> Records:
    arrow = _pyarrow(path, "ipc")
    try:
        with path.open("rb") as file, arrow.open_stream(file) as table:
            for batch in table:
                yield from batch.to_pylist()
    except _pyarrow(path, "lib").ArrowException as problem:
        raise ConfigError(
            f"{path}: it is no Arrow file as the datasets package writes it, or a damaged one."
        ) from problem


def _pyarrow(path: Path, part: str) -> Any:
    from importlib import import_module

    try:
        return import_module(f"pyarrow.{part}")
    except ImportError as problem:
        advice = "pip install pyarrow, or save the set as JSON Lines"
        raise ConfigError(f"{path}: it can only be read with the package pyarrow; {advice}.") from problem


READERS: dict[str, Callable[[Path], Records]] = {
    ".jsonl": records_in_file,
    ".ndjson": records_in_file,
    ".json": records_in_file,
    ".csv": _csv,
    ".tsv": _csv,
    ".txt": _lines,
    ".parquet": _parquet,
    ".arrow": _arrow,
}
