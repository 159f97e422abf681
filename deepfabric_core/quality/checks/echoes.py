"""Answers that only say the question again."""

from __future__ import annotations

import re
from itertools import pairwise

from deepfabric_core.quality.checks.check import Problem, excerpt
from deepfabric_core.quality.checks.passages import Passages

_ADVICE = "it only said the question again: answer it"
_TOKEN = re.compile("[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\\W_]+")
_FEWEST_WORDS = 7
# How much of the question the answer says again, and how much of the answer that is.
_SAID_AGAIN, _NOTHING_ELSE = 0.9, 0.7
# An answer that long is more than its question, and a question that long brings a text to work on.
_MOST_CHARACTERS = 1500
_LONGER = 1.5
# A question with a text to correct, to punctuate or to read aloud may well be answered by nearly the same words.
_HAS_A_TEXT = re.compile(
    r":\s|\n|[\"“„«「]|\b(?:repeat|recite|spell|sort|order|capitali[sz]e|punctuat|correct|fix|rewrite|rephrase|convert)"
)


def echo(passages: Passages) -> Problem | None:
    """Return what is wrong if an answer has the words of the question in their order and hardly any other."""
    asked = passages.question.text
    for passage in passages.answers:
        too_long = len(passage.text) > _LONGER * len(asked) + 20 or len(asked) > _MOST_CHARACTERS
        if not asked or too_long or passage.name == "question" or _HAS_A_TEXT.search(passages.question.folded):
            continue
        question, answer = _TOKEN.findall(passages.question.folded), _TOKEN.findall(passage.folded)
        if len(question) >= _FEWEST_WORDS and _is_echo(question, answer):
            return Problem(f"the {passage.name} only repeats the question", _ADVICE, excerpt(passage.text))
    return None


def _is_echo(question: list[str], answer: list[str]) -> bool:
    pairs = set(pairwise(question))
    again = [pair for pair in pairwise(answer) if pair in pairs]
    return len(set(again)) >= _SAID_AGAIN * len(pairs) and len(again) >= _NOTHING_ELSE * (len(answer) - 1)
