"""The harness shows what a person would see, in JupyterLab and in Notebook 7."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenNotebook
from tests.browser.jupyter import App

SLIDER = "import ipywidgets; slider = ipywidgets.IntSlider(value=3, description='Wheels'); slider"
WAITING = "import time\nfor n in range(600): time.sleep(0.1)"

pytestmark = pytest.mark.slow

both = pytest.mark.parametrize("app", ["lab", "notebook"])


@both
def test_a_number_and_a_widget_are_shown(app: App, open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(app, ["1 + 1", SLIDER, "slider.value"])
    assert notebook.prompt(0) == "[ ]"
    notebook.run_to_end(0)
    notebook.run_to_end(0)
    assert notebook.outputs(0) == ["2"]
    assert notebook.prompt(0) == "[2]"
    notebook.run_to_end(1)
    notebook.widget(1, ".noUi-base").click()
    expect(notebook.widget(1, ".widget-readout")).to_have_text("50")
    notebook.run_to_end(2)
    assert notebook.outputs(2) == ["50"]


@both
def test_an_interrupt_ends_a_cell(app: App, open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(app, [WAITING])
    notebook.run_cell(0)
    expect(notebook.cell(0)).to_contain_text("[*]")
    time.sleep(0.5)
    notebook.interrupt()
    notebook.wait_done(0, timeout=10)
    assert "KeyboardInterrupt" in notebook.outputs(0)[0]


@both
def test_a_restart_forgets_names_and_a_reload_does_not(app: App, open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(app, ["x = 7", "x"])
    notebook.run_to_end(0)
    notebook.save()
    notebook.reload()
    notebook.run_to_end(1)
    assert notebook.outputs(1) == ["7"]
    assert notebook.saved()["cells"][1]["outputs"][0]["data"] == {"text/plain": ["7"]}
    notebook.restart_kernel()
    notebook.run_to_end(1)
    assert "NameError" in notebook.outputs(1)[0]


@both
def test_themes_change_what_is_drawn(app: App, open_notebook: OpenNotebook, tmp_path: Path) -> None:
    notebook = open_notebook(app, [""])
    colours = []
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        notebook.set_theme(theme)
        colours.append(
            notebook.page.evaluate("() => getComputedStyle(document.body).getPropertyValue('--jp-layout-color1')")
        )
        notebook.screenshot(tmp_path / f"{theme}.png")
        assert (tmp_path / f"{theme}.png").stat().st_size > 1000
    assert len(set(colours)) == 2
