"""The view of samples on a page: hostile texts are inert, many rows are quick, and the keyboard is enough."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.samples_page import Json, card, files, index, many, message

_ADDRESS = "http://samples.test/"
_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "json": "application/json"}

HOSTILE = [
    "<script>window.hacked = 1</script>",
    '<img src="http://evil.test/x.png" onerror="window.hacked = 1">',
    "![remote](http://evil.test/picture.png)",
    "![inline](data:image/png;base64,AAAA)",
    "[click](javascript:window.hacked=1) [click](  JaVaScRiPt:window.hacked=1)",
    "[click](data:text/html,<script>1</script>)",
    "<javascript:window.hacked=1> <vbscript:1> [relative](../../lab) [file](file:///etc/passwd)",
    '[a](http://evil.test/"onmouseover="window.hacked=1) <a href="javascript:1" onclick="window.hacked=1">x</a>',
    '<svg onload="window.hacked=1"><style>*{display:none}</style><math><mtext></mtext></math></svg>',
    '<iframe src="http://evil.test/"></iframe><form action="http://evil.test/"><input name=x></form>',
    '<base href="//evil.test"><link rel=stylesheet href="http://evil.test/x.css"><meta http-equiv=refresh content=0>',
    '```"><img src=x onerror=window.hacked=1>\ncode <b>bold</b>\n```',
    "| a | b |\n|:-:|--:|\n| <u>1</u> | `</td><script>window.hacked=1</script>` |",
    "**broken *markdown `of [every](kind ![and <!-- > > - 1. ~~~\n```",
    '[ref]: javascript:window.hacked=1 "title"\n\n[ref] &#106;avascript:1 &lt;script&gt;',
]


class Shown:
    """The page, and all that it complained of or asked for from elsewhere."""

    def __init__(self, page: Page, served: dict[str, str]) -> None:
        self.page = page
        self.said: list[str] = []
        self._served = served
        page.on("console", lambda one: self.said.append(one.text))
        page.on("pageerror", lambda problem: self.said.append(str(problem)))
        page.on("dialog", lambda dialog: self.said.append(dialog.message))
        page.route("**/*", self._serve)
        page.goto(_ADDRESS)
        page.wait_for_selector(".dfs[data-rows]")

    def _serve(self, route: Route) -> None:
        name = route.request.url.removeprefix(_ADDRESS) or "index.html"
        if name in self._served:
            route.fulfill(body=self._served[name], content_type=_TYPES[name.rsplit(".", 1)[1]])
        else:
            self.said.append(route.request.url)
            route.abort()

    @property
    def card(self) -> Locator:
        """The card."""
        return self.page.locator(".dfs-card")

    def press(self, *keys: str) -> None:
        """Press keys, beginning in the list unless the focus is in the view already."""
        if not self.page.evaluate("document.querySelector('.dfs').contains(document.activeElement)"):
            self.page.locator(".dfs-list").focus()
        for key in keys:
            self.page.keyboard.press(key)

    def sent(self, kind: str) -> list[Json]:
        """Return the messages of a type that the page has sent."""
        found: list[Json] = self.page.evaluate("kind => window.model.of(kind)", kind)
        return found


Show = Callable[..., Shown]


@pytest.fixture
def show(browser: Browser) -> Iterator[Show]:
    """Opens the page with samples."""
    contexts = []

    def opened(samples: tuple[Json, dict[int, Json]], scheme: Literal["light", "dark"] = "light", **more: Any) -> Shown:
        contexts.append(browser.new_context(viewport={"width": 1100, "height": 900}, color_scheme=scheme))
        return Shown(contexts[-1].new_page(), files(*samples, scheme=scheme, **more))

    yield opened
    for context in contexts:
        context.close()


def samples(*cards: Json) -> tuple[Json, dict[int, Json]]:
    return index(list(cards)), {one["row"]: one for one in cards}


def chats(count: int) -> tuple[Json, dict[int, Json]]:
    return samples(
        *(card(n, [message("user", f"question {n}", 0), message("assistant", f"answer {n}", 1)]) for n in range(count))
    )


def told(measured: str) -> None:
    """Print what was measured; `pytest -s` shows it."""
    sys.stdout.write(f"\n{measured}\n")


def test_hostile_texts_are_inert_wherever_they_stand(show: Show) -> None:
    text = "\n\n".join(HOSTILE)
    call = {
        "name": text,
        "arguments": json.dumps({"x": text}),
        "result": text,
        "failed": True,
        "at": [],
        "result_at": [],
    }
    found = {"check": text, "reason": text, "evidence": text}
    one = card(
        0,
        [message("user", text, 0), message("tool", text, 1), message("model", text, 2, reasoning=[text], calls=[call])],
        system=text, tools=[text], facts=[text], path=[text, text, text], score=1.0, checks=[found], error=text,
        request=text, reply=text, scores=[{"criterion": text, "score": 1.0, "reason": text}],
        fields=[{"name": text, "text": text, "is_json": False, "at": ["x"]},
                {"name": "j", "text": json.dumps({text: [text, {text: text}]}), "is_json": True, "at": ["j"]}],
        history=[{"action": "reject", "who": text, "when": text, "said": text}],
        before=[{"name": "", "text": text + "!", "is_json": False, "at": ["messages", 0, "content"]}],
    )  # fmt: skip
    listed, cards = samples(one, one | {"row": 1})
    shown = show(({**listed, "title": text, "reasons": [text], "models": [text]}, cards))
    expect(shown.card.locator(".dfs-bubble").first).to_be_visible()
    shown.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    shown.page.get_by_role("button", name="Filter", exact=True).click()
    shown.page.wait_for_timeout(200)
    inside = "[...document.querySelectorAll('.dfs *')]"
    tags = set(shown.page.evaluate(f"{inside}.map(one => one.localName)"))
    assert not tags & {"script", "img", "iframe", "svg", "math", "style", "form", "base", "object", "video", "template"}
    attributes = set(shown.page.evaluate(f"{inside}.flatMap(one => one.getAttributeNames())"))
    assert not {name for name in attributes if name.startswith("on")}
    links = shown.page.evaluate("[...document.querySelectorAll('.dfs a')].map(a => [a.protocol, a.target, a.rel])")
    assert {tuple(link) for link in links} <= {("http:", "_blank", "noopener noreferrer")}
    assert shown.page.evaluate("window.hacked") is None
    assert shown.said == []


def test_control_codes_are_seen_and_nothing_turns_a_text_around(show: Show) -> None:
    ugly = "a\x1b[31mred\x1b[0m \x07 \u202egnp.exe\u202c \u2066x\u2069 \ud800 end\u2028line"
    one = card(0, [message("user", ugly, 0), message("assistant", "مرحبا", 1)], path=["root", ugly])
    shown = show(samples(one))
    expect(shown.card.locator(".dfs-user")).to_have_text(
        "a\\x1b[31mred\\x1b[0m \\x07 \ufffdgnp.exe\ufffd \ufffdx\ufffd \ufffd end line"
    )
    assert "\u202e" not in shown.page.content()
    assert shown.card.locator(".dfs-other [dir=auto]").evaluate("one => getComputedStyle(one).direction") == "rtl"


PATHOLOGICAL = {
    "quotes": "> " * 5000 + "deep",
    "lists": "- " * 3000 + "deep",
    "brackets": "[" * 9000 + "deep" + "](x)" * 2000,
    "emphasis": "*_" * 9000 + "deep",
    "ticks": "`" * 9999 + "\\deep" + "<" * 9999,
    "table": ("|" * 60 + "\n") * 300 + "deep",
}


def test_deep_or_broken_markdown_is_shown_without_freezing(show: Show) -> None:
    cards = [
        card(n, [message("user", text, 0)], path=["root", name]) for n, (name, text) in enumerate(PATHOLOGICAL.items())
    ]
    shown = show(samples(*cards))
    for name in PATHOLOGICAL:
        expect(shown.page.locator(".dfs-path")).to_contain_text(name)
        expect(shown.card.locator(".dfs-user")).to_contain_text("deep", timeout=5_000)
        shown.press("j")
    assert shown.said == []


def test_much_markdown_in_one_sample_is_rendered_bit_by_bit(show: Show) -> None:
    heavy = "| a | b |\n|---|---|\n" + "| *x* `y` | [z](https://x.y) |\n" * 120
    shown = show(samples(card(0, [message("assistant", heavy, n) for n in range(12)])))
    expect(shown.card.locator(".dfs-bubble")).to_have_count(12)
    expect(shown.card.locator("table")).to_have_count(12)


def test_a_message_of_a_megabyte_is_shown_in_part_and_then_in_pieces(show: Show) -> None:
    text = "".join(f"line {n} of a very long message\n" for n in range(32_000))
    shown = show(samples(card(0, [message("user", "why?", 0), message("assistant", text, 1)])))
    more = shown.card.get_by_role("button", name="Show all (1.1 MB)")
    more.wait_for()
    shown.page.evaluate(
        """() => {
            window.longest = 0;
            new PerformanceObserver(list => list.getEntries().forEach(one => {
                window.longest = Math.max(window.longest, one.duration);
            })).observe({ type: "longtask" });
        }"""
    )
    more.click()
    whole = "document.querySelector('.dfs-other').textContent.includes('line 31999 of')"
    shown.page.wait_for_function(whole, timeout=20_000)
    told(f"longest task: {shown.page.evaluate('window.longest'):.0f} ms")
    assert shown.page.evaluate("document.querySelector('.dfs-other').textContent.length") > 1_000_000


@pytest.mark.parametrize("count", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_samples_are_reviewed_by_keyboard_alone(show: Show, count: int) -> None:
    shown = show(chats(count))
    for n in range(count):
        expect(shown.card.locator(".dfs-user")).to_have_text(f"question {n}")
        if n % 4 == 1:
            shown.press("r", "w", "r", "o", "n", "g", "Enter")
        elif n % 4 == 2:
            shown.press("e", "Control+End", "!", "Control+Enter")
            expect(shown.card.locator(".dfs-other").last).to_have_text(f"answer {n}!")
            shown.press("j")
        elif n % 4 == 3:
            shown.press("c", "h", "m", "Enter", "a")
        else:
            shown.press("a")
    half, quarter = count // 2, count // 4
    told_by_page = f"{count} reviewed: {half} accepted, {quarter} rejected, {quarter} edited"
    expect(shown.page.locator(".dfs-told")).to_have_text(told_by_page)
    decided = [(one["row"], one["action"]) for one in shown.sent("decide")]
    assert decided[:5] == [(0, "accept"), (1, "reject"), (2, "edit"), (3, "comment"), (3, "accept")]
    assert shown.sent("decide")[1]["reason"] == "wrong"
    assert shown.sent("decide")[2]["texts"] == [{"at": ["messages", 1, "content"], "text": "answer 2!"}]
    shown.press("u")
    expect(shown.page.locator(".dfs-told")).to_contain_text(f"{count - 1} reviewed")


def test_the_focus_stays_in_the_view_when_what_had_it_is_gone(show: Show) -> None:
    told = [message("user", f"question {n}", 0, reasoning=["because"]) for n in range(3)]
    shown = show(samples(*(card(n, [one], path=["root", f"branch {n}"]) for n, one in enumerate(told))))
    inside = "document.querySelector('.dfs').contains(document.activeElement)"
    shown.card.locator("summary").click()
    shown.page.keyboard.press("j")
    expect(shown.card.locator(".dfs-user")).to_have_text("question 1")
    assert shown.page.evaluate(inside)
    shown.card.get_by_role("button", name="branch 1").click()
    shown.page.get_by_role("button", name="Remove the filter topic: branch 1").press("Enter")
    expect(shown.page.locator(".dfs-count")).to_have_text("3 samples")
    shown.page.keyboard.press("a")
    expect(shown.page.locator(".dfs-told")).to_have_text("1 reviewed: 1 accepted")
    shown.page.locator("[data-does=edit]").click()
    shown.page.locator("[data-does=discard]").click()
    shown.page.keyboard.press("u")
    expect(shown.page.locator(".dfs-told")).to_have_text("Nothing reviewed yet")


def test_a_text_that_is_edited_is_never_lost(show: Show) -> None:
    shown = show(chats(3))
    bar = shown.page.locator(".dfs-bar")
    before = bar.bounding_box()
    shown.press("e")
    assert bar.bounding_box() == before
    shown.page.keyboard.type(" mine")
    theirs = card(0, [message("user", "theirs", 0), message("assistant", "theirs", 1)])
    shown.page.evaluate("card => model.hears({ type: 'cards', cards: { 0: card } })", theirs)
    shown.page.keyboard.type(" too")
    editor = shown.card.locator("textarea").last
    expect(editor).to_have_value("answer 0 mine too")
    expect(shown.card.locator(".dfs-edit-note")).to_contain_text("has changed since you began")
    shown.press("Escape", "j", "k", "e")
    expect(editor).to_have_value("answer 0 mine too")


def test_every_control_has_a_name_for_screen_readers(show: Show) -> None:
    shown = show(chats(5))
    shown.press("r")
    shown.page.get_by_role("button", name="Filter", exact=True).click()
    client = shown.page.context.new_cdp_session(shown.page)
    nodes = client.send("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "textbox", "searchbox", "combobox", "checkbox", "listbox", "option", "link", "dialog", "region"}
    controls = [one for one in nodes if not one["ignored"] and one["role"]["value"] in roles]
    assert {"listbox", "option", "button", "searchbox"} <= {one["role"]["value"] for one in controls}
    assert [one for one in controls if not one.get("name", {}).get("value")] == []


def test_a_kernel_that_is_gone_leaves_what_is_loaded_readable(show: Show) -> None:
    shown = show(chats(3))
    expect(shown.card.locator(".dfs-user")).to_have_text("question 0")
    shown.page.evaluate("model.dies()")
    expect(shown.page.locator(".dfs-note")).to_contain_text("“%deepfabric samples bicycles” opens the samples again")
    shown.press("a", "j")
    expect(shown.card.locator(".dfs-user")).to_have_text("question 1")
    assert shown.sent("decide") == []


@pytest.mark.slow
def test_twenty_thousand_samples_open_and_scroll_quickly(show: Show) -> None:
    shown = show(many(20_000))
    shown.page.wait_for_function("window.painted")
    took = shown.page.evaluate(
        """async () => {
            const list = document.querySelector(".dfs-list");
            const frame = () => new Promise(requestAnimationFrame);
            let slowest = 0;
            for (let step = 0; step < 60; step += 1) {
                const began = performance.now();
                list.scrollTop += 15000;
                await frame();
                await frame();
                slowest = Math.max(slowest, performance.now() - began);
            }
            return slowest;
        }"""
    )
    heap = shown.page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    painted = shown.page.evaluate("window.painted")
    told(f"painted in {painted:.0f} ms, slowest two frames {took:.0f} ms, {heap:.0f} MB")
    in_view = """() => {
        const { left, top, bottom } = document.querySelector(".dfs-list").getBoundingClientRect();
        const at = [top + 5, (top + bottom) / 2, bottom - 5];
        return at.map(y => document.elementFromPoint(left + 40, y).closest(".dfs-row") !== null);
    }"""
    assert shown.page.evaluate(in_view) == [True] * 3
    for display in ("none", ""):
        shown.page.evaluate("display => { document.getElementById('place').style.display = display }", display)
        shown.page.wait_for_timeout(100)
    assert shown.page.evaluate(in_view) == [True] * 3
    assert shown.page.locator(".dfs-row").count() < 60
    assert painted < 5_000
    assert heap < 150
