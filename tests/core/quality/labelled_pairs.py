"""Pairs of samples, each labelled with whether one repeats the other: what `duplicates` is measured by."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

from deepfabric_core.quality.candidate import Candidate, candidate_of
from tests.core.quality.labelled_texts import (
    ANSWERED,
    CODE,
    FORMS,
    OTHER_SCRIPTS,
    PARAPHRASES,
    PROBLEM_NUMBERS,
    PROBLEMS,
    SYNONYMS,
    TRANSLATIONS,
)

_SENTENCE = re.compile(r"(?<=[.;:])\s+")
_ASKED = (("How do I", "How can I"), ("What is", "What's"), ("Why does", "How come"), ("should I", "do I have to"))
_YES = ("Yes.", "No.", "Yes, it is.", "That depends.")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two samples; `repeats` is what a person says, and `by_words` whether their words show it."""

    kind: str
    one: Candidate
    other: Candidate
    repeats: bool
    by_words: bool = True


def labelled_pairs() -> Iterator[Pair]:
    """Yield all pairs, always the same ones."""
    for number, (question, answer) in enumerate(ANSWERED):
        yield from _repeated(question, answer, random.Random(number))
    yield from _half_repeated()
    yield from _of_one_form()
    yield from _in_other_scripts()
    yield from _of_own_schema()
    for kind, pairs in (("said in other words", PARAPHRASES), ("translated", TRANSLATIONS)):
        for one, other in pairs:
            yield Pair(kind, Candidate(*one), Candidate(*other), repeats=True, by_words=False)
    for task, solution, name, other_name in CODE:
        renamed = re.sub(rf"\b{name}\b", other_name, solution)
        yield Pair("code with a name changed", Candidate(task, solution), Candidate(f"{task} ", renamed), repeats=True)
        yield Pair(
            "code with a name changed",
            Candidate(task, solution),
            Candidate(f"Please help: {task}", renamed),
            repeats=True,
        )


def _repeated(question: str, answer: str, dice: random.Random) -> Iterator[Pair]:
    one = Candidate(question, answer)
    variants: dict[str, tuple[str, str]] = {
        "equal": (question, answer),
        "other case and markup": (question.upper(), "- **" + answer.replace(". ", ".**\n- **") + "**"),
        "4 words of 100 changed": (_asked_anew(question), _reworded(answer, 0.04, dice)),
        "8 words of 100 changed": (_asked_anew(question), _reworded(answer, 0.08, dice)),
        "sentences in another order": (_asked_anew(question), _reordered(answer, dice)),
        "a sentence more": (f"I have a question. {question}", f"That is a good question! {answer}"),
        "a sentence fewer": (question, answer.rpartition(". ")[0] + "."),
    }
    for kind, texts in variants.items():
        yield Pair(kind, one, Candidate(*texts), repeats=True)


def _asked_anew(question: str) -> str:
    for plain, anew in _ASKED:
        if plain in question:
            return question.replace(plain, anew)
    return question.removesuffix("?") + " please?"


def _reworded(text: str, share: float, dice: random.Random) -> str:
    """Replace a share of the words by synonyms, each at a single place."""
    words = text.split(" ")
    places = [place for place, word in enumerate(words) if word.strip(".,;:").lower() in SYNONYMS]
    for place in dice.sample(places, min(len(places), max(1, round(len(words) * share)))):
        core = words[place].strip(".,;:")
        words[place] = words[place].replace(core, SYNONYMS[core.lower()])
    return " ".join(words)


def _reordered(text: str, dice: random.Random) -> str:
    sentences = _SENTENCE.split(text)
    shuffled = list(sentences)
    while shuffled == sentences:
        dice.shuffle(shuffled)
    return " ".join(shuffled)


def _half_repeated() -> Iterator[Pair]:
    """Yield pairs of which only the question or the answer is the same, and neighbours, which share neither."""
    for (question, answer), (next_question, next_answer) in zip(ANSWERED, [*ANSWERED[1:], ANSWERED[0]], strict=True):
        one = Candidate(question, answer)
        yield Pair("another question and answer", one, Candidate(next_question, next_answer), repeats=False)
        yield Pair("same question, other answer", one, Candidate(question.lower(), next_answer), repeats=True)
        yield Pair("same answer, other question", one, Candidate(next_question, answer), repeats=True)
    for number, (one, other) in enumerate(combinations([question for question, _ in ANSWERED[:8]], 2)):
        said = _YES[number % len(_YES)]
        yield Pair("same short answer", Candidate(one, said), Candidate(other, said), repeats=False)


def _of_one_form() -> Iterator[Pair]:
    for question, answer, fills in FORMS:
        made = [Candidate(question.format(*fill), answer.format(*fill)) for fill in fills]
        for one, other in combinations(made, 2):
            yield Pair("same form, other subject", one, other, repeats=False)
    for question, answer in PROBLEMS:
        made = [Candidate(question.format(*given), answer.format(*given)) for given in PROBLEM_NUMBERS]
        for one, other in combinations(made, 2):
            yield Pair("same problem, other numbers", one, other, repeats=False)


def _in_other_scripts() -> Iterator[Pair]:
    for one, changed, other in OTHER_SCRIPTS:
        yield Pair("other scripts, some words changed", Candidate(*one), Candidate(*changed), repeats=True)
        yield Pair("other scripts, another question", Candidate(*one), Candidate(*other), repeats=False)


def _of_own_schema() -> Iterator[Pair]:
    """Yield records of the user's own schema: one of three texts, of which the first is the problem in some."""
    made: list[tuple[str, bool, Callable[[str, str], str]]] = [
        ("own schema, equal", True, lambda _, answer: answer),
        ("own schema, some words changed", True, lambda _, answer: _reworded(answer, 0.05, random.Random(1))),
    ]
    for question, answer in ANSWERED[:10]:
        one = candidate_of({"title": question, "level": 3, "body": answer, "tags": ["a", "b"]})
        for kind, repeats, change in made:
            other = candidate_of({"title": question, "level": 4, "body": change(question, answer), "tags": ["a", "c"]})
            yield Pair(kind, one, other, repeats)
    for question, answer in PROBLEMS:
        fields = [{"problem": question.format(*own), "solution": answer.format(*own)} for own in PROBLEM_NUMBERS[:2]]
        yield Pair("same problem, other numbers", candidate_of(fields[0]), candidate_of(fields[1]), repeats=False)
