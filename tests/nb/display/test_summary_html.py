"""The summary that stays in the notebook: complete, harmless, and readable without styles or scripts."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from deepfabric_core.amounts import Amounts
from deepfabric_core.errors import FailureKind as Kind
from deepfabric_core.events import CallFailed, FileWritten, Notice
from deepfabric_nb.display.summary_html import summary_html, summary_text
from tests.nb.display.test_run_view import HOSTILE, made, missed, over, run_of, spent_of, view_of

PLAIN_TAGS = {"div", "p", "b", "code", "table", "tbody", "tr", "td", "a", "ul", "li", "details", "summary", "hr", "br"}
PLAIN_ATTRIBUTES = {"style", "dir", "href", "target", "class"}


class Page(HTMLParser):
    """The tags, attributes and texts of a piece of HTML; a tag that isn't closed is an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in {"hr", "br"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_summary_tells_everything_there_is_to_know() -> None:
    events = [*run_of(4, made_of_them=2), missed(), missed(), Notice("by the way"), FileWritten("dataset", "out.jsonl")]
    page = Page(summary_html(view_of(*events, *over("incomplete", "2 samples failed"), phase="over")))
    for text in (
        "2 of 4 samples failed: timeout",
        "first",
        "2 of 4 (50 %), 2 failed, 24.0/min, in 5 s",
        "1,200 in, 34 out",
        "$0.50",
        "16 s",
        "by the way",
        "Failures: 2 timeout",
        "root > leaf",
        ": slow",
        "The latest 2 samples",
        "text 1",
        "out.jsonl",
    ):
        assert text in page.texts


def test_the_summary_tells_of_the_budget_and_why_it_ended() -> None:
    reason = "$1.00 of $1.00 are spent; go on with: deepfabric generate <tea>.yaml --resume --max-cost 9"
    used = "$1.00 of $1.00 (100 %); shared with other runs: a & b"
    view = view_of(*spent_of(Amounts(cost=1.0), name="a & b"), *over("budget", reason), phase="over")
    page = Page(summary_html(view))
    for text in ("Budget reached: 10 of 40 samples", reason, used):
        assert text in page.texts
    assert "<tea>" not in summary_html(view)
    head, said, *rows = summary_text(view).splitlines()
    assert (head, said) == ("Budget reached: 10 of 40 samples", reason)
    assert any(row.split() == ["Budget", *used.split()] for row in rows)


def test_the_dataset_is_a_link() -> None:
    html = summary_html(view_of(FileWritten("dataset", "my data/out.jsonl"), phase="over"))
    assert '<a href="my%20data/out.jsonl" target="_blank"><code>my data/out.jsonl</code></a>' in html


def test_what_there_is_nothing_of_has_no_place() -> None:
    page = Page(summary_html(view_of(phase="over", name="")))
    assert page.tags == {"div", "p", "b", "table", "tbody"}


@pytest.mark.parametrize("samples", [1, 10])
def test_hostile_texts_are_text(samples: int) -> None:
    events = [
        *run_of(samples, text=HOSTILE),
        missed(message=HOSTILE),
        Notice(HOSTILE),
        FileWritten("dataset", HOSTILE[:90]),
    ]
    view = view_of(*events, *over("incomplete", HOSTILE), phase="over", name=HOSTILE)
    html = summary_html(view)
    page = Page(html)
    assert page.tags <= PLAIN_TAGS
    assert page.attributes <= PLAIN_ATTRIBUTES
    assert "<img" not in html
    assert "\x1b" not in html + summary_text(view)
    assert html.encode()


def test_lines_and_indents_survive_without_styles() -> None:
    html = summary_html(view_of(made(text="def f():\n    return  <1>"), phase="over"))
    assert "def f():<br>&nbsp;&nbsp;&nbsp; return&nbsp; &lt;1&gt;" in html


def test_texts_of_models_find_their_own_direction() -> None:
    html = summary_html(view_of(made(text="مرحبا"), phase="over"))
    assert '<p dir="auto" style="overflow-wrap:anywhere;margin:0 0 .6em">مرحبا</p>' in html


def test_the_plain_summary_is_a_headline_and_two_columns() -> None:
    events = [
        *run_of(3, made_of_them=2),
        missed(),
        CallFailed(Kind.TIMEOUT, "", None),
        FileWritten("dataset", "out.jsonl"),
    ]
    assert summary_text(view_of(*events, *over("incomplete", "1 sample failed"), phase="over")).splitlines() == [
        "1 of 3 samples failed: timeout",
        "  Topics           2 of 3 (66 %), 1 missing, 24.0/min, in 5 s",
        "  Samples          2 of 3 (66 %), 1 failed, 24.0/min, in 5 s",
        "  Failures         1 timeout",
        "  Retried calls    1 rate limited",
        "  Calls given up   1 timeout",
        "  Tokens           1,200 in, 34 out",
        "  Cost             $0.50",
        "  Cost per sample  $0.25",
        "  Structure        tree of 3 topics, 2 leaves",
        "  Models           topics: a/topics, samples: b/samples",
        "  Time             16 s",
        "  Topics file      out_topics.jsonl",
        "  Dataset          out.jsonl",
    ]
