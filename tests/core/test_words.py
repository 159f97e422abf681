"""Texts are cut into the words that they are compared by, in any script."""

from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.words import shingles, words_in, words_or_signs


def test_case_punctuation_and_markup_make_no_difference() -> None:
    assert words_in("- **Keep** it, `DRY`!") == words_in("keep... IT dry") == ["keep", "it", "dry"]


def test_languages_that_differ_by_a_sign_are_different_words() -> None:
    assert words_in("C C++ C#") == ["c", "c++", "c#"]


def test_scripts_without_spaces_are_cut_into_characters() -> None:
    assert words_in("日本語です") == ["日", "本", "語", "で", "す"]
    assert words_in("西红柿x2好") == ["西", "红", "柿", "x2", "好"]
    assert len(words_in("วิธีดูแล")) == 8


def test_vowel_marks_stay_with_their_letters() -> None:
    assert words_in("हिन्दी में") == ["हिन्दी", "में"]
    assert words_in("cafe\u0301 CAFÉ \uff43afé") == ["café"] * 3


def test_a_text_without_words_is_compared_by_its_signs() -> None:
    assert words_or_signs("👍 →\n\ud800") == ["👍", "→"]
    assert words_or_signs(" \n") == words_or_signs("\ud800\udfff") == []


def test_a_short_text_is_one_run_of_words() -> None:
    assert shingles(["a", "b", "c", "d"], 3) == ["a b c", "b c d"]
    assert shingles(["a", "b"], 3) == ["a b"]


@given(st.text(st.characters(codec=None), max_size=60))
def test_any_text_at_all_has_words_that_can_be_encoded(text: str) -> None:
    assert all(word.encode() for word in words_or_signs(text))
    assert words_in(text) == words_in(text + " ")
