"""The words of a text in a simple form, so that "Patching a tire" and "tyre patches" have the same ones."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_WORD = re.compile(r"[^\W_]+")
_SPELLINGS = {"tire": "tyre", "tires": "tyre", "aluminum": "aluminium"}
_ENDINGS = ("ing", "ment", "ion", "ed")
_SHORTEST = 3

# Words that say nothing about the subject of a text.
_HOLLOW = (
    *("a", "an", "and", "are", "as", "at", "be", "by", "can", "do", "don", "for", "from", "how", "i", "in", "into"),
    *("is", "it", "its", "my", "not", "of", "on", "or", "our", "s", "t", "that", "the", "their", "them", "this", "to"),
    *("up", "what", "when", "which", "why", "with", "without", "you", "your"),
    *("basic", "beginner", "common", "guide", "introduction", "problem", "question", "tip", "topic"),
)


def stems(text: str) -> tuple[str, ...]:
    """Return the words of a text, each without its common endings."""
    return tuple(map(_stem, _words(text)))


def telling(text: str) -> frozenset[str]:
    """Return the words of a text that say something about its subject, as `stems` does."""
    return frozenset(stems(text)) - _hollow()


def mentions(text: str, phrases: tuple[str, ...]) -> bool:
    """Return whether a text has any of the phrases in it, whatever the endings of their words.

    >>> mentions("Repairing old bikes", ("bike",)), mentions("The menstrual cycle", ("bicycle",))
    (True, False)
    """
    within = f" {' '.join(stems(text))} "
    return any(f" {' '.join(stems(phrase))} " in within for phrase in phrases)


@cache
def _hollow() -> frozenset[str]:
    return frozenset(map(_stem, _HOLLOW))


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _stem(word: str) -> str:
    word = _singular(_SPELLINGS.get(word, word))
    for ending in _ENDINGS:
        if word.endswith(ending) and not word.endswith("eed") and len(word) - len(ending) >= _SHORTEST:
            word = word.removesuffix(ending)
            break
    if len(word) > _SHORTEST:
        word = word.removesuffix("e")
    return word[:-1] if len(word) > _SHORTEST and word[-1] == word[-2] else word


def _singular(word: str) -> str:
    if len(word) <= _SHORTEST or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    return f"{word[:-3]}y" if word.endswith("ies") else word[:-1]
