"""Runs the notebooks with nobody to watch them; `python -m tests.notebooks` stores what they show.

What is stored can be read where there is no kernel: summaries, pictures and tables instead of widgets.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from tests import ROOT

NOTEBOOKS = ROOT / "notebooks"
NAMES = tuple(sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")))

_WIDGET = "application/vnd.jupyter.widget-view+json"
# What a stored output has in another form, so that it is the same wherever and whenever it was made.
_SETTLED = (
    (re.compile(r", [\d,.]+/s(?=,)"), ""),  # how fast a simulated model was says nothing
    (re.compile(r"\.data/deepfabric/runs/\w+/\w+"), "~/.local/share/deepfabric/runs/…"),
)


def executed(name: str, place: Path, *, timeout: int = 120) -> Any:
    """A notebook, run from its first cell to its last in this folder, with whatever it keeps elsewhere there too."""
    document = read(name)
    NotebookClient(
        document,
        timeout=timeout,
        kernel_name="python3",
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(place)}},
    ).execute(env=_environment(place))
    return document


def read(name: str) -> Any:
    """A notebook as it is stored."""
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def shown(document: Any, *, of: str) -> str:
    """All that the cell with these words in it shows, as text."""
    [cell] = [cell for cell in document.cells if cell.cell_type == "code" and of in cell.source]
    return "\n".join(output.get("text") or str(output.data.get("text/plain")) for output in cell.outputs)


def _environment(place: Path) -> dict[str, str]:
    """Widgets, although nobody watches: in their place summaries stay, instead of progress in many lines."""
    return {
        **os.environ,
        "DEEPFABRIC_PROGRESS": "widget",
        "IPYTHONDIR": str(place / ".ipython"),
        "PYTHONPATH": str(ROOT),
        "XDG_DATA_HOME": str(place / ".data"),
        "XDG_CACHE_HOME": str(place / ".cache"),
    }


def store(name: str) -> None:
    """Run a notebook in an empty folder and store what it shows."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder).resolve()
        document = executed(name, place, timeout=600)
    document.metadata = read(name).metadata
    for cell in document.cells:
        for output in cell.get("outputs", ()):
            _settle(output.get("data", {}), place)
    nbformat.write(document, NOTEBOOKS / f"{name}.ipynb")


def _settle(data: Any, place: Path) -> None:
    """Keep what can be read without a kernel, and what is the same each time."""
    data.pop(_WIDGET, None)
    for kind in data.keys() & {"text/html", "text/plain"}:
        text = data[kind].replace(f"{place}{os.sep}", "")
        for found, instead in _SETTLED:
            text = found.sub(instead, text)
        data[kind] = text


if __name__ == "__main__":
    for one in sys.argv[1:] or NAMES:
        store(one)
        print(one)  # noqa: T201 - a command
