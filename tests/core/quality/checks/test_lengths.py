"""Texts that are empty, too short or too long."""

import pytest

from deepfabric_core.errors import ConfigError
from deepfabric_core.quality.candidate import candidate_of
from deepfabric_core.quality.checks.check import Settings
from deepfabric_core.quality.checks.choose import choose
from deepfabric_core.quality.checks.examine import examine
from tests.core.quality.checks.looking import reason


@pytest.mark.parametrize("text", ["", " ", "...", "—", "\n", "\u200b", "\ud800"])
def test_texts_with_nothing_to_read_are_empty(text: str) -> None:
    assert reason("empty", text) == "the answer is empty"
    assert reason("empty", "Yes.", text) == "the question is empty"


@pytest.mark.parametrize("text", ["a", "7", "あ", "🙂"])
def test_one_character_may_be_an_answer(text: str) -> None:
    assert not reason("empty", text)


def test_a_record_is_empty_if_all_its_texts_are() -> None:
    checks = choose(["empty"], Settings())
    assert examine(candidate_of({"a": "", "b": "text"}), checks) is None
    assert examine(candidate_of({"a": "", "b": [" "]}), checks)
    assert examine(candidate_of({"a": 1}), checks) is None  # one without texts isn't a conversation


def test_words_are_counted_in_all_languages() -> None:
    limits = {"length": {"min_words": 4, "max_words": 8}}
    assert reason(limits, "too short, really") == "the answer is too short: 3 words, fewer than 4"
    assert (
        reason(limits, "one two three four five six seven eight nine") == "the answer is too long: 9 words, more than 8"
    )
    assert not reason(limits, "this is just right")
    assert not reason(limits, "油をさして拭きます。")
    assert reason(limits, "油をさします。" * 5)


def test_limits_have_to_be_numbers() -> None:
    for options in ({"min_words": -1}, {"min_words": "many"}, {"words": 3}):
        with pytest.raises(ConfigError, match=r"checks: length: .*words"):
            choose([{"length": options}], Settings())
