"""Notebooks that are executed by a program, with nobody to watch them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter, MarkdownExporter

from tests import ROOT
from tests.nb.conftest import TEA

CELLS = ("%load_ext deepfabric_nb", f"%%deepfabric\n{TEA}", "'the next cell'")
NASTY = "<img src=x onerror=alert(1)></script>\x1b[31m\u05e9\u05dc\u05d5\u05dd"


@pytest.fixture
def kernel(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A kernel of this interpreter, that finds the packages."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(place / "ipython"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(place / "jupyter"))
    from ipykernel.kernelspec import install

    install(kernel_name="here", prefix=str(place))
    monkeypatch.setenv("JUPYTER_PATH", str(place / "share" / "jupyter"))
    yield "here"
    assert sys.executable


def notebook(*cells: str) -> Any:
    document = nbformat.v4.new_notebook()
    document.cells = [nbformat.v4.new_code_cell(text) for text in cells]
    document.metadata["kernelspec"] = {"name": "here", "display_name": "here", "language": "python"}
    return document


def executed(*cells: str, **options: Any) -> Any:
    document = notebook(*cells)
    NotebookClient(document, timeout=120, kernel_name="here", store_widget_state=False, **options).execute()
    return document


def outputs(document: Any, index: int) -> list[dict[str, Any]]:
    return [dict(output) for output in document.cells[index].outputs]


def kinds(output: dict[str, Any]) -> set[str]:
    return set(output.get("data", {}))


def assert_a_frame_and_no_widget(found: list[dict[str, Any]]) -> None:
    assert found[-1]["output_type"] == "execute_result"
    assert "topic_path" in found[-1]["data"]["text/html"]
    assert not any("application/vnd.jupyter.widget-view+json" in kinds(output) for output in found)
    assert any("Samples started" in output.get("text", "") for output in found), "progress as text"
    assert any("Complete" in output.get("data", {}).get("text/plain", "") for output in found), "the summary"


def test_nbclient_ends_with_the_frame(kernel: str) -> None:
    document = executed(*CELLS)
    assert_a_frame_and_no_widget(outputs(document, 1))
    assert document.cells[2].outputs


def test_papermill_ends_with_the_same(kernel: str, place: Path) -> None:
    nbformat.write(notebook(*CELLS), place / "in.ipynb")
    papermill.execute_notebook("in.ipynb", "out.ipynb", kernel_name="here", progress_bar=False)
    assert_a_frame_and_no_widget(outputs(nbformat.read(place / "out.ipynb", as_version=4), 1))


@pytest.mark.parametrize("exporter", [HTMLExporter, MarkdownExporter])
def test_what_is_executed_can_be_converted(kernel: str, exporter: type[Any]) -> None:
    body, _ = exporter().from_notebook_node(executed(*CELLS))
    assert "Complete" in body


def test_model_text_stays_text(kernel: str) -> None:
    text = TEA.replace("prompt: Tea", f"prompt: {NASTY!a}".replace("'", '"').replace("\\x1b", "\\e"))
    document = executed(CELLS[0], f"%%deepfabric\n{text}", "%deepfabric topics", "%deepfabric status")
    shown = [output.get("data", {}).get("text/html", "") for cell in document.cells for output in cell.outputs]
    assert any("&lt;img" in html for html in shown)
    texts = [html.replace('<img src="data:image/svg+xml;base64,', "a picture of ours") for html in shown]
    assert not any("<img" in text or "<script" in text or "\x1b" in text for text in texts)


def test_an_error_stops_the_notebook_with_one_sentence(kernel: str) -> None:
    document = executed(CELLS[0], f"%%deepfabric\n{TEA}".replace("depth", "dept"), allow_errors=True)
    [error] = outputs(document, 1)
    assert error["output_type"] == "error"
    assert error["traceback"] == ["Error: the cell, line 3: unknown key topics.dept; did you mean topics.depth?"]


def test_awaiting_and_handles_work_in_a_kernel(kernel: str) -> None:
    document = executed(
        "import deepfabric_nb, yaml",
        f"config = yaml.safe_load('''{TEA}''')",
        "df = await deepfabric_nb.run(config); len(df)",
        "run = deepfabric_nb.start(config, num_samples=3, name='few'); run.wait(); len(run.df), run.status",
    )
    assert outputs(document, 2)[-1]["data"]["text/plain"] == "9"
    assert outputs(document, 3)[-1]["data"]["text/plain"] == "(3, 'complete')"


def test_an_interrupt_ends_the_cell_without_an_error_and_the_next_one_runs(kernel: str) -> None:
    slow = TEA.replace("{provider: simulated}", "{provider: simulated, simulated: {latency: 0.5}}")
    document = executed(
        CELLS[0],
        "import os, signal, threading; threading.Timer(3, os.kill, (os.getpid(), signal.SIGINT)).start()",
        f"%%deepfabric --batch-size 1 --out df\n{slow}",
        "len(df)",
    )
    made = int(outputs(document, 3)[-1]["data"]["text/plain"])
    assert 0 < made < 9
    assert "%deepfabric resume tea" in "".join(output.get("text", "") for output in outputs(document, 2))
