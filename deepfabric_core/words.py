"""The words of a text, for comparing texts: whatever the case, the punctuation and the markup."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

# Scripts that are written without spaces: Thai, Lao, Burmese, Khmer, kana and Chinese characters.
_WITHOUT_SPACES = (
    "\u0e01-\u0e4e\u0e81-\u0ecd\u1000-\u103f\u1780-\u17d3"
    "\u3005\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# Marks that belong to the letter before: accents, Hebrew and Arabic vowels, and the vowels of Indian scripts.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
_WORD = re.compile(r"\w+(?:\+\+|#)?")
_WORD_OR_CHARACTER = re.compile(rf"[{_WITHOUT_SPACES}]|(?:(?![{_WITHOUT_SPACES}])[\w{_MARKS}])+(?:\+\+|#)?")

_SPACELESS = re.compile(f"[{_WITHOUT_SPACES}]")
# Without any of these, the simpler expression finds the same words in half the time.
_UNLIKE_LATIN = re.compile(rf"[{_WITHOUT_SPACES}{_MARKS}]")


# A text is often read twice in a row, for its print and for what else is counted.
@lru_cache(maxsize=4)
def words_in(text: str) -> list[str]:
    """Return the words of a text in lower case; of a script without spaces, each character counts as a word.

    >>> words_in("C++ isn't C#: see **main_loop(2)**"), words_in("日本の猫")
    (['c++', 'isn', 't', 'c#', 'see', 'main_loop', '2'], ['日', '本', 'の', '猫'])
    """
    if text.isascii():
        return _WORD.findall(text.lower())
    folded = unicodedata.normalize("NFKC", text).casefold()
    return (_WORD_OR_CHARACTER if _UNLIKE_LATIN.search(folded) else _WORD).findall(folded)


def has_spaceless(text: str) -> bool:
    """Return whether some of a text is in a script without spaces."""
    return not text.isascii() and _SPACELESS.search(text) is not None


def words_or_signs(text: str) -> list[str]:
    """Return the words of a text or, if it has none, its characters, as of a text of emoji alone."""
    return words_in(text) or [sign for sign in text if not (sign.isspace() or "\ud800" <= sign <= "\udfff")]


def shingles(words: Sequence[str], size: int) -> list[str]:
    """Return all runs of `size` words; a shorter text is one run, and one without words has none.

    >>> shingles(["a", "b", "c"], 2), shingles(["a"], 2), shingles([], 2)
    (['a b', 'b c'], ['a'], [])
    """
    if len(words) <= size:
        return [" ".join(words)] if words else []
    return list(map(" ".join, zip(*(words[at:] for at in range(size)), strict=False)))
