"""Repeats are found among all samples and among those still being judged, and different samples aren't."""

import random
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.quality.duplicates import DuplicateIndex, DuplicateRules, finding_of
from deepfabric_core.quality.sample_print import runs_of
from tests.core.quality.duplicates_table import tallies, total
from tests.core.quality.labelled_pairs import answered, labelled_pairs

ONE, OTHER, *_ = answered()
LOUD = Candidate(ONE.question.upper(), ONE.answer.upper())


def test_of_the_labelled_pairs_those_that_words_show_are_found_and_no_others() -> None:
    pairs = list(labelled_pairs())
    assert len(pairs) > 400
    by_kind = tallies(pairs, DuplicateRules())
    shown = total(by_kind[kind] for kind in {pair.kind for pair in pairs if pair.by_words})
    assert shown.precision >= 0.99 and shown.recall >= 0.97
    assert not by_kind["translated"].found and not by_kind["said in other words"].found
    without = total(tallies(pairs, DuplicateRules(), texts=False).values())
    assert without.precision >= 0.98


def test_samples_that_all_differ_are_all_accepted_together() -> None:
    pairs = (pair for pair in labelled_pairs() if not pair.repeats)
    different = list(dict.fromkeys((one.question, one.answer) for pair in pairs for one in (pair.one, pair.other)))
    held = {key: Candidate(*texts) for key, texts in enumerate(different) if len(texts[1]) > len("That depends.")}
    index = DuplicateIndex(text_of=held.get)
    for key, candidate in held.items():
        assert index.nearest(candidate) is None
        index.add(key, candidate)
    assert len(index) > 70


@pytest.mark.parametrize(
    ("again", "kind", "name"),
    [
        (LOUD, "same", "duplicate"),
        (Candidate(ONE.question, OTHER.answer), "question", "same_question"),
        (Candidate(OTHER.question, ONE.answer), "answer", "same_answer"),
        (Candidate(f"Hello! {ONE.question}", f"Well: {ONE.answer}"), "near", "near_duplicate"),
    ],
)
def test_a_finding_says_what_is_repeated_and_shows_it_to_people_alone(again: Candidate, kind: str, name: str) -> None:
    index = DuplicateIndex(text_of={5: ONE}.get)
    index.add(5, ONE)
    match = index.nearest(again)
    assert match is not None and (match.kind, match.key, match.other) == (kind, 5, ONE)
    finding = finding_of(match, again)
    assert (finding.gate, finding.name) == ("duplicates", name)
    assert finding.evidence == ONE.question
    assert "wheel" not in finding.advice and "different" in finding.advice


def test_people_are_told_which_sample_is_repeated_if_it_has_a_name() -> None:
    index = DuplicateIndex(name_of=lambda key: f"line {key} of old.jsonl")
    index.add(3, ONE)
    finding = index.finding(LOUD, "me")
    assert finding is not None and finding.reason == "all its words are those of line 3 of old.jsonl"
    index.claim(OTHER, "you")
    pending = index.finding(OTHER, "me")
    assert pending is not None and pending.reason.endswith("those of another sample")


def test_evidence_is_short_and_a_record_without_question_shows_its_first_text() -> None:
    recipe = candidate_of({"title": "Bread " * 100, "steps": ["Knead.", "Bake."]})
    index = DuplicateIndex(text_of={1: recipe}.get)
    index.add(1, recipe)
    finding = index.finding(recipe, "me")
    assert finding is not None and finding.evidence.startswith("Bread Bread") and len(finding.evidence) < 170
    assert "record" in finding.advice


def test_question_and_answer_alone_count_only_if_the_rules_say_so() -> None:
    for rules, again in (
        (DuplicateRules(same_question=False), Candidate(ONE.question, OTHER.answer)),
        (DuplicateRules(same_answer=False, threshold=0.9), Candidate(OTHER.question, ONE.answer)),
    ):
        index = DuplicateIndex(rules)
        index.add(1, ONE)
        assert index.nearest(again) is None and index.nearest(LOUD) is not None


def test_short_and_empty_texts_are_no_duplicates_unless_all_is_equal() -> None:
    index = DuplicateIndex()
    for key, asked in enumerate(("Is water wet?", "Is fire hot?", "Is ice cold?")):
        assert index.nearest(Candidate(asked, "Yes.")) is None
        index.add(key, Candidate(asked, "Yes."))
    assert index.nearest(Candidate("Is ice COLD", "yes")) is not None
    for _ in range(2):
        assert index.claim(Candidate("", "\n"), "me") is None
        assert index.accept("me", 7) is None
    assert len(index) == 3


def test_two_equal_samples_that_are_judged_at_once_are_not_both_accepted() -> None:
    index = DuplicateIndex()
    assert index.claim(ONE, "first") is None
    match = index.claim(LOUD, "second")
    assert match is not None and (match.key, match.other) == (None, ONE)
    assert index.claim(LOUD, "first") is None, "what it has pending itself is replaced"
    assert index.accept("first", 1) is not None
    assert index.claim(ONE, "second") is not None
    assert index.accept("second", 2) is None and len(index) == 1


def test_what_is_released_may_be_claimed_by_others() -> None:
    index = DuplicateIndex()
    assert index.claim(ONE, ("topic", 0)) is None
    index.release(("topic", 0))
    index.release("nobody")
    assert index.claim(LOUD, ("topic", 1)) is None
    assert index.claim(OTHER, ("topic", 0)) is None


def test_hundreds_may_be_pending_at_once() -> None:
    dice = random.Random(1)
    texts = [Candidate(f"{dice.random()}", " ".join(str(dice.random()) for _ in range(30))) for _ in range(300)]
    index = DuplicateIndex()
    assert all(index.claim(text, number) is None for number, text in enumerate(texts))
    for number in range(0, 300, 2):
        index.release(number)
    assert [index.nearest(text) is None for text in texts] == [number % 2 == 0 for number in range(300)]


def test_nothing_is_added_twice_among_thousands_of_samples_with_planted_repeats() -> None:
    """A check of its own compares what was accepted, by the words themselves."""
    dice = random.Random(3)
    vocabulary = [f"{first}{second}" for first in "bcdfgklmnprst" for second in ("ando", "ile", "utter", "onk", "ap")]
    made: list[Candidate] = []
    for _ in range(4_000):
        if made and dice.random() < 0.3:
            words = dice.choice(made).answer.split()
            for _ in range(dice.randrange(3)):
                words[dice.randrange(len(words))] = dice.choice(vocabulary)
            made.append(Candidate(dice.choice(made).question, " ".join(words)))
        else:
            made.append(Candidate(" ".join(dice.choices(vocabulary, k=8)), " ".join(dice.choices(vocabulary, k=50))))
    index = DuplicateIndex(text_of=made.__getitem__)
    begin, accepted = time.process_time(), []
    for key, candidate in enumerate(made):
        if index.claim(candidate, "me") is None:
            index.accept("me", key)
            accepted.append(candidate)
    spent = (time.process_time() - begin) / len(made)
    assert spent < 0.004
    assert 2_600 < len(accepted) < 3_000
    by_run: dict[str, list[int]] = {}
    for number, runs in enumerate(map(runs_of, accepted)):
        likes = Counter(other for run in runs for other in by_run.get(run, ()))
        assert max(likes.values(), default=0) / (2 * len(runs)) < 0.7 / 1.7
        for run in runs:
            by_run.setdefault(run, []).append(number)


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=30)), max_size=12))
def test_a_sample_repeats_itself_and_an_accepted_one_never_an_earlier_one(texts: list[tuple[str, str]]) -> None:
    index = DuplicateIndex()
    for key, candidate in enumerate(Candidate(*text) for text in texts):
        repeated = index.claim(candidate, "me") is not None
        index.accept("me", key)
        assert repeated or index.nearest(candidate) is not None or not runs_of(candidate)
