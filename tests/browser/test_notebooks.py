"""The notebooks as a newcomer goes through them: in JupyterLab, a cell after the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, expect

from tests import notebooks
from tests.browser.jupyter import Jupyter, Notebook, Theme

Begin = Callable[..., tuple[Notebook, dict[str, int]]]

themes = pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])


pytestmark = pytest.mark.slow


@pytest.fixture
def begin(browser: Browser, jupyter: Jupyter) -> Iterator[Begin]:
    """Opens a copy of a notebook with nothing run yet; answers the places of its code cells too, by their text."""
    with ExitStack() as opened:

        def opening(name: str, theme: Theme) -> tuple[Notebook, dict[str, int]]:
            file = f"{name}.ipynb"
            cells = _copy(name, jupyter.notebooks / file)
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            opened.callback(context.close)
            notebook = Notebook(jupyter, context.new_page(), "lab", file)
            opened.callback(notebook.close)
            notebook.open_file()
            notebook.set_theme(theme)
            return notebook, cells

        yield opening


def _copy(name: str, to: Path) -> dict[str, int]:
    document = notebooks.read(name)
    document.metadata.kernelspec.name = "tested"
    cells = {cell.source: place for place, cell in enumerate(document.cells) if cell.cell_type == "code"}
    for place in cells.values():
        document.cells[place].outputs, document.cells[place].execution_count = [], None
    nbformat.write(document, to)
    return cells


def run_all(notebook: Notebook, cells: dict[str, int], pictures: Path) -> dict[str, str]:
    """What each cell shows, by its text. Each is looked at in a picture of the page."""
    shown = {}
    for text, place in cells.items():
        notebook.run_to_end(place, timeout=60)
        notebook.cell(place).scroll_into_view_if_needed()
        expect(notebook.cell(place)).to_be_visible()
        shown[text] = "\n".join(notebook.outputs(place))
        assert "Error" not in shown[text], shown[text]
        notebook.screenshot(pictures / f"{place:02}.png")
    return shown


def of(shown: dict[str, str], words: str) -> str:
    [found] = [output for text, output in shown.items() if words in text]
    return found


@themes
def test_the_quickstart_ends_with_a_dataset(theme: Theme, begin: Begin, tmp_path: Path, jupyter: Jupyter) -> None:
    notebook, cells = begin("01-quickstart", theme)
    shown = run_all(notebook, cells, tmp_path)
    assert "Complete: 6 samples" in of(shown, "%%deepfabric")
    assert "samples, 0 calls" in of(shown, "again =")
    assert "6 samples, 0 failures" in of(shown, 'bad_day["generation"]')
    assert len((jupyter.notebooks / "out/bicycles.jsonl").read_text(encoding="utf-8").splitlines()) == 9
    assert len(list(tmp_path.glob("*.png"))) == len(cells)


def test_topics_are_steered_and_the_first_picture_of_them_follows(begin: Begin, tmp_path: Path) -> None:
    notebook, cells = begin("02-steer-the-topics", "JupyterLab Light")
    shown = run_all(notebook, cells, tmp_path)
    first, _ = (place for text, place in cells.items() if text.endswith("\ngraph"))
    assert re.match(r"\d+ samples planned", of(shown, "undo()"))
    assert "Complete: " in of(shown, "await")
    expect(notebook.widget(first, "canvas").first).to_be_visible()
    expect(notebook.widget(first, "[role=tree]").first).to_contain_text("Pests and what eats them")
