"""What stays in a saved notebook: the first samples, readable without styles and scripts, and harmless."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepfabric_nb.samples.static_page import samples_html, samples_text
from tests.core.run.test_results import job, run
from tests.nb.display import test_summary_html
from tests.nb.samples.page import HOSTILE, Page, judged, said, written
from tests.nb.samples.test_card import AGENT, agent, call

TAGS = {
    "div",
    "p",
    "b",
    "code",
    "table",
    "tbody",
    "tr",
    "td",
    "ul",
    "ol",
    "li",
    "details",
    "summary",
    "hr",
    "br",
    "pre",
}


def html(page: Page) -> test_summary_html.Page:
    found = test_summary_html.Page(samples_html(page.channel))
    assert found.tags <= TAGS and found.attributes <= {"style", "dir", "class"}
    return found


def text(page: Page) -> str:
    return "\n".join(html(page).texts)


def test_a_conversation_reads_as_one_with_its_calls_and_thoughts(tmp_path: Path) -> None:
    work = job(tmp_path, generation=AGENT)
    run(work)
    page = Page(work.dataset)
    shown, card = text(page), page.card(0)
    for part in ("9 samples of data.jsonl", "User:", "Assistant:", "Reasoning", "list_files", "hello", " > "):
        assert part in shown
    assert all(message["text"] in shown for message in card["messages"])
    assert shown.count("System prompt") == 9 and "%deepfabric samples data.jsonl" in shown


def test_hostile_texts_are_shown_and_do_nothing(tmp_path: Path) -> None:
    call_ = call("a", HOSTILE, HOSTILE)
    hostile = agent(
        {"role": HOSTILE, "content": HOSTILE, "tool_calls": [call_], "reasoning_content": HOSTILE},
        {"role": "tool", "tool_call_id": "a", "content": HOSTILE},
        **{HOSTILE: HOSTILE},
    )
    hostile["metadata"] = {"topic_path": [HOSTILE], "model": HOSTILE}
    path = written(tmp_path / "<b>x.jsonl", hostile, {HOSTILE: {HOSTILE: [HOSTILE]}})
    page = Page(path)
    page.decide(0, "reject", reason=HOSTILE, comment=HOSTILE)
    shown = samples_html(page.channel)
    assert "<img" not in shown and "<script" not in shown and "\x1b" not in shown and "\u202e" not in shown
    assert "\\x1b[31m" in text(page) and shown.encode()


def test_code_between_fences_is_kept_as_it_is() -> None:
    shown = samples_html(Page([said(answer="So:\n```python\nif <x>:\n    y\n```\nand ``` no more")]).channel)
    assert "So:<br><pre>if &lt;x&gt;:\n    y\n</pre>and ``` no more" in shown


def test_own_schemas_are_a_table_and_line_breaks_stay() -> None:
    page = html(Page([{"title": "Tea\n  and more", "steps": ["Boil"]}]))
    assert "table" in page.tags and "br" in page.tags
    assert page.texts.count("title") == 1 and "\xa0 and more" in page.texts


def test_the_page_is_bounded_and_says_how_many_there_are_more() -> None:
    many = Page([said(f"Question {n}?") for n in range(1234)])
    assert "Question 9?" in text(many) and "Question 10?" not in text(many) and "1,224 more samples" in text(many)
    huge = Page([said(f"Question {n}?", "x" * 11_000 + "<" * 50_000) for n in range(9)])
    shown = samples_html(huge.channel)
    assert len(shown) < 200_000 and "more character" in shown and "Question 0?" in shown


def test_verdicts_scores_and_reasons_are_told(tmp_path: Path) -> None:
    page = Page(written(tmp_path / "x.jsonl", *(judged(n, passed=n > 0) for n in range(3))))
    page.decide(0, "reject", reason="It rambles on.")
    page.decide(1, "accept")
    assert samples_text(page.channel) == "3 samples of x.jsonl; reviewed: 1 accepted, 1 rejected"
    for part in ("✗ rejected", "✓ accepted", "It rambles on.", "score 4.5", "is clear: "):
        assert part in text(page)


def test_what_isnt_in_the_dataset_is_counted_beside_its_samples(tmp_path: Path) -> None:
    path = written(tmp_path / "tea.jsonl", *(said(f"Question {n}?") for n in range(12)))
    item = {"topic_id": "a", "topic_path": ["Tea"]}
    written(
        tmp_path / "tea.failures.jsonl", *({**item, "cycle": n, "kind": "timeout", "error": "Slow."} for n in (1, 2))
    )
    written(tmp_path / "tea.rejected.jsonl", {**item, "cycle": 3, "gate": "checks", "check": "c", "sample": said("S?")})
    path.write_text(path.read_text() + "[1]\n")
    page = Page(path)
    assert samples_text(page.channel) == "12 samples of tea.jsonl, 1 rejected, 2 failed, 1 unreadable line"
    assert "Not shown here: 2 more samples, 1 rejected, 2 failed, 1 unreadable line. " in text(page)


@pytest.mark.parametrize("records", [[], [{}], [{"messages": []}]])
def test_nothing_to_read_is_no_error(records: list[dict[str, object]]) -> None:
    assert text(Page(records)).startswith(f"{len(records)} sample")
