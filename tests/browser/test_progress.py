"""A run in a notebook as a person sees it: progress that moves, a Stop that works, and what stays behind.

With the kernel that is installed, and with older ones where `.ci/kernels` has put them.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests import ROOT
from tests.browser.conftest import OpenNotebook, not_here
from tests.browser.jupyter import App, Jupyter, Notebook

LATENCY = 0.5
KERNEL = "window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel"
HOSTILE = "<img src=x onerror=document.title='broken'></script>\x1b[31m\u05e9\u05dc\u05d5\u05dd"
LOAD = "%load_ext deepfabric_nb"
both = pytest.mark.parametrize("app", ["lab", pytest.param("notebook", marks=pytest.mark.slow)])
all_kernels = pytest.mark.parametrize(
    "jupyter",
    [
        pytest.param("", id="installed"),
        pytest.param("7.3.0", id="7.3", marks=pytest.mark.slow),
        pytest.param("6.31.0", id="6.31", marks=pytest.mark.slow),
    ],
    indirect=True,
)


def tea(*, samples: int = 200, latency: float = LATENCY, flags: str = "", name: str = "tea") -> str:
    return f"""%%deepfabric {flags}
llm: {{provider: simulated, simulated: {{latency: {latency}}}}}
topics: {{prompt: Tea, depth: 1, degree: 5}}
generation: {{system_prompt: You teach.}}
output: {{save_as: {name}.jsonl, num_samples: {samples}, batch_size: 4}}"""


@pytest.fixture(scope="module")
def jupyter(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Jupyter]:
    """A server whose kernels are of the ipykernel that a test names, or else of the one that is installed."""
    version = getattr(request, "param", "")
    older = ROOT / ".kernels" / version if version else None
    if older is not None and not older.exists():
        not_here(f"ipykernel {version} isn't there: run .ci/kernels")
    with Jupyter(tmp_path_factory.mktemp("jupyter"), ipykernel=older) as server:
        yield server


@pytest.fixture
def begun(open_notebook: OpenNotebook, jupyter: Jupyter) -> Any:
    """Opens a notebook with these cells below one that loads the extension, and runs that."""
    shutil.rmtree(jupyter.home, ignore_errors=True)
    for left in jupyter.notebooks.glob("*.jsonl"):
        left.unlink()

    def begin(app: App, *cells: str) -> Notebook:
        notebook = open_notebook(app, [LOAD, *cells])
        notebook.run_first(0)
        return notebook

    return begin


def samples_bar(notebook: Notebook, cell: int = 1) -> Any:
    return notebook.widget(cell, "[role=progressbar][aria-label=Samples]")


def made(notebook: Notebook, cell: int = 1) -> int:
    return int(samples_bar(notebook, cell).get_attribute("aria-valuenow") or 0)


def wait_for_samples(notebook: Notebook, count: int, cell: int = 1, timeout: float = 30) -> None:
    deadline = time.monotonic() + timeout
    expect(samples_bar(notebook, cell)).to_have_count(1, timeout=timeout * 1000)
    while made(notebook, cell) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@both
@all_kernels
def test_progress_moves_and_stop_ends_the_cell_without_an_error(app: App, begun: Any) -> None:
    notebook = begun(app, tea(flags="--out df"), "len(df)")
    notebook.run_cell(1)
    wait_for_samples(notebook, 1)
    notebook.run_cell(2)
    seen = set()
    until = time.monotonic() + 3
    while time.monotonic() < until:
        seen.add(samples_bar(notebook).get_attribute("aria-valuetext"))
        seen.add(notebook.outputs(1)[0])
        time.sleep(0.05)
    assert len(seen) >= 6, "it moves twice a second"
    asked = time.monotonic()
    notebook.widget(1, "button:has-text('Stop')").first.click()
    notebook.wait_done(1)
    assert time.monotonic() - asked < LATENCY + 5
    notebook.wait_done(2)
    assert 0 < int(notebook.outputs(2)[0]) < 200
    text = "\n".join(notebook.outputs(1))
    assert "Stopped" in text and "%deepfabric resume tea" in text and "Error" not in text


@pytest.mark.slow
@both
def test_the_kernels_interrupt_does_the_same(app: App, begun: Any) -> None:
    notebook = begun(app, tea(), "'next'")
    notebook.run_cell(1)
    wait_for_samples(notebook, 3)
    notebook.run_cell(2)
    asked = time.monotonic()
    notebook.interrupt()
    notebook.wait_done(2)
    assert time.monotonic() - asked < LATENCY + 5
    assert "Stopped" in notebook.outputs(1)[0]
    assert notebook.outputs(2) == ["'next'"]


@pytest.mark.slow
def test_a_second_interrupt_leaves_at_once(begun: Any) -> None:
    notebook = begun("lab", tea(latency=20, flags="--topics-load topics.jsonl"))
    write_topics(notebook, ["Green", "Black"])
    notebook.run_cell(1)
    expect(notebook.widget(1, "[role=progressbar]").first).to_be_visible(timeout=20_000)
    time.sleep(1)
    notebook.interrupt()
    time.sleep(1)
    asked = time.monotonic()
    notebook.interrupt()
    notebook.wait_done(1)
    assert time.monotonic() - asked < 5
    assert "Left at once" in "\n".join(notebook.outputs(1))


@all_kernels
def test_a_reloaded_page_shows_the_run_as_it_is_and_its_stop_works(begun: Any) -> None:
    notebook = begun("lab", tea(samples=400))
    notebook.run_cell(1)
    wait_for_samples(notebook, 4)
    before = made(notebook)
    notebook.save()
    notebook.reload()
    wait_for_samples(notebook, before + 1)
    expect(notebook.cell(1).locator(".jp-OutputArea")).to_contain_text("Writing samples")
    later = made(notebook)
    wait_for_samples(notebook, later + 4)
    notebook.widget(1, "button:has-text('Stop')").first.click()
    expect(notebook.cell(1).locator(".jp-OutputArea")).to_contain_text("Stopped", timeout=10_000)


@pytest.mark.slow
@all_kernels
def test_a_restarted_kernel_loses_nothing(begun: Any, jupyter: Jupyter) -> None:
    notebook = begun("lab", tea(samples=40), "%deepfabric resume")
    notebook.run_cell(1)
    wait_for_samples(notebook, 8)
    notebook.restart_kernel()
    frame = notebook.widget(1, ".dfr")
    expect(frame).to_contain_text("The kernel has restarted or ended")
    expect(frame).to_contain_text("%deepfabric resume tea")
    expect(notebook.widget(1, ".dfn-stop")).to_be_hidden()
    expect(notebook.widget(1, ".dfs-note")).to_be_hidden()
    notebook.run_to_end(0, timeout=60)
    notebook.run_to_end(2, timeout=60)
    text = "\n".join(notebook.outputs(2))
    assert "Complete" in text and "made before" in text
    lines = (jupyter.notebooks / "tea.jsonl").read_text(encoding="utf-8").splitlines()
    metadata = [json.loads(line)["metadata"] for line in lines]
    assert Counter((one["topic_id"], one["cycle"]) for one in metadata).most_common(1)[0][1] == 1
    assert len(lines) == 40


def write_topics(notebook: Notebook, names: list[str]) -> None:
    lines = (json.dumps({"path": ["Tea", name]}) for name in names)
    Path(notebook.path.parent / "topics.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.slow
@both
def test_what_a_model_says_stays_text(app: App, begun: Any) -> None:
    notebook = begun(app, tea(samples=4, latency=1, flags="--topics-load topics.jsonl"), "%deepfabric topics")
    write_topics(notebook, [HOSTILE, f"{HOSTILE} too"])
    notebook.run_cell(1)
    expect(notebook.cell(1).locator(".jp-OutputArea")).to_contain_text("<img src=x", timeout=20_000)
    notebook.wait_done(1)
    notebook.run_to_end(2)
    for index in (1, 2):
        assert "<img src=x" in "\n".join(notebook.outputs(index))
        assert notebook.cell(index).locator(".jp-OutputArea img:not([src^='data:image/svg'])").count() == 0
    assert notebook.page.title() != "broken"


@pytest.mark.slow
def test_a_background_run_goes_on_while_other_cells_run(begun: Any) -> None:
    cells = ("%deepfabric topics", "%deepfabric stop tea", "len(_2.wait().df)")
    notebook = begun("lab", tea(samples=30, flags="--background"), *cells)
    notebook.run_to_end(1)
    notebook.run_to_end(2)
    wait_for_samples(notebook, 4)
    expect(notebook.widget(2, ".dfg")).to_contain_text(re.compile(r"[1-9]\d* of 30 samples"), timeout=10_000)
    notebook.run_to_end(3)
    expect(notebook.cell(1).locator(".jp-OutputArea")).to_contain_text("Stopped", timeout=20_000)
    notebook.run_to_end(4)
    assert 0 < int(notebook.outputs(4)[0]) < 30


@pytest.mark.slow
@all_kernels
def test_the_kernel_is_seen_to_be_busy_from_the_beginning_of_a_run_to_its_end(begun: Any) -> None:
    notebook = begun("lab", tea(samples=20))
    notebook.page.evaluate(
        f"""() => {{
            window.idle = [];
            let since = 0;
            {KERNEL}.statusChanged.connect((_, status) => {{
                if (since) window.idle.push(performance.now() - since);
                since = status === 'idle' ? performance.now() : 0;
            }});
        }}"""
    )
    notebook.run_to_end(1)
    assert max(notebook.page.evaluate("() => window.idle"), default=0) < 200, "milliseconds"


@pytest.mark.slow
def test_the_frame_of_a_run_becomes_the_view_of_its_samples_and_the_opened_one_stays_open(begun: Any) -> None:
    notebook = begun("lab", tea(samples=20, flags="--out df"))
    notebook.run_cell(1)
    wait_for_samples(notebook, 6)
    row, card = notebook.widget(1, ".dfs-row").first, notebook.widget(1, ".dfs-card-body")
    title = row.locator(".dfs-row-title").inner_text()[:60]
    row.click()
    expect(card).to_contain_text(title)
    opened, top = card.inner_text(), card.bounding_box()
    notebook.wait_done(1)
    expect(notebook.widget(1, ".dfr-head strong")).to_have_text("Complete: 20 samples")
    expect(notebook.widget(1, ".dfs-row")).not_to_have_count(0)
    assert card.inner_text() == opened
    assert card.bounding_box() == top, "nothing has jumped"
    with notebook.page.expect_popup() as opened:
        notebook.widget(1, "button:has-text('Report')").click()
    report = opened.value.frame_locator("iframe[sandbox='']").locator("h1")
    expect(report).to_contain_text("tea.jsonl", timeout=20_000)
    saved = json.dumps(notebook.saved()["cells"][1]["outputs"])
    assert "Complete: 20 samples" in saved and "widget-view" not in saved


@pytest.mark.slow
def test_a_fast_run_sends_few_messages(begun: Any) -> None:
    notebook = begun("lab", tea(samples=20_000, latency=0, flags="--batch-size 64 --out df"))
    received: list[float] = []
    session = notebook.page.context.new_cdp_session(notebook.page)
    session.send("Network.enable")
    session.on("Network.webSocketFrameReceived", lambda frame: received.append(frame["timestamp"]))
    began = time.monotonic()
    notebook.run_to_end(1, timeout=120)
    seconds = time.monotonic() - began
    assert seconds > 2 and 5 < len(received) < 16 * seconds + 10, (len(received), seconds)
