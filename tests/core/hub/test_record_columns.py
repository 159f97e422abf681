"""Columns are told by the records, and what is written in them is read back as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepfabric_core.export.arrow import ArrowWriter
from deepfabric_core.export.columns import INTEGER, JSON, NUMBER, TEXT, TRUTH, Column, ListOf, Struct
from deepfabric_core.hub.card_head import features_in_yaml
from deepfabric_core.hub.record_columns import columns_of

_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts.filter(bool), inner, max_size=3),
    max_leaves=8,
)
_records = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), _values, min_size=1), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("values", "column"),
    [
        (["x", None], TEXT),
        ([True, False], TRUTH),
        ([1, 2], INTEGER),
        ([1, 2.5], NUMBER),
        ([1, "x"], JSON),
        ([2**64], JSON),
        ([True, 1], JSON),
        ([["a"], []], ListOf(TEXT)),
        ([{"x": 1}, {"x": None}], Struct({"x": INTEGER})),
        ([{"x": 1}, {"y": 1}], JSON),
        ([{}], JSON),
        ([[{"p": {"city": "Rome"}}, {"p": {"town": "Bath"}}]], ListOf(Struct({"p": JSON}))),
    ],
)
def test_a_column_holds_what_each_record_has(values: list[Any], column: Any) -> None:
    assert columns_of({"a": value} for value in values) == {"a": column}


def test_messages_may_lack_keys_that_others_have() -> None:
    messages = [{"role": "user", "content": "Hi"}, {"role": "tool", "content": "", "tool_call_id": "1"}]
    assert columns_of([{"messages": messages}]) == {
        "messages": ListOf(Struct({"role": TEXT, "content": TEXT, "tool_call_id": TEXT}))
    }


def _read(value: Any, column: Column) -> Any:
    """Return a value as `datasets` reads it from a file."""
    if value is None:
        return None
    match column:
        case ListOf():
            return [_read(item, column.item) for item in value]
        case Struct():
            return {name: _read(value[name], field) for name, field in column.fields.items()}
    return json.loads(value) if column == JSON else value


@settings(max_examples=100)
@given(_records)
def test_records_are_read_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, records: list[Any]) -> None:
    path = tmp_path_factory.mktemp("columns") / "a.parquet"
    columns = columns_of(records)
    writer = ArrowWriter(path, columns, parquet=True)
    writer.write(records)
    writer.close()
    rows = pq.read_table(path).to_pylist()
    read = [{name: _read(row[name], column) for name, column in columns.items()} for row in rows]
    assert read == [{name: record.get(name) for name in columns} for record in records]


def test_the_cards_features_are_those_that_datasets_reads_from_the_files(tmp_path: Path) -> None:
    record = {"t": "x", "n": 1, "f": 0.5, "b": True, "j": [1, "x"], "s": {"l": [[1]], "p": [{"k": "v"}]}}
    columns = columns_of([record])
    writer = ArrowWriter(tmp_path / "a.parquet", columns, parquet=True)
    writer.write([record])
    writer.close()
    read = datasets.Dataset.from_parquet(str(tmp_path / "a.parquet"), cache_dir=str(tmp_path))
    assert datasets.Features._from_yaml_list(features_in_yaml(columns)) == read.features  # noqa: SLF001
