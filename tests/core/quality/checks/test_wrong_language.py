"""Samples are in the language of the dataset, but for what is meant to be in another."""

import pytest

from deepfabric_core.errors import ConfigError
from deepfabric_core.quality.candidate import candidate_of
from deepfabric_core.quality.checks.check import Settings
from deepfabric_core.quality.checks.choose import choose
from deepfabric_core.quality.checks.examine import examine
from tests.core.quality.checks.looking import block, reason
from tests.core.quality.labelled_bad import LANGUAGES

GERMAN = "Nimm zuerst das Rad heraus und ziehe den Mantel auf einer Seite ab. Dann suchst du das Loch und klebst es zu."


@pytest.mark.parametrize(("language", "answer"), LANGUAGES)
def test_another_language_is_found(language: str, answer: str) -> None:
    assert reason("language", answer, settings=Settings(language))


def test_without_a_language_none_is_wrong() -> None:
    assert not reason("language", GERMAN, settings=Settings())


def test_the_option_goes_before_the_language_of_the_run() -> None:
    assert reason("language", GERMAN) == "the answer isn't in English"
    assert not reason({"language": {"code": "German"}}, GERMAN, "Wie flicke ich einen Reifen?")
    with pytest.raises(ConfigError, match="Klingon"):
        choose([{"language": {"code": "Klingon"}}], Settings())


@pytest.mark.parametrize(
    "question", ["Translate this into another language.", "How would I say that in German?", "Auf Deutsch?"]
)
def test_a_translation_is_in_the_language_that_was_asked_for(question: str) -> None:
    assert not reason("language", GERMAN, question)


@pytest.mark.parametrize(
    "answer", [block("text", GERMAN), f'The sign said "{GERMAN}"', "Ja.", "", "x = y + z", "Köln, Bonn, Aachen"]
)
def test_code_quotations_and_short_texts_pass(answer: str) -> None:
    assert not reason("language", answer)


def test_a_record_of_an_own_schema_is_read_as_a_whole() -> None:
    checks = choose(["language"], Settings("en"))
    words = {
        "word": "Fahrrad",
        "meaning": "a machine with two wheels that is driven by the legs of the person who rides it",
    }
    assert examine(candidate_of(words), checks) is None
    assert examine(candidate_of({"title": "Reifen", "text": GERMAN}), checks)
