"""Words that add nothing of their own to a topic's name: articles, prepositions, and frames as "Introduction to X"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# By the names that Snowball's stemmers have. What changes a meaning isn't here: from, to, without, not, before, under.
# The first words are also what a language is recognized by.
LINKING: Mapping[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "english": "the of and a an in on at by for with or as your its my our their is are how s",
        "german": (
            "der die das und den dem des ein eine einer eines einem einen im in am an auf bei für mit von vom zur oder "
            "wie man"
        ),
        "french": "le la les et des du de un une en dans au aux sur par pour avec ou l d son sa ses comment",
        "spanish": "el la los las y de del un una en por para con o su sus al cómo",
        "italian": "il lo la i gli le e di del della dei delle degli dell un uno una in nel nella per con o su come l",
        "portuguese": "o a os as e de do da dos das um uma em no na nos nas por para com ou seu sua como",
        "dutch": "de het een en van in op aan bij voor met of om hoe je",
    }.items()
}
_CODES = {
    "en": "english",
    "de": "german",
    "fr": "french",
    "es": "spanish",
    "it": "italian",
    "pt": "portuguese",
    "nl": "dutch",
    "sv": "swedish",
    "da": "danish",
    "no": "norwegian",
    "fi": "finnish",
    "hu": "hungarian",
    "ru": "russian",
    "ro": "romanian",
    "tr": "turkish",
    "el": "greek",
    "ar": "arabic",
    "pl": "polish",
    "cs": "czech",
    "id": "indonesian",
}

# Frames around a topic that make no other topic of it, in words of lower case with one space between them.
_IDEAS = "(?:concepts?|ideas?|principles?|notions?|terms?|terminology|knowledge|skills?|facts?)"
_BEFORE = re.compile(
    r"(?:an? |the )?(?:brief |short |quick |general |gentle |practical |complete |beginner s? ?)?"
    r"(?:introduction (?:to|into)|intro to|introducing|introductory|overview of|understanding|getting started with"
    r"|(?:basics|fundamentals|essentials|foundations|principles|rudiments) of|guide to|primer (?:on|to|for)"
    r"|crash course (?:in|on)|all about|what (?:is|are)|how to"
    rf"|(?:key|core|basic|main|fundamental) {_IDEAS} (?:of|in|for|behind)"
    # German, French, Spanish, Italian, Portuguese, Dutch.
    r"|(?:eine )?einführung in|grundlagen (?:der|des|von|zu|zum|zur)|überblick über|was (?:ist|sind)"
    r"|introduction (?:à|a|au|aux)|initiation (?:à|au|aux)|comprendre"
    r"|(?:les )?(?:bases|fondements|fondamentaux) (?:de|du|des|d)"
    r"|introducción (?:a|al)|qué (?:es|son)"
    r"|(?:los )?(?:fundamentos|conceptos básicos|principios básicos) (?:de|del)"
    r"|introduzione (?:a|al|alla|ai|alle)|(?:i )?fondamenti (?:di|del|della)|(?:le )?basi (?:di|del|della)"
    r"|introdução (?:a|ao|à)|noções básicas de|(?:inleiding|introductie) (?:in|tot|op)"
    r"|(?:de )?basis(?:principes)? van) "
)
_AFTER = re.compile(
    r" (?:basics|fundamentals|essentials|overview|explained|101|in a nutshell|at a glance|rudiments"
    rf"|(?:key|core|basic|fundamental) {_IDEAS}|grundlagen|verstehen|im überblick|expliquée?|básicos?)"
)
# A name that is nothing but one of these is that of the topic above.
_ALONE = re.compile(
    r"(?:(?:an? |the )?(?:introduction|intro|overview|basics|fundamentals|essentials|foundations|getting started"
    rf"|(?:key|core|basic|main|fundamental) {_IDEAS})|einführung|grundlagen|überblick|les bases"
    r"|introducción|fundamentos|introduzione|introdução|inleiding)"
)
_AFTER_SPACELESS = re.compile(r"(?:の基礎|の基本|の概要|とは|入門|基礎|概要|入门|基础|简介|概述)$")
_MOST_FRAMES = 3

# Words of one meaning in names of topics; each stands for all of its line. They are compared by their stems.
_ALIKE = (
    "method technique approach strategy",
    "problem issue difficulty challenge",
    "tip advice hint",
    "repair fix mend",
    "choose select pick",
    "buy purchase",
    "type kind",
    "benefit advantage",
    "mistake error",
    "maintain maintenance upkeep",
    "install installation",
    "vs versus",
    "picture image",
    "resolve resolution",
    "decide decision",
    "reduce reduction",
    "describe description",
    "analyze analysis",
    "store storage",
    "use usage",
    "lose loss",
    "grow growth",
)
# Adjectives that narrow nothing down.
_EMPTY = frozenset(("effective", "effectively", "various", "successful", "successfully", "proper", "properly"))

_SPELLINGS = (
    (re.compile(r"(?<=\w{3})our(?=s?$|ed$|ing$)"), "or"),
    (re.compile(r"(?<=\w{3})is(?=e[sd]?$|ing$|ations?$)"), "iz"),
    (re.compile(r"(?<=\w)ys(?=e[sd]?$|ing$)"), "yz"),
    (re.compile(r"(?<=\w{2})tre(?=s?$)"), "ter"),
)
_SPELLED = {"tyre": "tire", "tyres": "tires", "grey": "gray", "aluminium": "aluminum"}
_SINGULARS = {
    "knives": "knife", "leaves": "leaf", "loaves": "loaf", "shelves": "shelf", "halves": "half", "wolves": "wolf",
    "feet": "foot", "teeth": "tooth", "mice": "mouse", "geese": "goose", "children": "child", "men": "man",
    "women": "woman",
}  # fmt: skip


def unframed(words: str) -> str:
    """Return the words of a name without what frames the topic; empty if there is nothing else.

    >>> unframed("a short introduction to wheel truing"), unframed("wheel truing basics"), unframed("overview")
    ('wheel truing', 'wheel truing', '')
    """
    for _ in range(_MOST_FRAMES):
        if _ALONE.fullmatch(words):
            return ""
        before = _BEFORE.match(words)
        rest = words[before.end() :] if before else words
        after = _AFTER.search(rest) if rest else None
        while after and after.end() < len(rest):
            after = _AFTER.search(rest, after.end())
        rest = rest[: after.start()] if after else rest
        if rest == words:
            break
        words = rest
    return words


def unframed_characters(words: str) -> str:
    """Return a name in a script without spaces, without what frames the topic."""
    return _AFTER_SPACELESS.sub("", words)


def says_something(word: str) -> bool:
    """Whether a word may tell two names apart."""
    return word not in _EMPTY


def usual_form(word: str) -> str:
    """Return the singular of an irregular English noun, and the American spelling of words that have two."""
    word = _SINGULARS.get(word) or _SPELLED.get(word, word)
    for pattern, usual in _SPELLINGS:
        word = pattern.sub(usual, word)
    return word


def alike() -> Iterable[list[str]]:
    """Return groups of words that mean the same in names of topics."""
    return (line.split() for line in _ALIKE)


def stemmer_named(code: str | None) -> str | None:
    """Return the name of the stemmer for the code of a language; None if there is none."""
    return _CODES.get(code.casefold()[:2]) if code else None


def guessed(names: Iterable[str]) -> str:
    """Return the language of some names, in lower case, by their linking words: English unless another has more."""
    words = [word for name in names for word in name.split()]
    counts = {language: sum(word in linking for word in words) for language, linking in LINKING.items()}
    best = max(counts, key=counts.__getitem__)
    return best if counts[best] > counts["english"] else "english"
