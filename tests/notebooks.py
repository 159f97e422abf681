"""Runs the notebooks with nobody to watch them; `python -m tests.notebooks` stores what they show.

What is stored can be read where there is no kernel: summaries, pictures and tables instead of widgets.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
NAMES = tuple(sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")))

_WIDGET = "application/vnd.jupyter.widget-view+json"
# Only how fast a simulated model was: it says nothing, and would be different each time.
_SPEED = re.compile(r", [\d,.]+/s(?=,)")


def executed(name: str, place: Path) -> Any:
    """A notebook, run from its first cell to its last in this folder, with whatever it keeps elsewhere there too."""
    document = read(name)
    NotebookClient(
        document,
        timeout=120,
        kernel_name="python3",
        store_widget_state=False,
        record_timing=False,
        resources={"metadata": {"path": str(place)}},
    ).execute(env=_environment(place))
    return document


def read(name: str) -> Any:
    """A notebook as it is stored."""
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def _environment(place: Path) -> dict[str, str]:
    """Widgets, although nobody watches: in their place summaries stay, instead of progress in many lines."""
    return {
        **os.environ,
        "DEEPFABRIC_PROGRESS": "widget",
        "IPYTHONDIR": str(place / ".ipython"),
        "PYTHONPATH": str(ROOT),
        "XDG_DATA_HOME": str(place / ".data"),
    }


def store(name: str) -> None:
    """Run a notebook in an empty folder and store what it shows."""
    place = Path(tempfile.mkdtemp())
    try:
        document = executed(name, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    document.metadata = read(name).metadata
    for cell in document.cells:
        for output in cell.get("outputs", ()):
            _settle(output)
    nbformat.write(document, NOTEBOOKS / f"{name}.ipynb")


def _settle(output: Any) -> None:
    """Keep of an output what can be read without a kernel, and what is the same each time."""
    data = output.get("data", {})
    data.pop(_WIDGET, None)
    for kind in data.keys() & {"text/html", "text/plain"}:
        data[kind] = _SPEED.sub("", data[kind])


if __name__ == "__main__":
    for one in sys.argv[1:] or NAMES:
        store(one)
        print(one)  # noqa: T201 - a command
