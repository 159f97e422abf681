"""The questions that a dataset has, so that none is asked twice."""

from __future__ import annotations

import re
from collections.abc import Hashable

_WORD = re.compile(r"\w+")
_IN_DATASET = object()
# After so many samples in a row whose question was a repetition again when it was asked anew, repetitions are kept.
_IN_VAIN = 3


def words_of(text: str) -> str:
    """Return the words of a text alone, in lower case, with one space between them."""
    return " ".join(_WORD.findall(text.casefold()))


class AskedQuestions:
    """The last questions of a dataset, told apart by their words, and whose they are.

    A question belongs to a sample from the moment it is accepted, so that no two samples in the making have the same.
    A sample is never lost to a repetition: its question is refused at most `retries` times, and not any more once the
    model was found to repeat itself whatever it is asked (`kept_all`).
    """

    def __init__(self, retries: int, remembered: int = 100_000) -> None:
        self._owners: dict[int, Hashable] = {}
        self._retries = retries
        self._remembered = remembered
        self._refused: dict[Hashable, int] = {}
        self._in_vain = 0

    @property
    def kept_all(self) -> bool:
        """Whether repetitions are no longer refused."""
        return self._in_vain >= _IN_VAIN

    def claim(self, question: str, owner: Hashable = _IN_DATASET) -> bool:
        """Claim a question for a sample in the making, or by default for a finished one; False if it is taken."""
        known = hash(words_of(question))
        refused = self._refused.pop(owner, 0)
        if self._owners.setdefault(known, owner) == owner:
            self._in_vain = 0 if refused and not self.kept_all else self._in_vain
            if len(self._owners) > self._remembered:
                del self._owners[next(iter(self._owners))]
            return True
        self._in_vain += refused > 0
        if self.kept_all or refused >= self._retries:
            return True
        self._refused[owner] = refused + 1
        return False
