"""A refusal is told from a text about refusals, and from a person who is sorry."""

import pytest

from tests.core.quality.checks.looking import reason
from tests.core.quality.labelled_bad import REFUSALS


@pytest.mark.parametrize(("language", "answer"), REFUSALS)
def test_refusals_are_found_in_many_languages(language: str, answer: str) -> None:
    assert reason("refusal", answer)


@pytest.mark.parametrize("answer", [answer for language, answer in REFUSALS if language == "en"])
def test_a_refusal_that_is_quoted_is_none(answer: str) -> None:
    assert not reason("refusal", f"Chatbots often say “{answer}” when a filter has found something.")


@pytest.mark.parametrize(
    "answer",
    [
        "I can't see your bike from here, but it is mostly the bearing.",
        "I'm sorry, but we can't refund that order after thirty days.",
        "I can't help but admire this gear.",
        "As an AI engineer, you clean data.",
        "You can't answer that question without a gauge, so buy one first.",
        "This can't help with that noise: the noise comes from the hub.",
        "Désolé, je ne peux pas vous rembourser après trente jours.",
        "Es tut mir leid, dass die Kette gerissen ist.",
        "抱歉，这款车已经售完。",
    ],
)
def test_whoever_is_sorry_or_cannot_do_something_does_not_refuse(answer: str) -> None:
    assert not reason("refusal", answer)


def test_whoever_asks_about_models_may_hear_of_one() -> None:
    answer = "As an AI language model, I don't have feelings."
    assert reason("refusal", answer) and not reason("refusal", answer, "Does an AI have feelings?")


def test_a_refusal_after_the_first_sentences_is_found_by_what_the_model_says_of_itself() -> None:
    assert reason("refusal", "Oil it. " * 40 + "As an AI, I can't oil it for you.")


def test_curly_apostrophes_and_capitals_change_nothing() -> None:
    assert reason("refusal", "I’M SORRY, BUT I CAN’T ASSIST WITH THAT.")
