"""A marimo notebook as a person sees it: runs that are followed, and cells that react to what is selected.

marimo is put into a folder of its own by `.ci/marimo`.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import ROOT
from tests.browser.conftest import not_here

MARIMO = ROOT / ".marimo"
NOTEBOOK = '''
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    import deepfabric_nb
    return deepfabric_nb, mo


@app.cell
def _(deepfabric_nb):
    run = deepfabric_nb.start("""
    llm: {provider: simulated, simulated: {latency: 0.4}}
    topics: {prompt: Tea, depth: 1, degree: 3}
    generation: {system_prompt: You teach.}
    output: {save_as: tea.jsonl, num_samples: 24, batch_size: 2}
    """)
    run
    return (run,)


@app.cell
def _(deepfabric_nb, run):
    deepfabric_nb.TopicGraph(run)
    return


@app.cell
def _(deepfabric_nb, mo):
    from pathlib import Path
    Path("said.jsonl").write_text('{"question": "Why?"}\\n{"question": "How?"}\\n')
    samples = mo.ui.anywidget(deepfabric_nb.Samples("said.jsonl"))
    samples
    return (samples,)


@app.cell
def _(samples):
    print(f"selected {samples.selected}, decided {sorted(samples.decisions.values())}.")
    return
'''


@contextmanager
def served(place: Path) -> Iterator[str]:
    """The address of marimo's own server, with the notebook, in an empty folder."""
    (place / "notebook.py").write_text(NOTEBOOK)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    folders = os.pathsep.join(map(str, (ROOT, MARIMO)))
    environment = {**os.environ, "PYTHONPATH": folders, "XDG_DATA_HOME": str(place), "XDG_CONFIG_HOME": str(place)}
    options = ("--headless", "--no-token", "--skip-update-check", "--port", str(port))
    with (place / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "marimo", "edit", "notebook.py", *options]
        server = subprocess.Popen(command, cwd=place, env=environment, stdout=log, stderr=log)
    try:
        _wait_for(port, server)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.2)
    raise AssertionError("marimo's server didn't begin")


def _run_all(page: Page) -> None:
    """Press the button that runs all cells; one that isn't connected to the kernel yet does nothing."""
    for _ in range(8):
        page.locator("[data-testid=run-button]").last.click(timeout=60_000)
        with suppress(AssertionError):
            expect(page.locator(".dfr").first).to_be_visible(timeout=8_000)
            return


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page with the notebook, all of whose cells have been run."""
    if not MARIMO.exists():
        not_here("marimo isn't there: run .ci/marimo")
    context = browser.new_context(viewport={"width": 1280, "height": 2400})
    with served(tmp_path) as address:
        page = context.new_page()
        page.goto(address)
        _run_all(page)
        yield page
        context.close()


@pytest.mark.slow
def test_a_run_is_steered_and_followed_to_its_end_and_a_cell_reacts_to_what_is_selected_and_decided(page: Page) -> None:
    frame = page.locator(".dfr").first
    expect(frame).to_contain_text(re.compile(r"[1-9]\d* of 24"), timeout=60_000)
    expect(page.locator(".dfg").first).to_contain_text(re.compile(r"[1-9]\d* of 24 samples"), timeout=30_000)
    graph = page.locator(".dfg").first
    graph.locator("[role=treeitem][tabindex='0']").first.focus()
    for key in ("ArrowRight", ">"):
        page.keyboard.press(key)
    expect(graph.locator(".dfg-last")).to_contain_text("are shared out by these weights", timeout=5_000)
    expect(graph.locator(".dfg-weights")).to_contain_text("comes to 12 of 24")
    expect(frame).to_contain_text("Complete: 24 samples", timeout=60_000)
    expect(graph.locator(".dfg-details")).to_contain_text("12 of 12 samples", timeout=10_000)
    page.keyboard.press("Delete")
    expect(graph).to_have_attribute("data-topics", "3", timeout=10_000)
    graph.get_by_role("button", name="Undo").click()
    expect(graph).to_have_attribute("data-topics", "4", timeout=10_000)
    samples = page.locator(".dfs").last
    samples.locator(".dfs-row").nth(1).click()
    expect(page.get_by_text(re.compile("selected [0-9a-f]{16}, decided \\[\\]"))).to_be_visible(timeout=20_000)
    samples.locator("[data-does=accept]").click()
    expect(page.get_by_text("decided ['accepted']")).to_be_visible(timeout=20_000)
