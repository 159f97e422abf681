"""A DataFrame of ours as HTML: the telling columns first, long texts cut, and what is empty left out.

It is a plain table that looks right without styles of its own. The frame itself isn't changed. Every text is escaped.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from deepfabric_core.printable import printable

if TYPE_CHECKING:
    import pandas as pd

_FIRST = ("topic", "question", "answer", "score", "status")
_LAST = ("messages", "topic_path", "cycle", "key", "record", "simulated")
_LONGEST_TEXT = 120
_LONGEST_VALUE = 60
_MOST_COLUMNS = 30
_MOST_NAMES = 6
_LONG = 40  # from so many characters on, a text gets several lines
_SHORT_CELL = ' style="text-align:left;vertical-align:top;white-space:nowrap"'
_LONG_CELL = ' style="text-align:left;vertical-align:top;min-width:16em;max-width:30em"'
_NUMBER = ' style="text-align:right;vertical-align:top;white-space:nowrap"'


def frame_html(frame: pd.DataFrame, rows: int) -> str:
    """Return the first and last rows as HTML, `rows` in all, and a line that says how to open the samples."""
    shown = frame[shown_columns(frame)]
    is_cut = len(shown) > rows
    parts = (shown.head(-(-rows // 2)), shown.tail(rows // 2)) if is_cut else (shown,)
    bodies = ["".join(_rows(part)) for part in parts]
    gap = f"<tr><th{_SHORT_CELL}>…</th>{f'<td{_SHORT_CELL}>…</td>' * shown.shape[1]}</tr>"
    head = "".join(f"<th{_SHORT_CELL}>{escape(_cut(name, _LONGEST_VALUE))}</th>" for name in shown.columns)
    table = f"<thead><tr><th></th>{head}</tr></thead><tbody>{gap.join(bodies)}</tbody>"
    table = f'<table class="dataframe" style="table-layout:auto">{table}</table>'
    return f'<div class="tex2jax_ignore mathjax_ignore">{table}{_below(frame, shown)}</div>'


def shown_columns(frame: pd.DataFrame) -> list[str]:
    """Return the names of the columns that hold anything, in the order in which they are shown; 30 at most.

    Fields of an own schema follow the topic, and then the record that they are of isn't shown again.
    """
    held = [name for name in frame.columns if not len(frame) or frame[name].notna().any()]
    own = _own_fields(frame, held)
    if own:
        held.remove("record")
    first = [*(name for name in _FIRST[:1] if name in held), *own]
    first += [name for name in _FIRST if name in held and name not in first]
    last = [name for name in _LAST if name in held and name not in first]
    return [*first, *(name for name in held if name not in {*first, *last}), *last][:_MOST_COLUMNS]


def _own_fields(frame: pd.DataFrame, held: list[str]) -> list[str]:
    """Return the columns that are fields of the records of an own schema."""
    if "record" not in held:
        return []
    names = {name for record in frame["record"] if isinstance(record, dict) for name in record}
    return [name for name in held if name in names and name not in ("topic", "record")]


def _rows(part: pd.DataFrame) -> Iterator[str]:
    """Yield the rows; numbers stand at the right, all else at the left."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    numeric = [is_numeric_dtype(dtype) and not is_bool_dtype(dtype) for dtype in part.dtypes]
    columns = [part[name].tolist() for name in part.columns]
    for place, *values in zip(part.index, *columns, strict=True):
        cells = (_cell(_shown(value), right) for value, right in zip(values, numeric, strict=True))
        yield f"<tr><th{_SHORT_CELL}>{escape(_cut(str(place), _LONGEST_VALUE))}</th>{''.join(cells)}</tr>"


def _cell(text: str, is_number: bool) -> str:
    style = _NUMBER if is_number else _LONG_CELL if len(text) >= _LONG else _SHORT_CELL
    return f"<td{style}>{escape(text)}</td>"


def _shown(value: Any) -> str:
    """Return a value as text, cut if it is long."""
    if isinstance(value, str):
        return _cut(value, _LONGEST_TEXT)
    if isinstance(value, tuple):
        return _cut(" > ".join(map(str, value)), _LONGEST_TEXT)
    if isinstance(value, list | dict):
        return _cut(json.dumps(value, ensure_ascii=False, default=str), _LONGEST_VALUE)
    return _plain(value)


def _plain(value: Any) -> str:
    """Return a number, a time or a truth value; nothing for what is missing."""
    import pandas as pd

    if value is None or value is pd.NA or value is pd.NaT or value != value:  # noqa: PLR0124 - NaN
        return ""
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return _cut(f"{value:.4g}" if isinstance(value, float) else str(value), _LONGEST_VALUE)


def _cut(text: str, width: int) -> str:
    return printable(text[: width + 1], width)


def _below(frame: pd.DataFrame, shown: pd.DataFrame) -> str:
    """Return how many rows there are, what isn't shown, and the command that opens the samples."""
    counts = f"{len(frame):,} row{'' if len(frame) == 1 else 's'}"
    left_out = [name for name in frame.columns if name not in shown.columns]
    if left_out:
        named = ", ".join(_cut(name, _LONGEST_VALUE) for name in left_out[:_MOST_NAMES])
        counts += f"; not shown: {named}{', ...' if len(left_out) > _MOST_NAMES else ''}"
    what = frame.attrs.get("run") or frame.attrs.get("dataset")
    how = f"To read and review them: <code>%deepfabric samples {escape(shlex.quote(printable(str(what))))}</code>"
    return f"<p>{escape(counts)}. {how if what else ''}</p>"
