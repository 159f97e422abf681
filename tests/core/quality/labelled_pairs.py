"""Pairs of samples, each labelled with whether one repeats the other: what `duplicates` is measured by."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

from deepfabric_core.quality.candidate import Candidate, candidate_of

_TEXTS: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("labelled_texts.yaml").read_text(encoding="utf-8"))
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


def answered() -> list[Candidate]:
    """Return samples that all differ."""
    return [Candidate(**texts) for texts in _TEXTS["answered"]]


def labelled_pairs() -> Iterator[Pair]:
    """Yield all pairs, always the same ones."""
    for number, one in enumerate(answered()):
        yield from _repeated(one.question, one.answer, random.Random(number))
    yield from _half_repeated()
    yield from _of_one_form()
    yield from _in_other_scripts()
    yield from _of_own_schema()
    for kind, named in (("said in other words", "in_other_words"), ("translated", "translated")):
        for first, second in _TEXTS[named]:
            yield Pair(kind, Candidate(**first), Candidate(**second), repeats=True, by_words=False)
    for code in _TEXTS["code"]:
        task, solution = code["question"], code["answer"]
        renamed = re.sub(rf"\b{code['name']}\b", code["other_name"], solution)
        for asked in (f"{task} ", f"Please help: {task}"):
            yield Pair("code with a name changed", Candidate(task, solution), Candidate(asked, renamed), repeats=True)


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
    places = [place for place, word in enumerate(words) if word.strip(".,;:").lower() in _TEXTS["synonyms"]]
    for place in dice.sample(places, min(len(places), max(1, round(len(words) * share)))):
        core = words[place].strip(".,;:")
        words[place] = words[place].replace(core, _TEXTS["synonyms"][core.lower()])
    return " ".join(words)


def _reordered(text: str, dice: random.Random) -> str:
    sentences = _SENTENCE.split(text)
    shuffled = list(sentences)
    while shuffled == sentences:
        dice.shuffle(shuffled)
    return " ".join(shuffled)


def _half_repeated() -> Iterator[Pair]:
    """Yield pairs of which only the question or the answer is the same, and neighbours, which share neither."""
    all_of_them = answered()
    for one, after in zip(all_of_them, [*all_of_them[1:], all_of_them[0]], strict=True):
        yield Pair("another question and answer", one, after, repeats=False)
        yield Pair("same question, other answer", one, Candidate(one.question.lower(), after.answer), repeats=True)
        yield Pair("same answer, other question", one, Candidate(after.question, one.answer), repeats=True)
        changed = Candidate(after.question, _reworded(one.answer, 0.05, random.Random(one.question)))
        yield Pair("5 words of 100 changed, other question", one, changed, repeats=True)
    for number, (one, other) in enumerate(combinations(all_of_them[:8], 2)):
        said = _YES[number % len(_YES)]
        yield Pair("same short answer", Candidate(one.question, said), Candidate(other.question, said), repeats=False)


def _of_one_form() -> Iterator[Pair]:
    for form in _TEXTS["forms"]:
        for one, other in combinations([_filled(form, fill) for fill in form["fills"]], 2):
            yield Pair("same form, other subject", one, other, repeats=False)
    for problem in _TEXTS["problems"]:
        for one, other in combinations([_filled(problem, given) for given in _TEXTS["problem_numbers"]], 2):
            yield Pair("same problem, other numbers", one, other, repeats=False)


def _filled(form: Mapping[str, str], fill: Iterable[Any]) -> Candidate:
    return Candidate(form["question"].format(*fill), form["answer"].format(*fill))


def _in_other_scripts() -> Iterator[Pair]:
    for texts in _TEXTS["other_scripts"]:
        one, changed, other = (Candidate(**texts[key]) for key in ("one", "changed", "other"))
        yield Pair("other scripts, some words changed", one, changed, repeats=True)
        yield Pair("other scripts, another question", one, other, repeats=False)


def _of_own_schema() -> Iterator[Pair]:
    """Yield records of the user's own schema: one of three texts, of which the first is the problem in some."""
    made: list[tuple[str, bool, Callable[[str, str], str]]] = [
        ("own schema, equal", True, lambda _, answer: answer),
        ("own schema, some words changed", True, lambda _, answer: _reworded(answer, 0.05, random.Random(1))),
    ]
    for question, answer in ((talk.question, talk.answer) for talk in answered()[:10]):
        one = candidate_of({"title": question, "level": 3, "body": answer, "tags": ["a", "b"]})
        for kind, repeats, change in made:
            other = candidate_of({"title": question, "level": 4, "body": change(question, answer), "tags": ["a", "c"]})
            yield Pair(kind, one, other, repeats)
    for problem in _TEXTS["problems"]:
        filled = [_filled(problem, given) for given in _TEXTS["problem_numbers"][:2]]
        first, second = (candidate_of({"problem": one.question, "solution": one.answer}) for one in filled)
        yield Pair("same problem, other numbers", first, second, repeats=False)
