"""Find near-duplicates: topics whose names are nearly the same.

Two names are near-duplicates if they are spellings of one name, or if at least four fifths of their words are the same
and no number differs. To avoid comparing all pairs, a name is compared only with names that share one of its rarest
words, and only if enough words come after it to still reach the threshold.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

from deepfabric_core.topics.model import Topics, fold

# The least share of words in common, as a fraction of integers, since floating point isn't exact.
_SHARED, _OF = 4, 5

# The most words that are read of a name, and the most names that it is compared with, so that the time is linear.
_READ_WORDS = 16
_COMPARED = 100

_WORD = re.compile(r"[^\W_][\w#+]*")
_LINKING = frozenset(("a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"))
_PLURAL_FROM = 4


def near_duplicates(topics: Topics) -> list[tuple[str, ...]]:
    """Return groups of ids of topics with nearly the same name, each in the order of `Topics.walk`.

    All names of a group are near-duplicates of its first; a name that is like a later one only isn't in the group.
    """
    words = {topic.id: _words(topic.name) for topic, _ in topics.walk()}
    frequency = Counter(word for own in words.values() for word in own)
    known = _Known(frequency)
    groups: dict[str, list[str]] = {}
    for own, said in words.items():
        groups.setdefault(known.first_like(own, fold(topics.by_id[own].name), said), []).append(own)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _words(name: str) -> frozenset[str]:
    """Return what is compared of a name: its words in singular, or the letter pairs of a single word."""
    found = _WORD.findall(unicodedata.normalize("NFKC", name).casefold())[:_READ_WORDS]
    words = frozenset(_singular(word) for word in found if word not in _LINKING)
    if len(words) == 1 and not any(map(str.isdigit, word := next(iter(words)))):
        return frozenset(word[place : place + 2] for place in range(min(len(word) - 1, _READ_WORDS))) or words
    return words


def _singular(word: str) -> str:
    return word[:-1] if len(word) >= _PLURAL_FROM and word.endswith("s") and not word.endswith("ss") else word


_Words = frozenset[str]
_Place = tuple[str, int, int, _Words]


@dataclass
class _Known:
    """The first topic of each group so far, indexed by its spelling, by its words, and by its rarest words."""

    frequency: Counter[str]
    _by_spelling: dict[str, str] = field(default_factory=dict)
    _by_words: dict[_Words, str] = field(default_factory=dict)
    _by_rare_word: dict[_Place, list[tuple[str, _Words]]] = field(default_factory=dict)

    def first_like(self, own: str, spelling: str, words: _Words) -> str:
        """Return the first topic of the group that a topic belongs to: the topic itself if it starts a new group."""
        first = self._by_spelling.get(spelling) if spelling else None
        if words:
            first = first or self._by_words.get(words) or self._similar(words)
            self._by_words.setdefault(words, first or own)
        if first is None:
            self._remember(own, words)
        if spelling:
            self._by_spelling.setdefault(spelling, first or own)
        return first or own

    def _similar(self, words: _Words) -> str | None:
        places = self._places_of_likes(words)
        candidates = chain.from_iterable(self._by_rare_word.get(place, ()) for place in places)
        for own, others in islice(candidates, _COMPARED):
            if len(words & others) >= _needed(len(words), len(others)):
                return own
        return None

    def _places_of_likes(self, words: _Words) -> Iterator[_Place]:
        """Yield index keys of similar names: a rare word, its place in the other name, that name's size and numbers."""
        size, numbers = len(words), _numbers(words)
        for place, word in enumerate(self._rarest(words)):
            for other in range(-(-size * _SHARED // _OF), size * _OF // _SHARED + 1):
                after = _needed(size, other) - 1
                # If all words would have to be shared, `_by_words` would have found the name already.
                if size - place > after and after + 1 < max(size, other):
                    yield from ((word, at, other, numbers) for at in range(other - after))

    def _remember(self, own: str, words: _Words) -> None:
        size, numbers = len(words), _numbers(words)
        for place, word in enumerate(self._rarest(words)):
            self._by_rare_word.setdefault((word, place, size, numbers), []).append((own, words))

    def _rarest(self, words: _Words) -> list[str]:
        """Return the rarest words, rarest first, of which two similar names must share one."""
        size = len(words)
        return sorted(words, key=lambda word: (self.frequency[word], word))[: size - -(-size * _SHARED // _OF) + 1]


def _needed(size: int, other: int) -> int:
    """Return how many words two names must share, so that shared / (size + other - shared) reaches the threshold."""
    return -(-(size + other) * _SHARED // (_SHARED + _OF))


def _numbers(words: _Words) -> _Words:
    """Return the words with digits, which distinguish names that are otherwise similar."""
    return frozenset(word for word in words if any(map(str.isdigit, word)))
