"""A file with a record a line of any dataset: itself, if it is one, or a copy that is deleted afterwards."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deepfabric_core.errors import OutputError
from deepfabric_core.store.files import reason
from deepfabric_core.store.record_files.read import has_record_a_line, read_records

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode


@contextmanager
def with_record_a_line(path: Path) -> Iterator[Path]:
    """Yield the path of a file that can be read from any line on.

    A record that can't be read is a line that is no JSON object.

    Raises:
        ConfigError: the dataset can't be read.
        OutputError: a copy can't be written.
    """
    if has_record_a_line(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="deepfabric-") as folder:
        copy = Path(folder) / f"{path.name}.jsonl"
        try:
            with copy.open("wb") as file:
                for found in read_records(path):
                    value = found.record if found.record is not None else found.problem
                    file.write(_encode(value).encode("utf-8", "backslashreplace") + b"\n")
        except OSError as problem:
            raise OutputError(f"{copy} can't be written: {reason(problem)}; it takes the room of {path}.") from problem
        yield copy
