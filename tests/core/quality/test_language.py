"""The language of a text is told where it can be known, and only there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.config.language_names import names_of
from deepfabric_core.quality.language import code_of, is_language, language_of, name_of, writing_instruction
from tests.core.quality.labelled_good import OTHERS, SENTENCES

LONG = {language: answer for language, _, answer in OTHERS if len(answer) > 60}
# So near to each other that one isn't held for wrong where the other is wanted.
NEAR = {frozenset(pair.split()) for pair in ("es pt",)}


@pytest.mark.parametrize(("language", "text"), [("en", " ".join(SENTENCES[:3])), *LONG.items()])
def test_texts_are_told_by_their_language(language: str, text: str) -> None:
    assert is_language(text, language) is not False
    assert language_of(text) in {language, None}


@pytest.mark.parametrize(
    "language",
    ["de", "fr", "es", "it", "nl", "ru", "uk", "ja", "zh", "ko", "ar", "he", "el", "th", "hi", "vi", "fi", "tr"],
)
def test_the_languages_of_most_people_are_known(language: str) -> None:
    assert language_of(LONG[language]) == language


@pytest.mark.parametrize("language", LONG)
def test_no_text_is_held_for_another_language(language: str) -> None:
    for other in ("en", *LONG):
        if other != language and frozenset((language, other)) not in NEAR:
            assert is_language(LONG[language], other) is not True
    assert is_language(LONG[language], "en") is False


@pytest.mark.parametrize(
    "text",
    ["", "Yes.", "42", "x = y + z", "Canberra", "```python\nfor the_value in of_that:\n    print(the_value)\n```", "https://example.com/the/and/of",
     "the der die und and le la el", "🙂🙂🙂", "\ud800", "Köln Bonn Aachen Trier Mainz Worms Speyer Ulm Lindau Passau"],
)  # fmt: skip
def test_nothing_is_said_of_short_texts_code_names_and_mixtures(text: str) -> None:
    assert language_of(text) is None
    assert is_language(text, "en") is not False
    assert is_language(text, "ja") is not True


def test_quotations_do_not_count() -> None:
    french = LONG["fr"]
    english = f"She read the note and put it on the table before she left the house: « {french} »"
    assert language_of(english) == "en"
    assert is_language(english, "fr") is False


def test_a_language_without_words_of_its_own_here_is_only_told_by_its_letters() -> None:
    assert is_language(LONG["ru"], "sw") is False
    assert (
        is_language(
            "Ondoa gurudumu kisha toa mrija na utafute tundu kwa kujaza hewa kidogo kabla ya kubandika kiraka.", "sw"
        )
        is not False
    )


def test_chinese_and_japanese_are_told_apart() -> None:
    assert is_language(LONG["zh"], "ja") is False
    assert is_language(LONG["ja"], "zh") is False


@pytest.mark.parametrize(
    ("given", "code"),
    [("de", "de"), ("German", "de"), (" german ", "de"), ("Deutsch", "de"), ("DE", "de"), ("中文", "zh")],
)
def test_a_language_is_given_by_code_or_name(given: str, code: str) -> None:
    assert code_of(given) == code


def test_every_code_has_a_name_that_leads_back() -> None:
    assert name_of("de") == "German"
    assert writing_instruction("fr") == writing_instruction("French") == "Write in French."
    assert all(code_of(name_of(code)) == code for code in ("aa", "zu", "nb", "zh", "he", "el"))
    assert names_of("de") == ("german", "deutsch")


@pytest.mark.parametrize(
    ("given", "hint"),
    [("Germn", "did you mean German?"), ("xx", "a code like de"), ("", "a code like de"), ("q" * 999, "'q")],
)
def test_an_unknown_language_is_told_with_the_nearest(given: str, hint: str) -> None:
    with pytest.raises(ValueError, match="is no language") as told:
        code_of(given)
    assert hint in str(told.value) and len(str(told.value)) < 200


@given(st.text(), st.sampled_from(["en", "de", "ja", "sw", "ar"]))
def test_any_text_may_be_asked_of(text: str, code: str) -> None:
    assert is_language(text, code) in {True, False, None}
    assert language_of(text) is None or name_of(language_of(text) or "")
