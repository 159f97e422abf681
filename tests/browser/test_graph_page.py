"""The topic graph on a page without Jupyter: fingers, the panel beside the map, and colours that a user has chosen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, Route

pytestmark = pytest.mark.slow

_STATIC = Path(__file__).parents[2] / "deepfabric_nb" / "static"
_ADDRESS = "http://graph.test/"
_PAGE = """<!doctype html><meta charset="utf-8"><title>Topics</title><link rel="stylesheet" href="graph.css">
<main id="place"></main>
<script type="module">
import widget from "./graph.js";
const snapshot = await (await fetch("topics.json")).json();
window.sent = [];
const send = (said) => window.sent.push(said);
const model = { get: (name) => ({ snapshot, frame: "" })[name], on() {}, off() {}, send };
const { initialize, render } = widget();
initialize({ model });
render({ model, el: document.getElementById("place") });
</script>"""

Open = Callable[..., Page]


def snapshot(count: int, *, wanted: int = 0) -> dict[str, Any]:
    """A tree with five children for each topic."""
    numbers = {name: [0] * count for name in ("done", "failed")} | {"wanted": [wanted] * count}
    lists = dict.fromkeys(("others", "samples", "failures", "marks", "scores", "costs", "selected", "moved"), ())
    names = [f"Topic {row} of a bicycle" for row in range(count)]
    parents = [-1, *((row - 1) // 5 for row in range(1, count))]
    return {"seq": 1, "ids": names, "names": names, "parent": parents, "undo": "", "redo": "", **numbers, **lists}


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens a page with topics."""
    with ExitStack() as ended:

        def begin(topics: dict[str, Any], *, width: int = 1100, **how: Any) -> Page:
            context = browser.new_context(viewport={"width": width, "height": 900}, **how)
            ended.callback(context.close)
            page = context.new_page()
            page.route("**/*", lambda route: _serve(route, topics))
            page.goto(_ADDRESS)
            page.wait_for_selector(f"[data-topics='{len(topics['ids'])}']")
            page.wait_for_timeout(600)
            return page

        yield begin


def _serve(route: Route, topics: dict[str, Any]) -> None:
    name = route.request.url.removeprefix(_ADDRESS)
    if name == "topics.json":
        route.fulfill(body=json.dumps(topics), content_type="application/json")
    elif name in ("graph.js", "graph.css"):
        kind = "text/javascript" if name.endswith("js") else "text/css"
        route.fulfill(body=(_STATIC / name).read_text(encoding="utf-8"), content_type=kind)
    else:
        route.fulfill(body=_PAGE, content_type="text/html")


class Fingers:
    """Fingers on the map, at places of it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._session: CDPSession = page.context.new_cdp_session(page)
        box = page.locator("canvas").bounding_box()
        assert box is not None
        self._from = (box["x"], box["y"])

    def __call__(self, kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": self._from[0] + x, "y": self._from[1] + y, "id": n} for n, (x, y) in enumerate(places)]
        self._session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})

    def tap(self, x: float, y: float) -> None:
        self.page.touchscreen.tap(self._from[0] + x, self._from[1] + y)
        self.page.wait_for_timeout(100)


def card_at(page: Page, text: str) -> tuple[float, float]:
    """Where a topic's card is: what is under the pointer says its name; cards are searched for on a raster."""
    box = page.locator("canvas").bounding_box()
    assert box is not None
    for x in range(20, int(box["width"]), 60):
        for y in range(6, int(box["height"]), 8):
            page.mouse.move(box["x"] + x, box["y"] + y)
            tip = page.locator(".dfg-tip")
            if tip.is_visible() and tip.inner_text().split("\n")[0].endswith(text):
                return x, y
    raise AssertionError(text)


def test_a_finger_selects_a_topic_and_opens_the_menu_where_it_rests(opened: Open) -> None:
    page = opened(snapshot(31), width=800, has_touch=True)
    at = card_at(page, "Topic 1 of a bicycle")
    finger = Fingers(page)
    finger.tap(*at)
    assert page.evaluate("sent.findLast(({ type }) => type === 'select').ids") == ["Topic 1 of a bicycle"]
    finger("Start", at)
    page.wait_for_timeout(700)
    finger("End")
    page.wait_for_timeout(200)
    assert page.locator(".dfg-menu").is_visible(), "it stays when the finger is lifted"


def test_one_finger_moves_the_map_and_two_zoom_it(opened: Open) -> None:
    page = opened(snapshot(6), width=800, has_touch=True)
    first, last = (card_at(page, f"Topic {n} of a bicycle") for n in (1, 2))
    finger = Fingers(page)
    finger("Start", (20, 20))
    for step in range(1, 6):
        finger("Move", (20 + 24 * step, 20))
    finger("End")
    moved = card_at(page, "Topic 1 of a bicycle")
    assert first[0] + 60 <= moved[0] <= first[0] + 180 and moved[1] == first[1]
    finger("Start", (200, 40))
    finger("Start", (200, 40), (200, 100))
    for step in range(1, 6):
        finger("Move", (200, 40), (200, 100 + 6 * step))
    finger("End", (200, 40))
    finger("End")
    zoomed = [card_at(page, f"Topic {n} of a bicycle")[1] for n in (1, 2)]
    assert zoomed[1] - zoomed[0] > 1.2 * (last[1] - first[1])


def test_the_panel_leaves_the_whole_map_in_view(opened: Open) -> None:
    page = opened(snapshot(31, wanted=9))
    page.locator("[type=search]").fill("Topic 30")
    page.locator(".dfg-hits button").first.click()
    page.wait_for_timeout(1200)
    panel = page.locator(".dfg-side").bounding_box()
    canvas = page.locator("canvas").bounding_box()
    assert panel is not None and canvas is not None
    root, chosen = card_at(page, "Topic 0 of a bicycle"), card_at(page, "Topic 30 of a bicycle")
    assert root[0] >= 0 and canvas["x"] + chosen[0] < panel["x"]


def test_names_are_seen_in_colours_that_a_user_has_chosen(opened: Open) -> None:
    page = opened(snapshot(13), forced_colors="active")
    colours = page.evaluate(
        """() => {
          const canvas = document.querySelector("canvas");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const seen = new Set();
          for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 250) seen.add(data[at]);
          return seen.size;
        }"""
    )
    assert colours > 10, "texts on cards, not cards of one colour alone"
