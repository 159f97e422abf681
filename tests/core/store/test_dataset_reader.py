"""Datasets to compare with are read line by line, and what can't be read is named by file and line."""

import json
from pathlib import Path

import pytest

from deepfabric_core.errors import ConfigError
from deepfabric_core.store.dataset_reader import ComparedDatasets, records_in_file, texts_in_file

ONE = {"instruction": "Q?", "output": "A."}


def _written(folder: Path, content: bytes) -> Path:
    path = folder / "old.jsonl"
    path.write_bytes(content)
    return path


def test_each_line_is_a_candidate_and_blank_lines_are_none(tmp_path: Path) -> None:
    line = json.dumps(ONE).encode()
    path = _written(tmp_path, b"\xef\xbb\xbf" + line + b"\r\n\n  \n" + b'{"score": 1}\n' + line)
    assert [(one.question, one.answer) for one in texts_in_file(path)] == [("Q?", "A.")] * 2


def test_one_json_array_is_read_as_well(tmp_path: Path) -> None:
    path = _written(tmp_path, b"\xef\xbb\xbf\n" + json.dumps([ONE, ONE], indent=1).encode())
    assert [one.question for one in texts_in_file(path)] == ["Q?", "Q?"]


def test_an_empty_file_has_no_candidates(tmp_path: Path) -> None:
    assert list(texts_in_file(_written(tmp_path, b""))) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"text": "a"}\n{"text": \n', "old.jsonl, line 2: it isn't JSON"),
        (b'{"text": "a"}\n"b"\n', "old.jsonl, line 2: it is no JSON object"),
        (b'{"text": "a"}\n{"text": "\xff"}\n', "old.jsonl, line 2: it isn't UTF-8 text"),
        (b'[{"text": "a"}, 3]', "old.jsonl, record 2: it is no JSON object"),
        (b'[{"text": "a"}', "old.jsonl, record 2: it isn't JSON"),
        (b'{"a": ' + b"[" * 100_000, "nested too deep"),
        (b'{"score": 3}\n', "none of its records holds a text"),
        (b"PK\x03\x04", "line 1"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        list(texts_in_file(_written(tmp_path, content)))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'\xef\xbb\xbf{"a": 1}\r\n\n  {"a": 2} \n{"a": 3}', [1, 2, 3]),
        ('{"a": "\\ud800 é"}\n'.encode(), ["\ud800 é"]),
        (b'{"a": "\xed\xa0\x80"}\n', ["\ud800"]),
        (b'[{"a": 1},\n{"a": 2}]', [1, 2]),
        (b'{"a": 1} {"a": 2}\n', "line 1: it isn't JSON: Extra data"),
        (b'{"a": 1}\n{"a"', "line 2: it isn't JSON"),
        (b'{"a": 1}\n7\n', "line 2: it is no JSON object"),
        (b'{"a": "\xff"}\n', "line 1: it isn't UTF-8"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too long a number"),
    ],
)
def test_usual_lines_are_read_quickly_and_all_others_as_they_were(
    tmp_path: Path, content: bytes, found: list[object] | str
) -> None:
    path = _written(tmp_path, content)
    if isinstance(found, list):
        assert [record["a"] for record in records_in_file(path)] == found
        return
    with pytest.raises(ConfigError, match=found):
        list(records_in_file(path))


def test_a_missing_file_and_a_folder_are_clear_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(ConfigError, match="the dataset can't be read"):
            list(texts_in_file(path))


def test_records_to_compare_with_are_read_again_by_their_keys(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.jsonl", "empty.jsonl", "array.json", "two.jsonl")]
    lines = [json.dumps({"prompt": f"Q{number}", "completion": "A"}) for number in range(3)]
    paths[0].write_text("\ufeff" + "\n\n".join(lines), encoding="utf-8")
    paths[1].write_text("")
    paths[2].write_text(f"[{','.join(lines)}]")
    paths[3].write_text('{"score": 3}\n' + lines[2])
    datasets = ComparedDatasets(paths)
    read = dict(datasets.read())
    assert list(read) == [-1, -2, -3, -4, -5, -6, -7]
    assert [datasets.candidate(key) == candidate for key, candidate in read.items()] == [True] * 3 + [False] * 3 + [
        True
    ]
    assert datasets.candidate(-5) is None
    names = [datasets.name(key) for key in read]
    assert names[:2] == ["record 1 of one.jsonl", "record 3 of one.jsonl"]
    assert names[4] == "record 2 of array.json" and names[6] == "record 2 of two.jsonl"
    paths[0].unlink()
    assert datasets.candidate(-1) is None
