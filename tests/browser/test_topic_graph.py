"""The topic graph in JupyterLab: shown at once, steered by hand, and never behind what Python knows."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenNotebook
from tests.browser.jupyter import Jupyter, Notebook
from tests.browser.test_progress import HOSTILE, all_kernels, begun, jupyter, tea, wait_for_samples, write_topics

__all__ = ["begun", "jupyter"]

MANY = """
from deepfabric_core.topics.model import Topic, Topics, topic_id
def grown(degree, depth):
    by_id, level = {}, [((), None)]
    root = topic_id("tree", ("Root",))
    def add(path, parent):
        own = topic_id("tree", path)
        wanted = degree if len(path) <= depth else 0
        children = tuple(topic_id("tree", (*path, f"Topic {len(path)}.{n}")) for n in range(wanted))
        by_id[own] = Topic(own, path[-1], (parent,) if parent else (), children)
        for n in range(len(children)):
            add((*path, f"Topic {len(path)}.{n}"), own)
    add(("Root",), None)
    return Topics("tree", root, by_id)
topics = grown(10, 4)
import deepfabric_nb
"""


def topics_on_page(notebook: Notebook, cell: int) -> int:
    return int(notebook.widget(cell, "[data-topics]").first.get_attribute("data-topics") or -1)


def graph(notebook: Notebook, cell: int) -> Any:
    return notebook.widget(cell, "canvas").first


@pytest.mark.slow
def test_ten_thousand_topics_are_shown_within_a_second(begun: Any) -> None:
    notebook = begun("lab", MANY, "graph = deepfabric_nb.TopicGraph(topics); graph")
    notebook.run_to_end(1)
    notebook.run_cell(2)
    notebook.wait_done(2)
    ended = time.monotonic()
    expect(graph(notebook, 2)).to_be_visible(timeout=5_000)
    assert time.monotonic() - ended < 1
    assert topics_on_page(notebook, 2) == 11_111


@all_kernels
def test_a_branch_pruned_on_the_page_is_pruned_in_python_in_the_file_and_in_the_plan(
    begun: Any, jupyter: Jupyter
) -> None:
    notebook = begun(
        "lab",
        tea(samples=5, latency=0.05).replace("num_samples: 5", "num_samples: auto"),
        "import deepfabric_nb; graph = %deepfabric topics\ngraph",
        "len(graph.topics), graph.planned",
        tea(samples=5, latency=0.05).replace("num_samples: 5", "num_samples: auto"),
    )
    notebook.run_to_end(1)
    notebook.run_to_end(2)
    press(notebook, 2, "ArrowDown", "ArrowRight")
    press(notebook, 2, "Delete")
    saved = jupyter.notebooks / "tea_topics.jsonl"
    wait_until(lambda: len(saved.read_text(encoding="utf-8").splitlines()) == 4)
    notebook.run_to_end(3)
    assert notebook.outputs(3) == ["(5, 4)"]
    notebook.widget(2, "button:has-text('Undo')").first.click()
    wait_until(lambda: len(saved.read_text(encoding="utf-8").splitlines()) == 5)
    notebook.run_to_end(3)
    assert notebook.outputs(3) == ["(6, 5)"]


def press(notebook: Notebook, cell: int, *keys: str) -> None:
    tree = notebook.widget(cell, "[role=tree]").first
    tree.locator("[role=treeitem][tabindex='0']").first.focus()
    for key in keys:
        notebook.page.keyboard.press(key)
        time.sleep(0.1)


def wait_until(true: Any, timeout: float = 10) -> None:
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_a_topic_pruned_while_the_cell_runs_gets_no_samples(begun: Any, jupyter: Jupyter) -> None:
    notebook = begun("lab", tea(samples=60, latency=0.5), "'next'")
    notebook.run_cell(1)
    wait_for_samples(notebook, 3)
    press(notebook, 1, "ArrowDown", "ArrowRight", "Delete")
    expect(notebook.widget(1, "button:has-text('Undo')").first).to_be_visible(timeout=5_000)
    notebook.wait_done(1, timeout=60)
    lines = (jupyter.notebooks / "tea.jsonl").read_text(encoding="utf-8").splitlines()
    branches = {json.loads(line)["metadata"]["topic_path"][1] for line in lines}
    assert len(branches) == 4 and len(lines) == 60


@all_kernels
def test_a_branch_gets_more_samples_by_a_key_while_the_cell_runs_and_it_is_told(begun: Any, jupyter: Jupyter) -> None:
    notebook = begun("lab", tea(samples=60, latency=0.5), "'next'")
    notebook.run_cell(1)
    wait_for_samples(notebook, 3)
    press(notebook, 1, "ArrowDown", "ArrowRight", ">", ">")
    expect(notebook.widget(1, ".dfg-weights [aria-pressed=true]").first).to_have_text("\u00d74", timeout=5_000)
    expect(notebook.widget(1, ".dfg-last").first).to_contain_text("are shared out by these weights")
    notebook.wait_done(1, timeout=60)
    lines = (jupyter.notebooks / "tea.jsonl").read_text(encoding="utf-8").splitlines()
    made = Counter(json.loads(line)["metadata"]["topic_path"][1] for line in lines)
    assert (sorted(made.values()), len(lines)) == ([7, 7, 8, 8, 30], 60)


def test_a_topic_that_is_clicked_shows_its_samples_while_the_cell_runs(begun: Any) -> None:
    notebook = begun("lab", tea(samples=200))
    notebook.run_cell(1)
    wait_for_samples(notebook, 10)
    notebook.widget(1, ".dfg [type=search]").first.fill("in Tea")
    asked = time.monotonic()
    notebook.widget(1, ".dfg-hits button").first.click()
    expect(notebook.widget(1, ".dfg-card .dfs-user").first).to_be_visible(timeout=2_000)
    assert time.monotonic() - asked < 1
    notebook.interrupt()
    notebook.wait_done(1)


@pytest.mark.slow
def test_names_stay_text_on_the_graph(begun: Any) -> None:
    notebook = begun("lab", "%deepfabric topics topics.jsonl")
    write_topics(notebook, [HOSTILE, "x" * 2000, "\U0001f375 \u05e9\u05dc\u05d5\u05dd"])
    notebook.run_to_end(1)
    expect(graph(notebook, 1)).to_be_visible()
    assert topics_on_page(notebook, 1) == 4
    assert notebook.cell(1).locator(".jp-OutputArea img:not([src^='data:image/svg'])").count() == 0
    assert notebook.page.title() != "broken"


@pytest.mark.parametrize("theme", ["JupyterLab Light", pytest.param("JupyterLab Dark", marks=pytest.mark.slow)])
def test_the_tree_is_there_for_screen_readers(theme: Any, open_notebook: OpenNotebook, begun: Any) -> None:
    notebook = begun("lab", MANY, "deepfabric_nb.TopicGraph(grown(3, 1))")
    notebook.set_theme(theme)
    notebook.run_to_end(1)
    notebook.run_to_end(2)
    press(notebook, 2, "ArrowDown")
    items = notebook.widget(2, "[role=treeitem]")
    assert items.count() >= 4
    assert items.first.get_attribute("aria-level") == "1"


@pytest.mark.slow
def test_the_page_draws_the_picture_that_python_saves(begun: Any, jupyter: Jupyter) -> None:
    notebook = begun(
        "lab", MANY, "graph = deepfabric_nb.TopicGraph(grown(4, 2)); graph", "graph.save('t.png'); graph.save('t.svg')"
    )
    notebook.run_to_end(1)
    notebook.run_to_end(2)
    expect(graph(notebook, 2)).to_be_visible()
    notebook.run_to_end(3)
    assert (jupyter.notebooks / "t.png").read_bytes().startswith(b"\x89PNG")
    assert "21 topics, 16 leaves" in (jupyter.notebooks / "t.svg").read_text(encoding="utf-8")


GROW = """
import asyncio
from deepfabric_core.topics.model import Topic, Topics, topic_id
import deepfabric_nb
root = topic_id("tree", ("Root",))
graph = deepfabric_nb.TopicGraph(Topics("tree", root, {root: Topic(root, "Root")}))
paths = [("Root",)]
async def grow(until, seconds):
    each = max(1, (until - len(paths)) // int(seconds * 4))
    parent = 0
    while len(paths) < until:
        for _ in range(each):
            above = paths[len(paths) // 10]
            paths.append((*above, f"Topic {len(paths)}"))
            graph.grow(above, [paths[-1][-1]])
        graph.flush()
        await asyncio.sleep(0.25)
"""


@pytest.mark.slow
def test_no_topic_is_lost_while_ten_thousand_grow(begun: Any) -> None:
    checks = [f"await grow({until}, 6.5); len(graph.topics)" for until in (3_000, 6_500, 10_000)]
    notebook = begun("lab", GROW, "graph", *checks)
    notebook.run_to_end(1)
    notebook.run_to_end(2)
    for number in range(3, 6):
        notebook.run_to_end(number, timeout=60)
        known = int(notebook.outputs(number)[-1])
        wait_until(lambda known=known: topics_on_page(notebook, 2) == known, timeout=3)
    assert topics_on_page(notebook, 2) >= 10_000


@pytest.mark.slow
def test_a_page_reloaded_while_topics_grow_misses_nothing(begun: Any) -> None:
    config = tea(samples=5, latency=0.5).replace("depth: 1, degree: 5", "depth: 3, degree: 5, max_concurrent: 2")
    notebook = begun("lab", config.replace("%%deepfabric", "%%deepfabric topics"))
    notebook.run_cell(1)
    expect(graph(notebook, 1)).to_be_visible(timeout=20_000)
    wait_until(lambda: topics_on_page(notebook, 1) > 20, timeout=20)
    notebook.save()
    notebook.reload()
    expect(graph(notebook, 1)).to_be_visible(timeout=30_000)
    wait_until(lambda: topics_on_page(notebook, 1) == 156, timeout=40)
