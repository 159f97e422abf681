"""Pictures of topics: whatever the names and however many, they are valid, harmless, legible and small enough."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.pictures.excerpt import excerpt
from deepfabric_core.pictures.html_page import PageView, as_data, page
from deepfabric_core.pictures.labels import clean, two_lines, width
from deepfabric_core.pictures.layout import Box, lay_out
from deepfabric_core.pictures.mermaid import mermaid
from deepfabric_core.pictures.svg import svg
from deepfabric_core.text.outline import outline
from deepfabric_core.topics.edit import weigh
from deepfabric_core.topics.formats import parse_topics
from deepfabric_core.topics.model import Topics

SVG = "{http://www.w3.org/2000/svg}"
KIB = 1024
NASTY = [
    "</text></svg><script>alert(1)</script>",
    "]]>&amp;<!-- '\"",
    "\x00\x1b[31mred\x08\x7f\x9b",
    "\ud800 lone \udfff",
    "\ufffe\uffff\u202eevil\u2066",
    "x" * 2000,
    "word " * 400,
    "סדנת אופניים " * 9,
    "👩🏽‍🔧🇩🇪" * 300,
    "Z" + "\u0301" * 500,
    "中文主题" * 100,
    "line\nbreak\u2028\tand tab",
    "\x07",
]
NAMES = st.one_of(st.text(min_size=1, max_size=60).filter(lambda name: bool(name.strip())), st.sampled_from(NASTY))


def tree(*paths: list[str]) -> Topics:
    return parse_topics("\n".join(json.dumps({"path": path}) for path in paths), source="t")[0]


def graph(links: list[list[int]], names: list[str] | None = None) -> Topics:
    """A graph whose node n has the children links[n]."""
    nodes = {str(n): {"topic": names[n] if names else f"T{n}", "children": below} for n, below in enumerate(links)}
    return parse_topics(json.dumps({"nodes": nodes, "root_id": 0}), source="g")[0]


def ten_thousand() -> Topics:
    return tree(*(["Root", f"A{n // 1000}", f"B{n // 100}", f"C{n // 10}", f"Topic number {n}"] for n in range(9000)))


def star(children: int, name: str = "") -> Topics:
    return tree(*(["Root", f"{n} {name}"] for n in range(children)))


def everything_to_everything(count: int, name: str = "T") -> Topics:
    return graph([list(range(n + 1, count)) for n in range(count)], [f"{n} {name}" for n in range(count)])


def parsed(topics: Topics) -> ET.Element:
    return ET.fromstring(svg(topics).encode())  # noqa: S314 - it is ours


def words_of(topics: Topics) -> list[str]:
    return ["".join(found.itertext()) for found in parsed(topics).iter(f"{SVG}text")]


def titles_of(topics: Topics) -> list[str]:
    return ["".join(found.itertext()) for found in parsed(topics).iter(f"{SVG}title")]


# ---- SVG


@given(st.lists(st.lists(NAMES, min_size=1, max_size=4), min_size=1, max_size=6))
def test_any_names_make_a_valid_svg_without_anything_active(paths: list[list[str]]) -> None:
    root = parsed(tree(*(["Root", *path] for path in paths)))
    assert {found.tag.removeprefix(SVG) for found in root.iter()} <= {"svg", "title", "g", "path", "rect", "text"}
    assert not [name for found in root.iter() for name in found.attrib if name.startswith("on") or "href" in name]


def test_nothing_outside_is_referred_to() -> None:
    outside = re.findall(r"(?:https?:|//|url\(|@import|data:)[^\s<>]*", svg(tree(["Root", "Plain"])))
    assert outside == ['http://www.w3.org/2000/svg"']


def test_every_topic_of_a_small_tree_is_shown_with_its_full_name() -> None:
    long = "Hydraulic brake bleeding procedures for mountain bikes and for everything else that has a hydraulic brake"
    topics = tree(["Bicycles", long], ["Bicycles", "Wheels"])
    assert titles_of(topics) == ["Bicycles: tree of 3 topics", "Bicycles", long, "Wheels"]
    first, second = words_of(topics)[1:3]
    assert long.startswith(first) and second.endswith("…")


def test_forty_topics_fit_on_a_page_of_paper_with_letters_of_seven_points() -> None:
    name = "A topic whose name takes two lines of its card"
    paths = [["Root", *(f"{level} {name}" for level in path)] for path in _three_each()]
    root = parsed(tree(*paths))
    scale = min(1, 680 / float(root.attrib["width"]), 1009 / float(root.attrib["height"]))
    assert len(words_of(tree(*paths))) == 1 + 39 * 2
    assert 13 * scale * 0.75 >= 7


def _three_each() -> list[tuple[int, int, int]]:
    return [(a, b, c) for a in range(3) for b in range(3) for c in range(3)]


@pytest.mark.parametrize(
    "topics",
    [
        ten_thousand(),
        star(5000, "<&>" * 700),
        star(149, "&" * 2000),
        everything_to_everything(140, "<" * 500),
        tree([f"Level {n} {'&' * 2000}" for n in range(300)]),
        tree(*(["Root", *NASTY[:10], name] for name in NASTY)),
    ],
    ids=["many", "wide", "full", "dense", "deep", "nasty"],
)
def test_a_picture_stays_small_however_many_topics_there_are(topics: Topics) -> None:
    assert len(svg(topics).encode()) < 200 * KIB
    # More than this is refused by Mermaid.
    assert len(mermaid(topics)) < 50_000
    assert len(re.findall(r"-->|-\.-", mermaid(topics))) < 500
    parsed(topics)


def test_a_picture_says_what_it_leaves_out() -> None:
    assert "100 of 10,000 topics shown" in words_of(ten_thousand())
    assert words_of(ten_thousand()).count("+110") == 90
    assert "+4,852 more" in words_of(star(5000))
    assert "200 of 9,453 dashed links shown" in words_of(everything_to_everything(139))


def test_one_topic_more_than_there_is_room_for_is_shown_all_the_same() -> None:
    assert len(words_of(star(149))) == 150
    assert words_of(star(150))[-2:] == ["+2 more", "149 of 151 topics shown"]


def test_a_large_family_doesnt_take_the_room_of_the_small_ones() -> None:
    topics = tree(*(["Root", "Large", str(n)] for n in range(1000)), *(["Root", "Small", f"s{n}"] for n in range(5)))
    assert {"s0", "s1", "s2", "s3", "s4"} <= set(words_of(topics))


def test_links_to_further_parents_are_dashed_and_end_in_a_dot() -> None:
    root = parsed(graph([[1, 2], [3], [3], []]))
    dashed = [found for found in root.iter(f"{SVG}g") if "stroke-dasharray" in found.attrib]
    assert [len(found) for found in dashed] == [1]
    assert len(list(root.iter(f"{SVG}circle"))) == 1
    assert "T3 (1 further parent)" in titles_of(graph([[1, 2], [3], [3], []]))


def test_right_to_left_names_run_from_right_to_left() -> None:
    texts = list(parsed(tree(["Root", "תיקון אופניים 101"], ["Root", "101 Wheels"])).iter(f"{SVG}text"))
    assert [found.get("direction") for found in texts] == [None, "rtl", None]


@pytest.mark.parametrize(
    "topics",
    [
        ten_thousand(),
        everything_to_everything(30),
        tree(["R", "long name " * 6, "x"], ["R", "y", "z"], ["R", "y", "w"]),
    ],
    ids=["many", "dense", "uneven"],
)
def test_no_card_lies_on_another_or_outside_the_picture(topics: Topics) -> None:
    layout = lay_out(excerpt(topics))
    boxes = sorted(layout.boxes, key=lambda box: (box.x, box.y))
    assert all(apart(one, other) for one, other in pairwise(boxes))
    assert all(box.x > 0 and box.right < layout.width for box in boxes)
    assert all(box.y > 0 and box.y + box.height < layout.height for box in boxes)


def apart(one: Box, other: Box) -> bool:
    return one.right < other.x or one.y + one.height < other.y


@given(NAMES, st.floats(3, 30))
def test_lines_have_no_more_than_their_room(name: str, room: float) -> None:
    lines = two_lines(clean(name, 120), room)
    assert 1 <= len(lines) <= 2
    assert all(width(line) <= room + 1e-6 for line in lines)


def test_a_line_never_tears_an_emoji_or_a_letter_from_its_marks() -> None:
    assert two_lines("👩🏽‍🔧" * 9, 3) == ("👩🏽‍🔧" * 2, "👩🏽‍🔧…")
    assert two_lines("🇩🇪" * 9, 3) == ("🇩🇪" * 2, "🇩🇪…")
    assert two_lines("e\u0301" * 9, 2) == ("e\u0301" * 3, "e\u0301…")


# ---- the same again


@pytest.mark.parametrize("draw", [svg, mermaid, outline, lambda topics: page(topics, PageView(""))])
def test_the_same_topics_give_the_same_bytes(draw: Any) -> None:
    assert draw(everything_to_everything(20)) == draw(everything_to_everything(20))


# ---- Mermaid


def test_a_flowchart_names_each_topic_and_each_link() -> None:
    assert mermaid(graph([[1, 2], [3], [3], []])).splitlines() == [
        "flowchart LR",
        *('    n0["T0"]', '    n1["T1"]', '    n2["T3"]', '    n3["T2"]'),
        *("    n0 --> n1", "    n0 --> n3", "    n1 --> n2", "    n3 -.-> n2"),
    ]


def test_a_flowchart_says_what_it_leaves_out() -> None:
    assert '["#43;4,852 more"]' in mermaid(star(5000))
    assert '["B0 (#43;110)"]' in mermaid(ten_thousand())
    assert "%% 200 of 9,453 links to further parents" in mermaid(everything_to_everything(139))


@given(NAMES)
def test_no_name_breaks_out_of_its_label(name: str) -> None:
    label = mermaid(tree([name])).splitlines()[1].strip().removeprefix('n0["').removesuffix('"]')
    assert not re.search(r"[!-+\--/:-@\[-`{-~]", re.sub(r"#\d+;|,", "", label))
    mermaid(tree([name])).encode()


# ---- the page

SHOWS = PageView("window.deepfabricGraph = {show() {}}", ".dfn { color: red }")


class Reader(HTMLParser):
    """Collects the elements of a page, and the texts of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and self.scripts:
            self.scripts[-1] += data


def test_a_page_loads_nothing_and_may_load_nothing() -> None:
    read = Reader(page(tree(["Root", *NASTY]), SHOWS))
    assert not [attrs for _, attrs in read.elements if {"src", "href", "srcset", "action"} & attrs.keys()]
    assert "link" not in dict(read.elements)
    policy = next(attrs["content"] for tag, attrs in read.elements if tag == "meta" and "http-equiv" in attrs)
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'unsafe-inline';") and "http" not in policy


def test_a_page_holds_the_picture_for_where_no_script_runs() -> None:
    topics = tree(["Root", "Wheels"])
    assert svg(topics) in page(topics, SHOWS)


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_no_name_breaks_out_of_the_page(names: list[str]) -> None:
    topics = tree(*(["Root", name] for name in names))
    text = page(topics, SHOWS)
    data, script, start = Reader(text).scripts
    assert json.loads(data) == json.loads(json.dumps(as_data(topics)))
    assert script.strip() == SHOWS.script and "deepfabricGraph.show" in start
    text.encode()


def test_a_script_that_speaks_of_scripts_doesnt_end_there() -> None:
    view = PageView('const end = "</SCRIPT>", begin = "<!-- <script>";', 'a::before { content: "</style>" }')
    text = page(tree(["Root"]), view)
    assert Reader(text).scripts[1].strip() == 'const end = "\\x3c/SCRIPT>", begin = "\\x3c!-- <script>";'
    assert 'content: "\\3c /style>"' in text


def test_the_view_gets_parents_before_children_and_links_to_further_parents() -> None:
    data = as_data(graph([[1, 2], [3], [3], []]))
    assert data["names"] == ["T0", "T1", "T3", "T2"]
    assert data["parent"] == [-1, 0, 1, 0]
    assert data["others"] == [(2, 3)]


def test_the_page_brings_the_view_along() -> None:
    text = page(tree(["Root", "Wheels"]))
    assert "deepfabricGraph" in Reader(text).scripts[1]
    assert ".dfn" in text


def test_the_picture_has_the_colours_of_the_view() -> None:
    style = (files("deepfabric_core.pictures") / "graph_page.css").read_text(encoding="utf-8")
    hues = re.findall(r"--dfg-hue-\d: ?light-dark\((#\w{6}),", style)
    assert len(hues) == 8
    drawn = svg(tree(*(["Root", str(number)] for number in range(8))))
    assert all(f'fill="{hue}"' in drawn for hue in hues)


# ---- the outline


def test_an_outline_shows_each_topic_below_its_parent() -> None:
    topics = tree(["Root", "Wheels", "Rims"], ["Root", "\x1b[31mBrakes"])
    assert outline(topics).splitlines() == [
        "tree of 4 topics, 2 of them leaves",
        *("Root", "  Wheels", "    Rims", "  \\x1b[31mBrakes"),
    ]


def test_an_outline_has_the_weights_that_were_set_by_hand() -> None:
    topics = tree(["Root", "Wheels"], ["Root", "Brakes"])
    assert outline(weigh(topics, [topics.leaves[0][0].id], 2)).splitlines()[2:] == ["  Wheels (weight 2)", "  Brakes"]


def test_an_outline_ends_at_its_limit() -> None:
    assert outline(star(9), limit=3).splitlines()[-2:] == ["  1 ", "... and 7 more topics"]
