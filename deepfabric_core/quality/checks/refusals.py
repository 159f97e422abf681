"""Answers that refuse, apologize for being a model, or correct an answer that nobody has seen."""

from __future__ import annotations

import re

from deepfabric_core.quality.checks.check import Problem, excerpt
from deepfabric_core.quality.checks.passages import Passage, Passages, without_quotations
from deepfabric_core.quality.checks.refusal_phrases import OF_ITSELF, REFUSALS, SIGNS_OF_REFUSAL, WORDS_FOR_MODELS

_ADVICE = "it refused, or spoke of being a model: write what a helpful expert would answer"
# A refusal stands in the first sentences.
_BEGINNING = 400
_SENTENCES = 3
_SENTENCE_END = re.compile(r"(?<=[.!?\n。！？؟])\s*")
# Whoever asks about models gets to hear of them.
_ABOUT_MODELS = re.compile(
    r"\b(?:ai|a\.i\.|ia|ki|ии|bots?|chatbots?|chatgpt|gpt\w*|llms?|robots?|assistants?|humans?)\b|language model"
    r"|artificial|neural|machine learning|refus|sprachmodell|künstlich|modèle|modelo|inteligencia|modello|taalmodel"
    r"|модел|интеллект|人工|模型|モデル|인공|모델|نموذج|ذكاء"
)


def refusal(passages: Passages) -> Problem | None:
    """Return what is wrong if an answer refuses; an answer that quotes a refusal, or is about models, is none."""
    for passage in passages.answers:
        if found := _refused(passage) or _spoke_of_itself(passage, passages.question):
            return Problem(f"the {passage.name} refuses, or speaks of being a model", _ADVICE, excerpt(found))
    return None


def _refused(passage: Passage) -> str | None:
    head = passage.folded[: 2 * _BEGINNING]
    if not any(map(head.__contains__, SIGNS_OF_REFUSAL)):
        return None
    beginning = without_quotations(head)[:_BEGINNING].lstrip(" \n\t*#_")
    for sentence in _SENTENCE_END.split(beginning, maxsplit=_SENTENCES)[:_SENTENCES]:
        if found := REFUSALS.match(sentence):
            return found[0]
    return None


def _spoke_of_itself(passage: Passage, question: Passage) -> str | None:
    folded = passage.folded
    if passage.is_latin and WORDS_FOR_MODELS.isdisjoint(passage.words):
        return None
    for signs, pattern in OF_ITSELF:
        if any(map(folded.__contains__, signs)):
            found = pattern.search(passage.own_words)
            if found and not _ABOUT_MODELS.search(question.folded):
                return found[0]
    return None
