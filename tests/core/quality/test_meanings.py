"""Questions that mean the same are found, by vectors of known meanings and by a real model of model2vec."""

import random
import time
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.quality.meanings import MeaningIndex
from deepfabric_core.store.embedding_model import embedding_model
from tests.core.static_models import save_small_model

ONE = Candidate("How do I fix a flat bike?", "Repair it.")
SAME = Candidate("How can I mend my bicycle puncture?", "Mend it.")
OTHER = Candidate("How do I bake bread?", "Repair it.")
# Written with letters alone, since numbers that differ make another question.
DIGITS, LETTERS = "0123456789", "ghijklmnop"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> MeaningIndex:
    folder = tmp_path_factory.mktemp("model")
    save_small_model(folder)
    return MeaningIndex(embedding_model(str(folder), lambda _: None))


def _like(model: MeaningIndex, **keys: object) -> MeaningIndex:
    return MeaningIndex(model.embed, **keys)  # type: ignore[arg-type]


def test_the_same_question_in_other_words_is_found_and_another_is_not(model: MeaningIndex) -> None:
    index = _like(model, text_of={7: ONE}.get, name_of=lambda key: f"sample {key}")
    index.add(7, ONE)
    assert index.nearest(OTHER) is None
    match = index.nearest(SAME)
    assert match is not None and (match.kind, match.key, match.other) == ("meaning", 7, ONE) and match.shared > 0.95
    finding = index.finding(SAME, "me")
    assert finding is not None and finding.evidence == ONE.question
    assert finding.name == "same_meaning" and finding.reason.endswith("the same as sample 7")


def test_a_question_that_sounds_the_same_is_another_if_its_answer_is(model: MeaningIndex) -> None:
    index = _like(model)
    index.add(1, ONE)
    assert index.nearest(Candidate(SAME.question, "Bake a loaf.")) is None
    assert index.nearest(Candidate(SAME.question, "Zzz.")) is None


def test_questions_about_other_numbers_or_countries_are_others(model: MeaningIndex) -> None:
    index = _like(model)
    index.add(1, Candidate("What is the capital of France?", ""))
    assert index.nearest(Candidate("What is the capital of Spain?", "")) is None
    assert index.nearest(Candidate("France: what is its capital?", "")) is not None
    assert index.nearest(Candidate("What is the capital of France in 1790?", "")) is None


def test_texts_without_known_words_are_compared_with_nothing(model: MeaningIndex) -> None:
    index = _like(model)
    for odd in ("", "zzz", "\ud800", "日本語", "x" * 100_000):
        assert index.claim(Candidate(odd, ""), "me") is None
        index.accept("me", 1)
    assert len(index) == 0


def test_a_record_of_an_own_schema_is_compared_by_all_its_texts(model: MeaningIndex) -> None:
    index = _like(model)
    index.add(1, candidate_of({"title": "bake", "steps": ["a loaf"], "minutes": 3}))
    assert index.nearest(candidate_of({"title": "bread", "steps": ["baking"]})) is not None
    assert index.nearest(candidate_of({"title": "bread", "steps": ["flat"]})) is None


def test_what_is_pending_is_compared_with_until_it_is_accepted_or_released(model: MeaningIndex) -> None:
    index = _like(model)
    assert index.claim(ONE, "first") is None
    match = index.claim(SAME, "second")
    assert match is not None and (match.key, match.other) == (None, ONE)
    assert index.claim(ONE, "first") is None
    index.release("first")
    assert index.claim(SAME, "second") is None
    index.accept("second", 4)
    index.accept("second", 5)
    assert len(index) == 1 and index.claim(ONE, "first") is not None


def test_a_copy_is_found_among_twenty_thousand_and_a_sample_takes_little_memory() -> None:
    vectors = np.random.default_rng(1).standard_normal((20_000, 128), np.float32)

    letters, digits = str.maketrans(DIGITS, LETTERS), str.maketrans(LETTERS, DIGITS)

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack(
            [vectors[int(text[2:].translate(digits), 16)] if text else np.zeros(128, np.float32) for text in texts]
        )

    index = MeaningIndex(embed, expected=20_000)
    words = [Candidate(f"n {number:x}".translate(letters), "") for number in range(20_000)]
    index.load(enumerate(words))
    assert index.memory / len(index) < 700
    noise = np.random.default_rng(2).standard_normal(vectors.shape, np.float32)
    vectors += noise * 0.3
    dice, found = random.Random(1), 0
    begin = time.process_time()
    for row in dice.sample(range(20_000), 200):
        match = index.nearest(words[row])
        found += match is not None and match.key == row
    assert found >= 198
    assert (time.process_time() - begin) / 200 < 0.02
