"""The rows of a DataFrame as lines of a journal: records of its dataset, or records made of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepfabric_core.errors import ConfigError
from deepfabric_core.samples.reading import JournalLine, key_of, line_in, messages_of
from deepfabric_core.store.dataset_reader import records_in_file
from deepfabric_nb.samples.protocol import Status

if TYPE_CHECKING:
    import pandas as pd

_OURS = "deepfabric"
_STATUSES: dict[str, Status] = {"done": "done", "failed": "failed", "rejected": "rejected"}
_FACTS = ("prompt_tokens", "completion_tokens", "cost")

Row = dict[str, Any]
Rows = list[tuple[Status, JournalLine]]


def lines_of_frame(frame: pd.DataFrame) -> tuple[Rows, Path | None]:
    """Return a line for each row with its status, and the dataset, if each sample is a record of it.

    A frame that isn't of ours has records of its own: its columns are their fields.
    """
    rows = [{str(name): _plain(value) for name, value in row.items()} for row in frame.to_dict("records")]
    if _OURS not in frame.attrs:
        return [("done", line_in(_without_missing(row))) for row in rows], None
    path = Path(str(frame.attrs.get("dataset") or ""))
    known = _Dataset(path)
    lines: Rows = []
    for place, row in zip(frame.index, rows, strict=True):
        status = _STATUSES.get(str(row.get("status")), "done")
        lines.append((status, known.line(row, place) if status == "done" else _line_of(row, status)))
    return lines, path.absolute() if known.has_all else None


class _Dataset:
    """The records of a dataset, found by the rows of a frame; `has_all` says whether all that were sought are there."""

    def __init__(self, path: Path) -> None:
        self._lines: list[JournalLine] = []
        with suppress(ConfigError):
            if path.is_file():
                self._lines = [line_in(record) for record in records_in_file(path)]
        self._by_key = {key: line for line in self._lines if (key := key_of(line)) is not None}
        self.has_all = bool(self._lines)

    def line(self, row: Row, place: object) -> JournalLine:
        """Return the line of a row; one made of its columns if the dataset has another record there, or none."""
        topic_id, _, cycle = (row.get("key") or "").rpartition(":")
        line = self._by_key.get((topic_id, int(cycle))) if cycle.isdecimal() else None
        if line is None and isinstance(place, int) and 0 <= place < len(self._lines):
            line = self._lines[place]
        if line is not None and _says_the_same(row, line["sample"]):
            return line
        self.has_all = False
        return _line_of(row, "done")


def _says_the_same(row: Row, record: Mapping[str, Any]) -> bool:
    messages = messages_of(record)
    if messages is None:
        own = row.get("record", {name: row.get(name) for name in record})
        return bool(own == record)
    return bool(row.get("messages", messages) == messages)


def _line_of(row: Row, status: Status) -> JournalLine:
    """Return the line of a row, made of our columns."""
    topic_id, _, cycle = (row.get("key") or "").rpartition(":")
    line = {
        "topic_id": topic_id or None,
        "cycle": int(cycle) if cycle.isdecimal() else row.get("cycle"),
        "path": row.get("topic_path") or (),
        "model": row.get("model"),
        "attempts": row.get("attempts"),
        "usage": {name: row.get(name) for name in _FACTS},
    }
    if status == "failed":
        return {**line, "kind": row.get("kind"), "error": row.get("error")}
    checked = {name: row.get(name) for name in ("check", "reason", "evidence", "gate", "attempt") if row.get(name)}
    return {**line, **checked, "sample": _record_of(row)}


def _record_of(row: Row) -> dict[str, Any]:
    if isinstance(row.get("record"), dict):
        return dict(row["record"])
    if row.get("messages") is None:
        return _without_missing({name: row.get(name) for name in ("question", "answer")})
    record = {"messages": row["messages"], "metadata": {"simulated": row.get("simulated") is True}}
    if row.get("reasoning"):
        record["reasoning"] = {"style": "freetext", "content": row["reasoning"]}
    return record


def _without_missing(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}


def _plain(value: Any) -> Any:
    """Return a value of a frame as a value of JSON; what is missing as None."""
    import numpy as np
    import pandas as pd

    if isinstance(value, str | bool | int | list | dict | tuple) or value is None:
        return value
    if isinstance(value, np.ndarray):
        return [_plain(one) for one in value.tolist()]
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NA or value is pd.NaT or value != value:  # noqa: PLR0124 - NaN
        return None
    return value if isinstance(value, float | int | bool | str) else str(value)
