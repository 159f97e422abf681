"""Texts that repeat what the model was told, instead of carrying it out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from deepfabric_core.quality.checks.check import Find, Problem, Settings, excerpt
from deepfabric_core.quality.checks.passages import MOST_CHARACTERS, Passage, Passages

_ADVICE = "it repeated the instructions: carry them out, and write nothing about them"
# Our own prompts, in lower case.
_OURS = (
    "topic path, from general to specific",
    "topic path from general to specific",
    "reply as a json object",
    "reply with one json object of this json schema",
    'write one conversation about "',
    "write a conversation: first what the user asks",
    'write one record about "',
    "write one question that a user would ask an assistant",
    "don't repeat or rephrase their questions",
    "write a clearly different one:",
    "mind that an earlier reply could not be used",
    "what the user asks, in a sentence or two",
    "what the assistant answers, in full",
    "how one comes to the answer, step by step",
    "think it through step by step, in plain prose",
)  # fmt: skip
# Words of which each of those has one.
_SIGNS = frozenset(
    ("path, path json conversation record question rephrase clearly asks, mind answers, comes think").split()
)
# So many words of the user's prompts in a row are no coincidence; languages without spaces have more to a word.
_ROW = 10
_WINDOW, _STRIDE = 6, 5
_WORD = re.compile("[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\\W_]+")
# What a prompt quotes is meant to be written.
_TO_BE_WRITTEN = re.compile(
    r"“[^”]{1,600}”|„[^“”]{1,600}[“”]|«[^»]{1,600}»|「[^」]{1,600}」|\"[^\"]{1,600}\"|```.*?```|`[^`]{1,600}`"
)


def prompt_leak(settings: Settings) -> Find:
    """Return the check that no text holds the sentences of our prompts, or a row of words of the user's."""
    parts = [part.lower() for prompt in settings.prompts for part in _TO_BE_WRITTEN.split(prompt)]
    rows = [words for part in parts for words in (part.split(), _WORD.findall(part)) if len(words) >= _ROW]
    windows = {window: words for words in rows for window in _windows(words)}

    def find(passages: Passages) -> Problem | None:
        for passage in passages.all:
            if found := _ours(passage) or (_repeated(passage, windows) if windows else None):
                return Problem(f"the {passage.name} repeats the instructions", _ADVICE, excerpt(found))
        return None

    return find


def _ours(passage: Passage) -> str | None:
    if passage.is_latin and _SIGNS.isdisjoint(passage.words):
        return None
    return next((phrase for phrase in _OURS if phrase in passage.folded), None)


def _repeated(passage: Passage, windows: Mapping[tuple[str, ...], Sequence[str]]) -> str | None:
    """Return the words that a text shares with a prompt in one row, if they are many."""
    words = passage.tokens if passage.is_latin else _WORD.findall(passage.folded[:MOST_CHARACTERS])
    looked_at = zip(*(words[begin::_STRIDE] for begin in range(_WINDOW)), strict=False)
    if windows.keys().isdisjoint(looked_at):
        return None
    for begin in range(0, len(words) - _WINDOW + 1, _STRIDE):
        if (window := tuple(words[begin : begin + _WINDOW])) in windows:
            row = _row_around(words, begin, " ".join(windows[window]))
            if len(row) >= _ROW:
                return " ".join(row)
    return None


def _row_around(words: Sequence[str], begin: int, prompt: str) -> Sequence[str]:
    """Return the longest row of words around a window that stands in a prompt as well."""
    first, last = begin, begin + _WINDOW
    while first and _stands(words[first - 1 : last], prompt):
        first -= 1
    while last < len(words) and last - first < _ROW and _stands(words[first : last + 1], prompt):
        last += 1
    return words[first:last]


def _stands(words: Sequence[str], prompt: str) -> bool:
    return f" {' '.join(words)} " in f" {prompt} "


def _windows(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(words[begin : begin + _WINDOW]) for begin in range(len(words) - _WINDOW + 1))
