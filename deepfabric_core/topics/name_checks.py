"""Check the names that a model gives to subtopics: refuse what is no topic's name, and say why."""

from __future__ import annotations

import re
from collections.abc import Iterable

from deepfabric_core.topics.model import TopicPath, fold

_LONGEST_NAME = 120
_MOST_WORDS = 16
# A longer number may be a name, such as a year.
_LONGEST_NUMBER = 2
# Fewer words with a full stop at the end may be an abbreviation.
_SENTENCE_WORDS = 6
_SEPARATOR = re.compile(r"\s(?:>|→|»|/)\s")
_CODE = re.compile(r"```|[{}]|\b\w+\(\w*\)\s*[-+*/=;]|=>|(?:[;=|&\\]|\s\+)\s*$|^\.{0,2}/")
_BROKEN = re.compile(r"^[,;:)\]]|[,:(\[]$")
_IDENTIFIER = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+")
_PLACEHOLDER = re.compile(
    r"(?i)\W*(?:(?:a|the|another|one|first|second|third|last|new|your|specific|distinct)\W+)*"
    r"(?:sub-?topics?|topics?|names?|titles?|chapters?|examples?|strings?|items?)"
    r"(?:\W+(?:names?|of|a|the|sub-?topics?|topics?|here|\d{1,2}|one|two|three|[a-e]))*\W*"
)
# A name that is made of these, of words between words and of topics above says nothing of its own.
_OF_PROMPTS = re.compile(
    r"chapters?|handbook|sub-?topics?|specifics?|key|topics?|practical|path|field|exactly|general"
    r"|a|about|above|an|and|are|for|from|how|in|is|its?|more|of|on|others?|th(?:at|e|eir|ese|is)|to|what|with"
)
_CHAPTER = re.compile("chapters?|subtopics?")
_BETWEEN_WORDS = re.compile(r"[\W_]+")


def tidied(name: str) -> str:
    """Return a name on one line, without a list number or bullet in front; an identifier is put in words."""
    name = re.sub(r"^(?:\d{1,3}[.)]|\[\d{1,3}\]|[-*\u2022])\s+", "", " ".join(name.split()))
    return name.replace("_", " ") if _IDENTIFIER.fullmatch(name) else name


def refused_because(name: str, path: TopicPath, taken: Iterable[str]) -> str | None:
    """Return why a name can't be a subtopic of the last topic of `path`, in a few words; None if it can.

    `taken` are the names that the topic has already.
    """
    if not any(map(str.isalpha, name)) and (len(name) <= _LONGEST_NUMBER or not any(map(str.isdigit, name))):
        return "it has no words"
    # What stands in a name above may stand in this one too.
    if _CODE.search(name) and not any(map(_CODE.search, path)):
        return "it is code, not a name"
    if _SEPARATOR.search(name) and not any(map(_SEPARATOR.search, path)):
        return "it is a path, not a name"
    if _BROKEN.search(name):
        return "it is only a part of a name"
    if _PLACEHOLDER.fullmatch(name):
        return "it is a placeholder"
    if len(name) > _LONGEST_NAME or len(name.split()) > _MOST_WORDS:
        return "it is too long for a name"
    if name[-1] in ".!?" and len(name.split()) > _SENTENCE_WORDS:
        return "it is a sentence, not a name"
    return _repeats(name, path, taken)


def _repeats(name: str, path: TopicPath, taken: Iterable[str]) -> str | None:
    """Return what a name repeats, if it repeats anything."""
    if _bare(name) in map(_bare, path):
        return "it is a topic above"
    if _bare(name) in map(_bare, taken):
        return "it is there already"
    return "it only repeats a topic above or the prompt" if _says_nothing_of_its_own(name, path) else None


def _says_nothing_of_its_own(name: str, path: TopicPath) -> bool:
    """Return whether a name holds nothing but the words of prompts and names of several words above it."""
    text = whole = _in_words(name)
    for above in map(_in_words, path):
        if " " in above.strip():
            text = text.replace(above, " ")
    words = text.split()
    if text == whole:
        return any(map(_CHAPTER.fullmatch, words)) and all(_OF_PROMPTS.fullmatch(one) or one.isdigit() for one in words)
    return all(map(_OF_PROMPTS.fullmatch, words))


def _in_words(name: str) -> str:
    """Return the words of a name, each with a space before and after it."""
    return f" {' '.join(_BETWEEN_WORDS.sub(' ', name.casefold()).split())} "


def _bare(name: str) -> str:
    """Return what counts when names are compared: without punctuation at the ends, but C++ and C# are two."""
    return fold(name).strip(" .,;:!?-_*\"'()[]")
