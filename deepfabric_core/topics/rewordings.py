"""Find names of topics that only reword another one: the same words in another order, number or frame.

"Introduction to wheel truing", "Wheel truing basics" and "How to true wheels" are one topic; "Truing a wheel" and
"Building a wheel", or "Front brakes" and "Rear brakes", are two. A name that is wrongly taken for another's costs a
topic, so two names are the same only if all their words are, or nearly all of many.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from deepfabric_core.topics.model import TopicPath
from deepfabric_core.topics.name_frames import (
    LINKING,
    alike,
    guessed,
    says_something,
    stemmer_named,
    unframed,
    unframed_characters,
    usual_form,
)
from deepfabric_core.words import has_spaceless, words_in

# The share of common words that makes two names one: a word more among seven, but not another word among a dozen.
THRESHOLD = 0.85
_READ_CHARACTERS = 300
# Words that say what a thing is done to or from: they belong to the word that follows.
_DIRECTIONS = frozenset({"to", "from", "into", "before", "after", "without", "not", "under", "over", "against"})
# Endings of nouns for doing something. "Bread baking" is "Baking bread", but "Milk chocolate" isn't "Chocolate milk".
_DOING = ("ing", "tion", "sion", "ment", "ance", "ence")
_SIGN = re.compile(r"[:,&/]")
# A cousin with fewer words than this may well be another topic under another parent.
_COUSINS_WORDS = 2


@dataclass(frozen=True, slots=True)
class NameWords:
    """What is compared of a name: the stems of its words, in order, and all its words in one.

    `linked` says that its order doesn't matter, since linking words, signs or a noun for doing something show what
    belongs to what.
    """

    order: tuple[str, ...]
    joined: str
    linked: bool = True

    @property
    def stems(self) -> frozenset[str]:
        """The stems in no order."""
        return frozenset(self.order)

    @property
    def numbers(self) -> frozenset[str]:
        """The words with digits."""
        return frozenset(stem for stem in self.order if any(map(str.isdigit, stem)))


def shared(one: NameWords, other: NameWords) -> float:
    """Return how much two names are the same, from 0 to 1."""
    if one.joined == other.joined and one.joined:
        return 1.0
    if not one.order or not other.order or one.numbers != other.numbers or _reversed(one, other):
        return 0.0
    common = len(one.stems & other.stems)
    return common / (len(one.stems) + len(other.stems) - common)


def _reversed(one: NameWords, other: NameWords) -> bool:
    """Whether two names are of the same nouns in another order, so that the last one of them is another thing."""
    moved = one.order != other.order and sorted(one.order) == sorted(other.order)
    return moved and not (one.linked or other.linked)


def is_rewording(name: str, other: str, language: str | None = None) -> bool:
    """Whether two names are of one topic; `language` is a code such as "de", guessed unless given."""
    known = stemmer_named(language) or guessed((name.casefold(), other.casefold()))
    return shared(name_words(name, known), name_words(other, known)) >= THRESHOLD


@lru_cache(maxsize=20_000)
def name_words(name: str, language: str) -> NameWords:
    """Return what is compared of a name in a language, which is the name of a stemmer."""
    name = name[:_READ_CHARACTERS]
    words = words_in(name)
    core = unframed(" ".join(words)).split()
    if has_spaceless(name):
        joined = unframed_characters("".join(core))
        return NameWords((joined,), joined)
    told = list(_telling(core, name, language))
    linked = len(told) < len(core) or any(word.endswith(_DOING) for word in told) or bool(_SIGN.search(name))
    kept = [usual_form(word) for word in told]
    return NameWords(tuple(_stems(kept, language)), "".join(kept), linked)


def _telling(words: list[str], name: str, language: str) -> Iterator[str]:
    """Yield the words that may tell a name apart. A last or a capital "A" is no article, as in "Vitamin A"."""
    linking = LINKING.get(language, LINKING["english"])
    capitals = frozenset(word.lower() for word in name.split()[1:] if word.isupper()) if not name.isupper() else ()
    for place, word in enumerate(words):
        is_letter = len(word) == 1 and place == len(words) - 1 > 0 and word != "s"
        if (word not in linking or is_letter or word in capitals) and says_something(word):
            yield word


def _stems(words: list[str], language: str) -> Iterator[str]:
    """Yield the stem of each word, together with a direction before it."""
    direction = ""
    for word in words:
        if word in _DIRECTIONS:
            direction = word
            continue
        stem = _stem(word, language)
        stem = _standing_for(language).get(stem, stem)
        yield f"{direction} {stem}" if direction else stem
        direction = ""
    if direction:
        yield direction


@lru_cache(maxsize=50_000)
def _stem(word: str, language: str) -> str:
    if any(map(str.isdigit, word)):
        return word
    stem: str = _stemmer(language).stemWord(word)
    return stem.removesuffix("e") if stem.endswith("ue") else stem


@cache
def _stemmer(language: str) -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer(language)


@cache
def _standing_for(language: str) -> dict[str, str]:
    """Return which stem stands for another one of the same meaning; in English alone."""
    if language != "english":
        return {}
    groups = [[_stem(word, language) for word in group] for group in alike()]
    return {stem: group[0] for group in groups for stem in group}


@dataclass
class GrownNames:
    """The names of topics that grow, to refuse rewordings; `language` is a code such as "de", guessed unless given.

    Within `cousins`, names are also compared with the children of the parent's siblings that are there by then. So what
    is refused may depend on which reply comes first, unless one comes at a time.
    """

    language: str | None = None
    cousins: bool = True
    _by_words: dict[TopicPath, dict[frozenset[str], dict[str, str]]] = field(default_factory=dict)

    def refused_because(self, name: str, path: TopicPath, taken: Iterable[str]) -> str | None:
        """Return which kind of topic a new name below `path` only rewords, in a few words; None if it is a new one."""
        taken = tuple(taken)
        language = stemmer_named(self.language) or guessed(one.casefold() for one in (*path, *taken, name))
        words = name_words(name, language)
        if not words.joined or any(shared(words, name_words(above, language)) >= THRESHOLD for above in path):
            return "it only rewords a topic above"
        if any(shared(words, name_words(other, language)) >= THRESHOLD for other in taken):
            return "it only rewords one that is there"
        return "it only rewords a topic beside its parent's" if self._is_cousins(words, path, language) else None

    def add(self, name: str, path: TopicPath) -> None:
        """Remember a name that was taken below `path`."""
        if self.cousins and len(path) > 1:
            language = stemmer_named(self.language) or guessed(one.casefold() for one in (*path, name))
            stems = name_words(name, language).stems
            self._by_words.setdefault(path[:-1], {}).setdefault(stems, {}).setdefault(path[-1], name)

    def _is_cousins(self, words: NameWords, path: TopicPath, language: str) -> bool:
        """Whether a cousin has the same words, below a parent that has none in common with this one."""
        if len(words.stems) < _COUSINS_WORDS:
            return False
        known = self._by_words.get(path[:-1], {}).get(words.stems, {})
        own = name_words(path[-1], language).stems
        return any(
            parent != path[-1]
            and own.isdisjoint(name_words(parent, language).stems)
            and shared(words, name_words(name, language)) >= THRESHOLD
            for parent, name in known.items()
        )
