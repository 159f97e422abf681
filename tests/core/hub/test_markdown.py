"""Texts of models stay texts in Markdown, whatever they hold."""

from __future__ import annotations

import re
from html import unescape

import mistune
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepfabric_core.hub.markdown import block, plain, section, table
from deepfabric_core.printable import printable, printable_text

_render = mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "url", "footnotes", "task_lists"])
_markup = st.text(
    st.sampled_from("ab1.)- \n\t#>*_`~[](){}<>!|\\&;:/\"'=+$^@") | st.characters(codec="utf-8"), max_size=40
)


def _text_of(html: str) -> str:
    return re.sub(
        r"\s+", " ", unescape(re.sub(r"</?(?:p|td|tr|th|tbody|table|thead|pre|code)[^>]*>", "", html))
    ).strip()


@settings(max_examples=200)
@given(_markup)
def test_any_text_is_shown_as_it_is(text: str) -> None:
    shown = re.sub(r"\s+", " ", printable(text)).strip()
    html = str(_render(f"It says: {plain(text, None)}"))
    assert re.findall(r"<(\w+)", html) == ["p"]
    assert _text_of(html) == f"It says: {shown}".strip()


@pytest.mark.parametrize(
    "text",
    [
        "# Title",
        "- item",
        "1. item",
        "> quote",
        "---",
        "<script>alert(1)</script>",
        "![x](http://x/y.png)",
        "| a | b |",
        "```",
    ],
)
def test_a_line_of_its_own_is_no_markup_either(text: str) -> None:
    assert re.findall(r"<(\w+)", str(_render(plain(text)))) == ["p"]


@settings(max_examples=200)
@given(_markup | st.text("`~ \na", max_size=20))
def test_nothing_ends_a_block_early(text: str) -> None:
    html = str(_render(block(text, 10**6)))
    assert re.findall(r"<(\w+)", html) == ["pre", "code"]
    assert unescape(re.sub(r"</?(?:pre|code)[^>]*>", "", html)).strip() == printable_text(text).strip()


def test_a_cell_stays_one_cell() -> None:
    html = str(_render(table(("a", "b"), [(plain("x | y"), "1")], numbers=1)))
    assert html.count("<td") == 2 and "x | y" in html


def test_a_section_without_content_is_left_out() -> None:
    assert section("Title", "", "") == ""
