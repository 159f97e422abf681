"""Records are read of any kind of file, one after the other; what can't be read has its place and the reason."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepfabric_core.errors import ConfigError
from deepfabric_core.store.record_files import json_records
from deepfabric_core.store.record_files.lines import with_record_a_line
from deepfabric_core.store.record_files.read import has_record_a_line, read_records

ROWS = [{"q": "Why?", "n": 1}, {"q": "Grüezi 😀\u2028", "n": 2}]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
TABLE = pa.Table.from_pylist(ROWS)


def _zstd(data: bytes) -> bytes:
    compressed: bytes = pa.compress(data, "zstd", asbytes=True)
    return compressed


def _parquet(path: Path) -> None:
    pq.write_table(TABLE, path)


def _stream(path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)


def _feather(path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)


def _content(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


FILES: dict[str, Callable[[Path], object]] = {
    "a.jsonl": _content(b"\xef\xbb\xbf\n" + LINES + b"\n"),
    "a.json": _content(json.dumps(ROWS, indent=2, ensure_ascii=False).encode()),
    "array.jsonl": _content(json.dumps(ROWS).encode()),
    "one after the other.json": _content("\n".join(json.dumps(row, indent=1) for row in ROWS).encode()),
    "wrapped.json": _content(json.dumps({"version": 1, "data": ROWS}).encode()),
    "a.jsonl.gz": _content(gzip.compress(LINES)),
    "a.jsonl.bz2": _content(bz2.compress(LINES)),
    "a.json.xz": _content(lzma.compress(json.dumps(ROWS).encode())),
    "a.jsonl.zst": _content(_zstd(LINES)),
    "a.parquet": _parquet,
    "stream.arrow": _stream,
    "a.feather": _feather,
}


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_has_the_same_records(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    FILES[name](path)
    assert [one.record for one in read_records(path)] == ROWS
    assert has_record_a_line(path) == (name == "a.jsonl")
    with with_record_a_line(path) as lines:
        assert [
            json.loads(line) for line in lines.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n") if line
        ] == ROWS
    assert path.exists() and (lines == path or not lines.exists())


def test_a_table_of_texts_has_records_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "tea.csv"
    path.write_text('q;"a b"\n"Why; so?";"Because\nof it"\nonly\n\nx;\n', encoding="utf-8-sig")
    found = list(read_records(path))
    assert [one.record for one in found] == [{"q": "Why; so?", "a b": "Because\nof it"}, None, {"q": "x", "a b": ""}]
    assert (found[1].place, found[1].problem) == ("line 4", "it has 1 cell, and the header names 2")
    (tmp_path / "tea.tsv").write_text("a\tb, c\n1\t2, 3\n", encoding="utf-8")
    assert [one.record for one in read_records(tmp_path / "tea.tsv")] == [{"a": "1", "b, c": "2, 3"}]


def test_what_a_row_of_columns_lacks_is_not_there(tmp_path: Path) -> None:
    rows = [{"call": {"a": "1", "b": None}}, {"call": {"a": None, "b": "2"}}, {"call": None}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert [one.record for one in read_records(tmp_path / "a.parquet")] == [
        {"call": {"a": "1"}},
        {"call": {"b": "2"}},
        {},
    ]


def test_a_folder_has_the_records_of_its_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number, row in enumerate(ROWS):
        (tmp_path / "data" / f"{number}.jsonl").write_text(json.dumps(row), encoding="utf-8")
    (tmp_path / "dataset_info.json").write_text("{}", encoding="utf-8")
    found = list(read_records(tmp_path))
    assert [one.record for one in found] == ROWS and found[1].place == "data/1.jsonl, line 1"


def test_a_damaged_line_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": \n[1]\n{"a": "\xff"}\n' + b"[" * 9000 + b'\n{"a": NaN}\n')
    found = list(read_records(path))
    assert [one.record for one in found] == [{"a": 1}, None, None, None, None, {"a": None}]
    assert [one.place for one in found] == [f"line {number}" for number in range(1, 7)]
    assert found[1].problem.startswith("it isn't JSON: Expecting value") and found[2].problem == "it is no JSON object"


def test_an_array_is_read_up_to_what_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"a": 1}, {"a": oops}, {"a": 3}]', encoding="utf-8")
    one, two = read_records(path)
    assert one.record == {"a": 1} and two.record is None and "nothing after it was read" in two.problem


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=30) | st.integers() | st.lists(st.none()))),
    indent=st.none() | st.just(1),
    chunk=st.integers(1, 40),
)
def test_an_array_is_read_alike_however_it_is_cut(
    rows: list[dict[str, object]], indent: int | None, chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_records, "_CHUNK", chunk)
    path = tmp_path / "a.json"
    path.write_text(json.dumps(rows, indent=indent), encoding="utf-8")
    assert [one.record for one in read_records(path)] == rows


def test_memory_does_not_grow_with_an_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_records, "_CHUNK", 1 << 14)
    path = tmp_path / "a.json"
    row = json.dumps({"text": "tea " * 200})
    path.write_text("[" + ",\n".join([row] * 6_000) + "]", encoding="utf-8")
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_records(path)) == 6_000
        assert tracemalloc.get_traced_memory()[1] < path.stat().st_size / 8
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.parquet", b"PAR1", "can't be read as Parquet"),
        ("a.arrow", b"nothing", "can't be read as Arrow"),
        ("a.jsonl.gz", b"\x1f\x8b\x08 broken", "the dataset can't be read"),
        ("a.csv", b"", "it has no header"),
        ("a.csv", b"q,a\n\xff,x\n", "it isn't UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        list(read_records(tmp_path / name))
