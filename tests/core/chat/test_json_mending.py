"""Tests of mending JSON: small mistakes are put right, words are never lost or made up."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.chat.json_mending import mended, object_text

GOOD = {"question": "Why, then?", "answer": "So that it holds."}


@pytest.mark.parametrize(
    "written",
    [
        '{"question": "Why, then?", "answer": "So that it holds.",}',
        '{"question": "Why, then?", "answer": "So that it holds."} // done',
        "{'question': 'Why, then?', 'answer': 'So that it holds.'}",
        '{question: "Why, then?", answer: "So that it holds."}',
        '{"question": "Why, then?" "answer": "So that it holds."}',
        'Sure!\n```json\n{"question": "Why, then?", "answer": "So that it holds.",}\n```\nAnything else?',
    ],
)
def test_small_mistakes_are_put_right(written: str) -> None:
    assert mended(written) == GOOD


def test_raw_line_breaks_and_tabs_stay_in_their_texts() -> None:
    assert mended('{"answer": "First\n\tthen\nlast"}') == {"answer": "First\n\tthen\nlast"}


def test_quotes_inside_a_text_stay_in_it() -> None:
    assert mended('{"answer": "Say "hello" to it"}') == {"answer": 'Say "hello" to it'}


@pytest.mark.parametrize(
    "written",
    [
        "",
        "no JSON at all",
        '{"question": "Why',  # broken off: the end is unknown
        '{"question": "Why?", "answer": "So that',
        '{"a": "one"} {"a": "another one that would be lost"}',
        '["a list"]',
        '{"a":' * 20_000 + "}" * 20_000,
        "{" + "x" * 300_000 + "}",
    ],
)
def test_what_would_lose_words_or_make_some_up_is_left_alone(written: str) -> None:
    assert mended(written) is None


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1)


@given(st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(), st.booleans(), st.none(), st.lists(TEXTS)), min_size=1))
def test_good_json_is_never_changed(value: dict[str, Any]) -> None:
    assert mended(json.dumps(value)) == value
    assert json.loads(object_text(f"Here: {json.dumps(value)}")) == value or "{" in "".join(value)


@given(st.text())
def test_nothing_ever_raises(text: str) -> None:
    for written in (text, f"{{{text}}}", f'{{"a": "{text}"}}'):
        result = mended(written)
        assert result is None or isinstance(result, dict)
