"""The least that is asked of any question and answer: words of their own, about more than the task itself.

This is always on, and only refuses what nobody could want in a dataset.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from deepfabric_core.errors import FailureKind, ReplyError

_FEWEST_LETTERS = 2
# So many words in a row of our own instructions are no coincidence.
_ECHOED_WORDS = 8
_WORD = re.compile(r"\w+")
_PLACEHOLDER = re.compile(
    r"(?i)\W*(?:(?:a|an|the|your|my|full|complete|final|short|one|some|user|user's|users|assistant|assistant's)\W+)*"
    r"(?:question|answer|reasoning|response|reply|text|string|content)"
    r"(?:\W+(?:here|goes here|text|string|in a sentence(?: or two)?))*\W*"
)


class ReplyChecks:
    """Checks of one recipe; `instructions` are our own words in its prompt, which no reply may repeat."""

    def __init__(self, *instructions: str) -> None:
        self._ours = frozenset(run for text in instructions for run in _runs(text))

    def check(self, question: str, answer: str, *, reasoning: str | None = None, earlier: Iterable[str] = ()) -> None:
        """Check a question and its answer; `earlier` are the questions that the topic has.

        Raises:
            ReplyError: one of them can't be used; the message says which and why.
        """
        self._check_question(question, earlier)
        self._check_text("reasoning", reasoning, least=_FEWEST_LETTERS)
        self._check_text("answer", answer, least=0 if any(map(str.isdigit, question)) or reasoning else 1)
        if _plain(question) == _plain(answer):
            raise _refusal("the answer only repeats the question")

    def _check_question(self, question: str, earlier: Iterable[str]) -> None:
        self._check_text("question", question, least=_FEWEST_LETTERS)
        if _plain(question) in map(_plain, earlier):
            raise _refusal("the question was asked before: ask another one")

    def _check_text(self, what: str, text: str | None, *, least: int) -> None:
        """Check one text, which must have so many letters at least, or for 0 a letter or a digit."""
        if text is None:
            return
        if not any(map(str.isalnum, text)) or sum(map(str.isalpha, text)) < least:
            raise _refusal(f"the {what} has no words: write it out")
        if _PLACEHOLDER.fullmatch(text):
            raise _refusal(f"the {what} is a placeholder: write it out")
        if not self._ours.isdisjoint(_runs(text)):
            raise _refusal(f"the {what} repeats these instructions instead of carrying them out")


def _refusal(reason: str) -> ReplyError:
    return ReplyError(reason, kind=FailureKind.INVALID_REPLY)


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))


def _runs(text: str) -> Iterable[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return (tuple(words[i : i + _ECHOED_WORDS]) for i in range(len(words) - _ECHOED_WORDS + 1))
