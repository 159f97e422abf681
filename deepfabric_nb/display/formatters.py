"""IPython formatters for runs and for our data frames.

pandas escapes HTML in texts of models, but sends control codes to the terminal, and it shows sixty rows of any height.
Only frames of ours are shown in our way, see `frame_html`.
"""

from __future__ import annotations

from typing import Any

_OURS = "deepfabric"
_ROWS = 8
_USUAL_ROWS = 60
_MOST_ROWS = 1_000
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) != "\n"}
_HIDDEN = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd")  # text direction marks
_TABLE = _VISIBLE | _HIDDEN
# The classes' module names in pandas 3 and in pandas 2.
_CLASSES = ("pandas.DataFrame", "pandas.Series", "pandas.core.frame.DataFrame", "pandas.core.series.Series")


def display_runs(shell: Any) -> None:
    """Display a run that is a cell's result by its screen, in IPython and in marimo."""
    from deepfabric_nb.display.screens import frame_of, show_handle
    from deepfabric_nb.runs.run import Run

    Run.displayed_by = staticmethod(frame_of)
    if shell is not None:
        shell.display_formatter.ipython_display_formatter.for_type(Run, show_handle)


def show_control_codes(shell: Any) -> None:
    """Display our frames with control codes made visible; other frames and other formatters aren't changed."""
    for kind, formatter in (("text/plain", _plain), ("text/html", _html)):
        formats = shell.display_formatter.formatters[kind]
        for name in _CLASSES:
            if not _taken(formats, name):
                formats.for_type_by_name(*name.rsplit(".", 1), formatter)


def forget(shell: Any) -> None:
    """Display frames as before."""
    for kind, formatter in (("text/plain", _plain), ("text/html", _html)):
        formats = shell.display_formatter.formatters[kind]
        for name in _CLASSES:
            if _taken(formats, name) is formatter:
                formats.pop(name)


def _taken(formats: Any, name: str) -> Any:
    try:
        return formats.lookup_by_type(name)
    except KeyError:
        return None


def _plain(frame: Any, pretty: Any, _: bool) -> None:
    pretty.text(_visible(frame, repr(frame)))


def _html(frame: Any) -> str | None:
    if not hasattr(frame, "_repr_html_"):  # a Series
        return None
    if _OURS in frame.attrs and _is_plain(frame):
        from deepfabric_nb.display.frame_html import frame_html

        return frame_html(frame, _rows_to_show())
    html: str | None = frame._repr_html_()
    return None if html is None else _visible(frame, html)


def _is_plain(frame: Any) -> bool:
    """Return whether the frame has rows and columns of one level, each with a name of its own."""
    columns = frame.columns
    return frame.index.nlevels == 1 and columns.is_unique and all(isinstance(name, str) for name in columns)


def _rows_to_show() -> int:
    """Return few, since rows are many lines high and sixty would fill the notebook, unless the user has a wish."""
    import pandas as pd

    wished = pd.get_option("display.max_rows")
    return _ROWS if wished == _USUAL_ROWS else _MOST_ROWS if not wished else min(wished, _MOST_ROWS)


def _visible(frame: Any, text: str) -> str:
    return text.translate(_TABLE) if _OURS in frame.attrs else text
