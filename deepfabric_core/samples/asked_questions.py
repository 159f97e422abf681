"""The questions that a dataset has, so that none is asked twice."""

from __future__ import annotations

import re
from collections.abc import Hashable

_WORD = re.compile(r"\w+")
_IN_DATASET = object()


def words_of(text: str) -> str:
    """Return the words of a text alone, in lower case, with one space between them."""
    return " ".join(_WORD.findall(text.casefold()))


class AskedQuestions:
    """The last questions of a dataset, told apart by their words, and whose they are.

    A question belongs to a sample from the moment it is accepted, so that no two samples in the making have the same.
    """

    def __init__(self, remembered: int = 100_000) -> None:
        self._owners: dict[int, Hashable] = {}
        self._remembered = remembered

    def claim(self, question: str, owner: Hashable = _IN_DATASET) -> bool:
        """Claim a question for a sample in the making, or by default for a finished one; False if it is taken."""
        known = hash(words_of(question))
        if self._owners.setdefault(known, owner) != owner:
            return False
        if len(self._owners) > self._remembered:
            del self._owners[next(iter(self._owners))]
        return True
