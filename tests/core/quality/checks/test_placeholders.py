"""Gaps that nobody asked for are found, in prose alone."""

import pytest

from tests.core.quality.checks.looking import block, reason
from tests.core.quality.labelled_bad import PLACEHOLDERS


@pytest.mark.parametrize("answer", PLACEHOLDERS)
def test_gaps_are_found_unless_the_question_asks_for_a_template(answer: str) -> None:
    assert reason("placeholder", answer)
    assert not reason("placeholder", answer, "Make me a template for a letter.")


@pytest.mark.parametrize(
    "answer",
    [
        "Run git clone <your-repository-url> first.",
        "Write `{{ name }}` there.",
        block("jinja", "Hello {{ name }}, {{ answer }}"),
        "See the [full answer](https://example.com/a) and [add your own](https://example.com/b).",
        "Put it on the to-do list, or on a TODO list as programmers say.",
        "<details>More</details>",
        "The array [1, 2] and the set {a, b}.",
    ],
)
def test_what_only_looks_like_a_gap_is_none(answer: str) -> None:
    assert not reason("placeholder", answer)
