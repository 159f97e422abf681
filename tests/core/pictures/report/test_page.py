"""The page of a report: complete, self-contained, and safe whatever texts it shows."""

from __future__ import annotations

import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.pictures.report.charts import Bar, Mark, axis_end, bars, histogram, nice_step, stacked
from deepfabric_core.pictures.report.page import page
from deepfabric_core.pictures.report.texts import marked, prose
from deepfabric_core.quality.report.distribution import Distribution
from deepfabric_core.run.report.make_report import ReportRequest, make_report
from deepfabric_core.samples.reviews import sample_id
from tests.core.quality.report.test_rejections import line as rejected_line
from tests.core.run.report.test_make_report import record, records, written

ATTACKS = (
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</details></section></main><iframe src=//x>",
    "'-->]]><svg onload=alert(1)>",
    "&lt;b&gt; &amp; {name} {0} %s",
    "\u202etxt.exe\u2066",
    "\x00\x1b[2J\x07",
    "\ud800 half",
    "مرحبا بالعالم <b>",
    "猫" * 3000,
)
VOID = {"meta", "img", "br", "link"}


class Checked(HTMLParser):
    """Reads the page, and fails on tags that don't match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> at {self.getpos()}"


def judged(score: float, reason: str = "Well.") -> dict[str, Any]:
    return {"score": score, "scores": {"clarity": score}, "reasons": {"clarity": reason}, "model": "gpt-4o"}


def decision(number: int, sample: dict[str, Any], reason: str, action: str = "reject") -> dict[str, Any]:
    told = {"id": str(number), "sample": sample_id(sample), "action": action, "who": reason, "at": 0, "reason": reason}
    return {name: value for name, value in told.items() if value != ""} | {"who": "ann"}


def whole_report(place: Path, texts: tuple[str, ...] = ()) -> dict[str, Any]:
    """A report with every section, whose texts are those given."""
    some = [one | {"metadata": one["metadata"] | {"judge": judged(3 + at % 3)}} for at, one in enumerate(records(30))]
    refusal = "I'm sorry, but as an AI language model I can't help with that."
    odd = [
        record(text, f"{text} {refusal}", topic_path=["Tea", text, text], model=text, judge=judged(1, text))
        for text in texts
    ]
    reason = "It is good since it has been grown on hills for ages, and people who pick it know their work"
    doubled = [
        record(f"{text}: why is green tea so good?", f"{text} {reason} {end}.")
        for text in texts
        for end in ("well", "now")
    ]
    path = written(place / "tea.jsonl", *some, *odd, *doubled, some[0], "{broken")
    written(
        place / "tea_topics.jsonl",
        {"path": ["Tea", "Nobody", "Asked"]},
        *({"path": ["Tea", "x", text]} for text in texts if text.isprintable()),
    )
    rejections = [
        rejected_line() | {"reason": text, "evidence": text, "gate": text or "checks"} for text in ("", *texts)
    ]
    written(place / "tea.rejected.jsonl", *rejections)
    decisions = [
        decision(number, one, reason)
        for number, (one, reason) in enumerate(zip(some, ("dull", *texts, ""), strict=False))
    ]
    written(place / "tea.reviews.jsonl", *decisions, decision(99, some[29], "", "accept"))
    older = written(place / "old.jsonl", *some[:5], *odd)
    return make_report(ReportRequest(path, against=older))


def test_each_section_is_there_and_in_the_list_of_contents(tmp_path: Path) -> None:
    text = page(whole_report(tmp_path))
    ids = [
        "topics",
        "lengths",
        "variety",
        "duplicates",
        "languages",
        "judge",
        "rejected",
        "reviews",
        "making",
        "difference",
        "file",
    ]
    for name in ids:
        assert f'<section id="{name}">' in text and f'href="#{name}"' in text, name
    linked = set(re.findall(r'href="#([\w-]+)"', text))
    assert linked <= {*re.findall(r' id="([\w-]+)"', text)}


def test_the_page_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    text = page(whole_report(tmp_path, ATTACKS))
    assert "default-src 'none'" in text
    found = Checked(text).seen
    assert all((attributes.get("href") or "#").startswith("#") for _, attributes in found)
    assert not any("src" in attributes or "style" in attributes for _, attributes in found)
    style = text.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style and "@import" not in style
    assert "https://" not in text and "http://" not in text


def test_texts_of_any_kind_are_shown_and_stay_texts(tmp_path: Path) -> None:
    text = page(whole_report(tmp_path, ATTACKS))
    found = Checked(text)
    assert found.open == []
    tags = {tag for tag, _ in found.seen}
    assert not tags & {"script", "img", "iframe", "b\x00"}
    assert not any(name.startswith("on") for _, attributes in found.seen for name in attributes)
    assert text.count("<style>") == text.count("</style>") == 1
    assert "\x00" not in text and "\x1b" not in text and "\u202e" not in text
    text.encode()


def test_an_empty_dataset_and_a_single_sample_have_a_page(tmp_path: Path) -> None:
    for number in (0, 1, 2):
        text = page(make_report(ReportRequest(written(tmp_path / f"{number}.jsonl", *records(number)))))
        assert Checked(text).open == []
        assert "nan" not in text.lower().replace("governance", "") and "None" not in text


def test_a_page_of_very_long_samples_is_of_bounded_size(tmp_path: Path) -> None:
    one = record("Why is that so?", "word " * 1000, topic_path=["Tea", "Green"])
    many = [json.dumps(one)] * 60
    text = page(make_report(ReportRequest(written(tmp_path / "tea.jsonl", *many))))
    assert len(text) < 1_500_000


def test_long_texts_are_folded_and_short_ones_are_not() -> None:
    assert "<details" not in prose("Short.")
    folded = prose("Long, and " * 100)
    assert folded.startswith('<details class="fold">') and folded.count("Long, and") > 100
    assert 'dir="auto"' in prose("مرحبا")


def test_differing_words_are_marked_on_both_sides() -> None:
    left, right = marked("The <b>green</b> tea is hot.", "The <b>black</b> tea is hot.")
    assert "<mark>green</mark>" in left and "<mark>black</mark>" in right
    assert left.count("<mark>") == right.count("<mark>") == 1
    assert "&lt;b&gt;" in left


def test_equal_texts_and_very_long_ones_have_no_marks() -> None:
    assert "<mark>" not in "".join(marked("The same.", "The same."))
    assert "<mark>" not in "".join(marked("a b " * 20_000, "c d " * 20_000))


def test_texts_that_repeat_themselves_are_compared_in_no_time() -> None:
    began = time.process_time()
    left, right = marked("start " + "word " * 400, "begin " + "word " * 399 + "end")
    assert time.process_time() - began < 10
    assert "start" in left and "<mark>" in right


# ---- charts


def test_bars_have_an_axis_labels_and_tips() -> None:
    drawn = bars([Bar("Green <tea>", 30, "30 · 60 %", "Green: 30"), Bar("None", 0, "0")], unit="samples", title="Tea")
    assert "<title>Green: 30</title>" in drawn and "Green &lt;tea&gt;" in drawn
    assert re.findall(r"<text [^>]*>([^<]+)</text>", drawn) == ["0", "10", "20", "30"]
    assert 'width="100.00%"' in drawn and 'width="0.00%"' in drawn


def test_a_histogram_has_marks_and_a_tip_for_each_column() -> None:
    lengths = Distribution()
    for number in range(100):
        lengths.add(number)
    drawn = histogram(lengths.histogram(), [Mark(50, "median:")], title="Answer", unit="tokens", what="sample")
    assert "median: 50" in drawn
    assert drawn.count('class="column"') == drawn.count(" tokens: ") == len(lengths.histogram())
    assert Checked(drawn).open == []


@pytest.mark.parametrize("values", [[], [0], [1], [3], [10], [11, 2], [99_999], [10**9]])
def test_an_axis_ends_at_a_round_number_that_is_not_far_off(values: list[int]) -> None:
    end = axis_end(values)
    assert end >= max(values, default=0) and end <= max(4, 2 * max(values, default=1))
    assert end == int(end)


def test_steps_are_round_numbers() -> None:
    assert [nice_step(least) for least in (0, 0.3, 1, 1.1, 7, 23, 260)] == [1, 0.5, 1, 2, 10, 25, 500]


def test_a_stacked_bar_of_nothing_is_drawn() -> None:
    assert Checked(stacked([("s1", 0, "none")], 0)).open == []
