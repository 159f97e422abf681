"""Find out what kind of file there is, and read its records."""

from __future__ import annotations

import json
import lzma
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from deepfabric_core.errors import ConfigError
from deepfabric_core.store.files import reason
from deepfabric_core.store.record_files.compressed import name_inside, open_decompressed
from deepfabric_core.store.record_files.found import FoundRecord
from deepfabric_core.store.record_files.json_records import is_one_a_line, read_json
from deepfabric_core.store.record_files.tables import read_arrow, read_csv, read_parquet

_TABLES = (".csv", ".tsv")
_ARROW = (".arrow", ".feather")
_PARQUET = (".parquet", ".pq")
_JSON = (".jsonl", ".json", ".ndjson")
# What stands in a folder of `datasets` beside its data.
_FACTS = ("state.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "splits.json")


def read_records(path: Path) -> Iterator[FoundRecord]:
    """Yield the records of a file, or of the files in a folder; what can't be read is yielded with the problem.

    Raises:
        ConfigError: there is no such file, it can't be read at all, or what reads it isn't installed.
    """
    try:
        if path.is_dir():
            yield from _in_folder(path)
        else:
            yield from _in_file(path)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as problem:
        said = reason(problem) if isinstance(problem, OSError) else "it is damaged, or ends too early"
        raise ConfigError(f"{path}: the dataset can't be read: {said}.") from problem


def has_record_a_line(path: Path) -> bool:
    """Whether a path is a plain file of JSON with a record a line, or can't be read; nothing is known of it otherwise.

    Such a file can be read from any line on.
    """
    if path.is_dir() or name_inside(path) != path or path.suffix.lower() in (*_TABLES, *_ARROW, *_PARQUET):
        return False
    try:
        with path.open("rb") as file:
            return is_one_a_line(file)
    except OSError:
        return True


def _in_file(path: Path) -> Iterator[FoundRecord]:
    kind = name_inside(path).suffix.lower()
    if kind in _PARQUET:
        yield from read_parquet(path)
    elif kind in _ARROW:
        yield from read_arrow(path)
    else:
        with closing(open_decompressed(path)) as file:
            if kind not in _TABLES:
                yield from read_json(file)
                return
            try:
                yield from read_csv(file, tabs=kind == ".tsv")
            except UnicodeDecodeError as problem:
                raise ConfigError(f"{path}: it isn't UTF-8 text; save it as UTF-8.") from problem
            except ConfigError as problem:
                raise ConfigError(f"{path}: {problem}.") from problem


def _in_folder(path: Path) -> Iterator[FoundRecord]:
    files = list(_files_in(path))
    if not files:
        raise ConfigError(f"{path}: the dataset can't be read: it is a folder without any; name a file in it.")
    for file in files:
        found = read_arrow(file) if file.suffix in _ARROW else _in_file(file)
        prefix = f"{file.relative_to(path)}, " if len(files) > 1 else ""
        yield from (one._replace(place=prefix + one.place) for one in found)


def _files_in(path: Path) -> Iterator[Path]:
    """Yield the files of data in a folder: those that `datasets` names, or all in it and below it, in order."""
    if names := _json_in(path / "state.json").get("_data_files"):
        yield from (path / one["filename"] for one in names)
        return
    if splits := _json_in(path / "dataset_dict.json").get("splits"):
        for split in splits:
            yield from _files_in(path / str(split))
        return
    known = (*_JSON, *_TABLES, *_ARROW, *_PARQUET)
    for file in sorted(path.rglob("*")):
        is_data = file.is_file() and name_inside(file).suffix.lower() in known and file.name not in _FACTS
        if is_data and not any(part.startswith(".") for part in file.relative_to(path).parts):
            yield file


def _json_in(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
