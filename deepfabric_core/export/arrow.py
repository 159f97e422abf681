"""Rows in Arrow's columns, for Parquet and for folders of `datasets`; pyarrow is imported when this is used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from deepfabric_core.errors import ConfigError
from deepfabric_core.export.columns import INTEGER, NUMBER, TEXT, TRUTH, Column, Columns, ListOf, Plain, Struct

try:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]
except ImportError as problem:
    raise ConfigError(
        "Parquet and folders of datasets need pyarrow, which isn't installed; install it with: pip install datasets, "
        "or write .jsonl."
    ) from problem

Row = Mapping[str, Any]

_DTYPES = {TEXT: "string", TRUTH: "bool", INTEGER: "int64", NUMBER: "float64"}
_ARROW = {TEXT: pa.string(), TRUTH: pa.bool_(), INTEGER: pa.int64(), NUMBER: pa.float64()}
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode


class ArrowWriter:
    """Writes rows to a Parquet file or to one in Arrow's stream format, some at a time.

    Raises:
        OSError: the file can't be written.
    """

    def __init__(self, path: Path, columns: Columns, *, parquet: bool) -> None:
        self._columns = columns
        self._schema = schema_of(columns)
        self._sink = path.open("wb")
        self._writer: Any = (
            pq.ParquetWriter(self._sink, self._schema, compression="zstd")
            if parquet
            else pa.ipc.new_stream(self._sink, self._schema)
        )

    def write(self, rows: Sequence[Row]) -> None:
        """Write some rows."""
        arrays = [
            _array([row.get(name) for row in rows], column).cast(self._schema.field(name).type)
            for name, column in self._columns.items()
        ]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        """Write what ends the file, and close it."""
        self._writer.close()
        self._sink.close()


def schema_of(columns: Columns) -> pa.Schema:
    """Return the schema of columns, with what `datasets` wants to know of them."""
    fields = [pa.field(name, _type(column)) for name, column in columns.items()]
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features_of(columns)}})})


def features_of(columns: Columns) -> dict[str, Any]:
    """Return the columns as the features of `datasets`, as JSON."""
    return {name: _feature(column) for name, column in columns.items()}


def _feature(column: Column) -> dict[str, Any]:
    match column:
        case ListOf():
            return {"feature": _feature(column.item), "_type": "List"}
        case Struct():
            return {name: _feature(field) for name, field in column.fields.items()}
    if column.kind == "json":
        return {"_type": "Json"}
    return {"dtype": _DTYPES[column], "_type": "Value"}


def _type(column: Column, *, is_stored: bool = False) -> pa.DataType:
    """Return the type of a column, or the one that its values are stored as."""
    match column:
        case ListOf():
            return pa.list_(_type(column.item, is_stored=is_stored))
        case Struct():
            fields = column.fields.items()
            return pa.struct([pa.field(name, _type(field, is_stored=is_stored)) for name, field in fields])
    if column.kind == "json":
        return pa.string() if is_stored else pa.json_(pa.string())
    return _ARROW[column]


def _array(values: Sequence[Any], column: Column) -> pa.Array:
    """Return values as an array, with JSON as text: pyarrow makes columns of Python's objects much slower."""
    match column:
        case ListOf():
            present = [value for value in values if value is not None]
            parts = list(chain.from_iterable(present))
            return pa.ListArray.from_arrays(pa.array(_offsets(values), pa.int32()), _array(parts, column.item))
        case Struct():
            missing = [value is None for value in values]
            whole = [value or {} for value in values]
            known = set().union(*whole)
            fields = [
                _array([value.get(name) for value in whole], field)
                if name in known
                else pa.nulls(len(whole), _type(field, is_stored=True))
                for name, field in column.fields.items()
            ]
            mask = pa.array(missing) if any(missing) else None
            return pa.StructArray.from_arrays(fields, names=list(column.fields), mask=mask)
    return _plain(values, column)


def _plain(values: Sequence[Any], column: Plain) -> pa.Array:
    if column.kind == "json":
        return pa.array([None if value is None else _clean(_encode(value)) for value in values], pa.string())
    if column != TEXT:
        return pa.array(values, _ARROW[column])
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([None if value is None else _clean(value) for value in values], pa.string())


def _clean(text: str) -> str:
    """Return a text without lone halves of characters, which no file can hold."""
    return text.encode("utf-8", "replace").decode()


def _offsets(values: Sequence[Any]) -> Iterator[int | None]:
    """Yield where each list begins, None for one that is missing, and where the last one ends."""
    end = 0
    for value in values:
        yield None if value is None else end
        end += 0 if value is None else len(value)
    yield end


def dataset_facts(columns: Columns, data: Path) -> dict[str, Any]:
    """Return what stands beside the data in a folder of `datasets`, by the name of the file."""
    with data.open("rb") as file:
        fingerprint = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    state: dict[str, Any] = {
        "_data_files": [{"filename": data.name}],
        "_fingerprint": fingerprint,
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    info = {"citation": "", "description": "", "features": features_of(columns), "homepage": "", "license": ""}
    return {"state.json": state, "dataset_info.json": info}
