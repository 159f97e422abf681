"""Samples in Jupyter as a person reads and reviews them, and what is there after a restart and without a kernel."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.jupyter import App, Jupyter, Notebook
from tests.browser.test_progress import HOSTILE, all_kernels, begun, jupyter, tea
from tests.browser.test_topic_graph import wait_until

__all__ = ["begun", "jupyter"]

AGENT = tea(samples=4, latency=0, name="agent").replace(
    "You teach.", "You teach., tools: {components: {builtin: []}}, scenario_seed: {files: {a.txt: hello}}"
)
OPEN = "samples = %deepfabric samples agent\nsamples"
TELL = "import json; print(json.dumps([sorted(samples.decisions.values()), len(samples.accepted)]))"


def view(notebook: Notebook, cell: int) -> Locator:
    found = notebook.widget(cell, ".dfs[role=group]").first
    expect(found).to_be_visible(timeout=15_000)
    return found


def press(notebook: Notebook, *keys: str) -> None:
    for key in keys:
        notebook.page.keyboard.press(key)


def rows(notebook: Notebook, cell: int) -> Locator:
    return view(notebook, cell).locator(".dfs-row")


def told(notebook: Notebook, cell: int) -> Any:
    notebook.run_to_end(cell)
    return json.loads(notebook.outputs(cell)[0])


@all_kernels
def test_an_agents_samples_are_read_reviewed_by_keyboard_and_made_again(begun: Any, jupyter: Jupyter) -> None:
    notebook = begun("lab", AGENT, OPEN, TELL)
    notebook.run_to_end(1)
    notebook.run_to_end(2)
    card = view(notebook, 2).locator(".dfs-card")
    for part in ("read_file", "a.txt", "hello", "Reasoning", "System prompt", "gpt-4o (simulated)"):
        expect(card).to_contain_text(part)
    rows(notebook, 2).first.click()
    press(notebook, "a", "r", *"Wrong", "Enter", "a")
    expect(rows(notebook, 2).filter(has_text="accepted")).to_have_count(2)
    wait_until(lambda: told(notebook, 3) == [["accepted", "accepted", "rejected"], 3])
    kept = (jupyter.notebooks / "agent.reviews.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["action"] for line in kept] == ["accept", "reject", "accept"]
    assert json.loads(kept[1])["reason"] == "Wrong"

    notebook.restart_kernel()
    for cell in (0, 2):
        notebook.run_to_end(cell)
    rejected = rows(notebook, 2).nth(1)
    expect(rejected).to_contain_text("rejected")
    before = rejected.inner_text()
    view(notebook, 2).get_by_role("button", name="Make 1 again").click()
    expect(rejected).not_to_contain_text("rejected", timeout=20_000)
    expect(view(notebook, 2).locator(".dfs-bar")).to_contain_text("1 made again")
    assert rejected.inner_text() != before
    assert told(notebook, 3)[1] == 4


@pytest.mark.slow
@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_a_saved_notebook_shows_the_samples_without_a_kernel_whether_it_is_trusted_or_not(
    app: App, begun: Any, jupyter: Jupyter
) -> None:
    notebook = begun(app, AGENT, OPEN)
    notebook.run_to_end(1)
    notebook.run_to_end(2)
    expect(view(notebook, 2)).to_be_visible()
    saved = notebook.saved()
    assert "widget-view" not in json.dumps(saved)
    notebook.restart_kernel()
    notebook.reload()
    expect_static_page(notebook)
    saved["cells"][1]["source"] = ["# changed by others"]
    (jupyter.notebooks / "untrusted.ipynb").write_text(json.dumps(saved), encoding="utf-8")
    notebook.name = "untrusted.ipynb"
    notebook.open_file()
    expect_static_page(notebook)


def expect_static_page(notebook: Notebook) -> None:
    output = notebook.cell(2).locator(".jp-OutputArea")
    expect(output).to_contain_text("4 samples of agent", timeout=10_000)
    expect(output).to_contain_text("list_files")
    expect(output.locator(".dfs")).to_have_count(0)
    expect(output).not_to_contain_text("not found")


@pytest.mark.slow
def test_what_is_decided_is_in_the_saved_notebook_and_nothing_that_is_typed_is_disturbed(begun: Any) -> None:
    notebook = begun("lab", tea(samples=4, latency=0), "%deepfabric samples")
    notebook.run_to_end(1)
    notebook.run_to_end(2)
    rows(notebook, 1).nth(1).click()
    card = view(notebook, 1).locator(".dfs-card")
    expect(card).to_have_attribute("aria-busy", "false")
    press(notebook, "e")
    area = view(notebook, 1).locator("textarea").last
    area.fill("As it was edited.")
    press(notebook, "Control+Enter")
    expect(rows(notebook, 2).filter(has_text="edited")).to_have_count(1)  # the other view follows
    rows(notebook, 1).nth(2).click()
    press(notebook, "e")
    area.fill("")
    press(notebook, *"half")
    for cell in (1, 2):
        wait_until(lambda cell=cell: "As it was edited." in json.dumps(notebook.saved()["cells"][cell]["outputs"]))
    expect(area).to_be_focused()
    press(notebook, *" a word")
    expect(area).to_have_value("half a word")


MIXED = """import json
said = lambda question, answer: [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
cot = {"messages": said("Why?", "So."), "reasoning": {"style": "freetext", "content": "First this, then that."}}
own = {"title": "Green tea", "steps": ["Boil", "Pour"], "level": 3}
hostile = {"messages": said("HOSTILE", "[x](javascript:document.title='broken')")}
with open("mixed.jsonl", "w") as file:
    for record in (cot, own, hostile):
        print(json.dumps(record), file=file)
"""


@pytest.mark.slow
@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_chains_of_thought_own_schemas_and_hostile_texts_are_read(app: App, begun: Any) -> None:
    notebook = begun(app, MIXED.replace("HOSTILE", json.dumps(HOSTILE)[1:-1]), "%deepfabric samples mixed.jsonl")
    notebook.run_to_end(1)
    notebook.run_to_end(2)
    card = view(notebook, 2).locator(".dfs-card")
    card.get_by_text("Reasoning").click()
    expect(card).to_contain_text("First this, then that.")
    card.focus()
    press(notebook, "j")
    for part in ("title", "Green tea", "Boil", "level"):
        expect(card).to_contain_text(part)
    press(notebook, "j")
    expect(card).to_contain_text("onerror")
    assert card.locator("img, script, a[href^=javascript]").count() == 0
    assert notebook.page.title() != "broken"


@pytest.mark.slow
@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_twenty_samples_are_reviewed_by_keyboard_alone(app: App, begun: Any) -> None:
    notebook = begun(app, tea(samples=20, latency=0), "samples = %deepfabric samples\nsamples", TELL)
    notebook.run_to_end(1)
    notebook.run_to_end(2)
    card = view(notebook, 2).locator(".dfs-card")
    card.focus()
    for number in range(20):
        expect(card).to_have_attribute("aria-label", f"Sample {number + 1} of 20")
        expect(card).to_have_attribute("aria-busy", "false")
        if number % 4 == 1:
            press(notebook, "r", *"No", "Enter")
        elif number == 2:
            press(notebook, "e", "End", *" And more.", "Control+Enter", "j")
        else:
            press(notebook, "a")
    wait_until(lambda: told(notebook, 3)[0] == ["accepted"] * 14 + ["edited"] + ["rejected"] * 5)

    card.focus()
    press(notebook, "e", "End", *" Not saved.")
    notebook.save()
    notebook.reload()
    expect(rows(notebook, 2).filter(has_text="draft")).to_have_count(1)
    card.get_by_role("button", name="Go on").click()
    expect(card.locator("textarea").last).to_have_value(re.compile("Not saved"))


@pytest.mark.slow
def test_twenty_thousand_samples_take_less_than_five_megabytes_until_one_is_read(begun: Any) -> None:
    many = """import json
with open("many.jsonl", "w") as file:
    for n in range(20_000):
        asked = {"role": "user", "content": f"Why is sample {n} of all the samples as it is, and not otherwise?"}
        metadata = {"topic_path": ["Bicycles", f"Part {n % 40}", f"Screw {n % 5000}"], "model": "gpt-4o-mini"}
        messages = [asked, {"role": "assistant", "content": "x" * 1_800}]
        print(json.dumps({"messages": messages, "metadata": metadata}), file=file)
"""
    notebook = begun("lab", many, "%deepfabric samples many.jsonl")
    notebook.run_to_end(1)
    received = Traffic(notebook)
    notebook.run_to_end(2)
    expect(rows(notebook, 2).first).to_be_visible(timeout=20_000)
    assert 1_000_000 < received.characters < 5_000_000
    view(notebook, 2).get_by_role("searchbox").fill("sample 19999 ")
    expect(rows(notebook, 2)).to_have_count(1, timeout=5_000)


class Traffic:
    """How many characters a page receives over its kernel's connection from now on."""

    def __init__(self, notebook: Notebook) -> None:
        self.characters = 0
        devtools = notebook.page.context.new_cdp_session(notebook.page)
        devtools.send("Network.enable")
        devtools.on("Network.webSocketFrameReceived", self._count)

    def _count(self, event: dict[str, Any]) -> None:
        self.characters += len(event["response"]["payloadData"])
