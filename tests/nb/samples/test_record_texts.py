"""What a sample is called in the list: its question, without the marks of Markdown."""

from __future__ import annotations

import pytest

from deepfabric_nb.samples.record_texts import title_of
from tests.nb.samples.page import said


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("## What does **`len(x)`** do in [Python](https://python.org)?", "What does len(x) do in Python?"),
        ("> *Why* is ***this*** so, _as you say_?", "Why is this so, as you say?"),
        ("- one\n- two", "one\ntwo"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("![a cat](https://x.y/z.png) ~~what~~?", "a cat what?"),
        ("**Not closed", "**Not closed"),
        ("# ", "# "),
    ],
)
def test_marks_of_markdown_are_left_out_of_a_title(question: str, title: str) -> None:
    assert title_of(said(question), []) == title


@pytest.mark.parametrize("question", ["2*3*4 - 1", "__init__ and snake_case_x", "C# or F#?", "a < b > c", "f(x)[1]"])
def test_what_only_looks_like_a_mark_stays_in_a_title(question: str) -> None:
    assert title_of(said(question), []) == question
