"""The report's page in a browser: wide and narrow, light and dark, on paper, and as the output of a cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from deepfabric_core.pictures.report.page import page as drawn
from tests.browser.conftest import OpenNotebook
from tests.core.pictures.report.test_page import ATTACKS, whole_report

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with every section, whose texts try to break out."""
    place = tmp_path_factory.mktemp("report")
    path = place / "report.html"
    path.write_text(drawn(whole_report(place, ATTACKS)), encoding="utf-8")
    return path


class Shown:
    """The page in a window of some width, and all that it complained of or asked for."""

    def __init__(self, page: Page, file: Path) -> None:
        self.page = page
        self.said: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda problem: self.said.append(str(problem)))
        page.on("request", lambda request: self.said.append(request.url) if request.url != file.as_uri() else None)
        page.on("dialog", lambda dialog: self.said.append(dialog.message))
        page.goto(file.as_uri())

    def widths(self) -> tuple[int, int]:
        """How wide the content is, and the window."""
        content, window = self.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        return content, window


Show = Callable[..., Shown]


@pytest.fixture
def show(browser: Browser, file: Path) -> Iterator[Show]:
    """Opens the page."""
    contexts = []

    def opened(width: int, scheme: Literal["light", "dark"] = "light") -> Shown:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme))
        return Shown(contexts[-1].new_page(), file)

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [380, 800, 1280, 1900])
def test_it_fits_every_width_with_everything_open_and_asks_for_nothing(width: int, show: Show) -> None:
    shown: Shown = show(width)
    shown.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    content, window = shown.widths()
    assert content == window
    assert shown.said == []


def test_it_is_dark_where_the_system_is(show: Show) -> None:
    colours = []
    for scheme in ("light", "dark"):
        page = show(1280, scheme).page
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        bar = page.locator("rect.h1").first
        colours.append(bar.evaluate("one => getComputedStyle(one).fill"))
    assert len(set(colours)) == 4


def test_contents_and_cards_lead_to_their_sections(show: Show) -> None:
    page: Page = show(1280).page
    page.locator("nav a", has_text="Near-duplicates").click()
    expect(page.locator("#duplicates h2")).to_be_in_viewport()
    page.locator("a.figure", has_text="Tokens").click()
    expect(page.locator("#lengths h2")).to_be_in_viewport()


def test_a_branch_opens_and_a_long_text_unfolds_without_a_script(show: Show) -> None:
    page: Page = show(1280).page
    branch = page.locator("#topics details.branch").first
    branch.locator("summary").first.click()
    expect(branch.locator(".below .row").first).to_be_visible()
    fold = page.locator(".fold").first
    fold.evaluate(
        "one => { for (let up = one.parentElement; up; up = up.parentElement) if (up.open === false) up.open = true }"
    )
    fold.locator("summary").click()
    expect(fold.locator("div.text")).to_be_visible()


def test_right_to_left_texts_are_set_from_the_right(show: Show) -> None:
    page: Page = show(1280).page
    text = page.locator(".text", has_text="مرحبا بالعالم").first
    assert text.evaluate("one => getComputedStyle(one).direction") == "rtl"


def test_on_paper_everything_is_open(show: Show) -> None:
    page: Page = show(800, "dark").page
    closed = page.locator("#rejected .examples .sample").first
    expect(closed).not_to_be_visible()
    page.emulate_media(media="print")
    assert closed.evaluate(
        "one => one.checkVisibility({contentVisibilityAuto: true}) && one.getBoundingClientRect().height > 0"
    )
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    expect(page.locator("nav")).not_to_be_visible()


def test_a_cell_shows_it_in_a_frame(open_notebook: OpenNotebook) -> None:
    config = "{topics: {prompt: Tea}, generation: {system_prompt: You teach.}, output: {save_as: tea.jsonl}}"
    start = f"import deepfabric_nb\nrun = deepfabric_nb.start({config!r}, num_samples=3, provider='simulated').wait()"
    notebook = open_notebook("lab", ["%load_ext deepfabric_nb", f"{start}; None", "%deepfabric report"])
    for cell in range(3):
        notebook.run_to_end(cell, timeout=60)
    assert "Report on tea.jsonl: 3 samples" in notebook.outputs(2)[0]
    frame = notebook.cell(2).locator("iframe")
    expect(frame).to_be_visible()
    expect(frame.content_frame.locator("h1")).to_contain_text("tea.jsonl")
