"""The least that is asked of any question and answer: words of their own, about more than the task itself.

This is always on, and only refuses what nobody could want in a dataset.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from zlib import crc32

from deepfabric_core.errors import FailureKind, Remedy, ReplyError
from deepfabric_core.samples.asked_questions import words_of
from deepfabric_core.samples.recipes.recipe import Brief, angle
from deepfabric_core.topics.model import TopicPath

_FEWEST_LETTERS = 2
# So many words in a row of our own instructions are no coincidence.
_ECHOED_WORDS = 6
# A question about nothing but the first of these, which are the words of prompts, is about nothing.
_WORDS_OF_PROMPTS = frozenset(
    (
        "answer answers assistant conversation example path prompt question questions reasoning reply respond "
        "response solution subject task topic topics user users"
    ).split()
)
_WORDS_BETWEEN = frozenset(
    (
        "a about above an and are as ask asked asking be below can correct could do does final first following for "
        "from given give has have help here how i in is it its last me my next of on one or please say should so "
        "some tell that the their there these this those to us use want was we what when which who why will with "
        "would write you your"
    ).split()
)
_FEWEST_WORDS_REPEATED = 6
# A shorter name of a topic may be the answer to a question.
_FEWEST_WORDS_OF_A_TITLE = 4
_QUESTION_MARKS = ("?", "\uff1f", "\u061f")
_MARKUP = re.compile(r"<[^>]*>?|\{\{[^}]*\}*")
_GAP = re.compile(
    r"(?i)[\[{]\W*(?:(?:a|an|the|my|your|last|specific|user|user's|assistant's)\W+)*"
    r"(?:topic|subject|question|answer|response)s?\W*[\]}]"
)
_PLACEHOLDER = re.compile(
    r"(?i)\W*(?:(?:a|an|the|your|my|full|complete|final|short|one|some|user|user's|users|assistant|assistant's)\W+)*"
    r"(?:question|answer|reasoning|response|reply|text|string|content)"
    r"(?:\W+(?:here|goes here|text|string|in a sentence(?: or two)?))*\W*"
)


class ReplyChecks:
    """Checks of one recipe; `instructions` are our own words in its prompt, which no reply may repeat."""

    def __init__(self, *instructions: str) -> None:
        self._ours = frozenset(run for text in instructions for run in _runs(text))

    def check(self, question: str, answer: str, brief: Brief, *, reasoning: str | None = None) -> None:
        """Check a question and its answer about the topic of a brief.

        Raises:
            ReplyError: one of them can't be used; the message says which and why.
        """
        self.check_question(question, brief)
        self._check_text("reasoning", reasoning, least=_FEWEST_LETTERS)
        self.check_answer(question, answer, brief, may_be_number=bool(reasoning))

    def check_answer(self, question: str, answer: str, brief: Brief, *, may_be_number: bool = False) -> None:
        """Check the answer to a question.

        Raises:
            ReplyError: it can't be used; the message says why.
        """
        self._check_text("answer", answer, least=0 if may_be_number or any(map(str.isdigit, question)) else 1)
        if words_of(answer) == words_of(question):
            raise _refusal("the answer only repeats the question", "give an answer of its own")
        if len(answer.split()) >= _FEWEST_WORDS_OF_A_TITLE and words_of(answer) in map(words_of, brief.path):
            raise _refusal("the answer only names the topic", "answer the question")

    def check_question(self, question: str, brief: Brief) -> None:
        """Check a question alone.

        Raises:
            ReplyError: it can't be used; the message says why.
        """
        self._check_text("question", question, least=_FEWEST_LETTERS)
        asked = words_of(question)
        if not question.rstrip().endswith(_QUESTION_MARKS) and asked in _names_in(brief.path):
            raise _refusal("the question only names the topic", "ask something about it")
        words = set(asked.split())
        if words & _WORDS_OF_PROMPTS and words <= _WORDS_OF_PROMPTS | _WORDS_BETWEEN:
            raise _refusal("the question is about nothing", "ask something about the topic")
        if _GAP.search(question):
            raise _refusal("the question has a gap to fill in", "write it out")
        if any(_is_repeated(asked, words_of(one)) for one in brief.earlier) or not brief.claim(question):
            another = angle(crc32(asked.encode()) + brief.cycle)
            raise _refusal("the question was asked before", f"ask another one, about {another}", "omit_examples")

    def _check_text(self, what: str, text: str | None, *, least: int) -> None:
        """Check one text, which must have so many letters at least, or for 0 a letter or a digit."""
        if text is None:
            return
        if not any(map(str.isalnum, text)) or sum(map(str.isalpha, text)) < least:
            raise _refusal(f"the {what} has no words", "write it out")
        if not any(map(str.isalpha, _MARKUP.sub("", text))) and _MARKUP.search(text):
            raise _refusal(f"the {what} is markup without words", "write it in words")
        if _PLACEHOLDER.fullmatch(text):
            raise _refusal(f"the {what} is a placeholder", "write it out")
        if not self._ours.isdisjoint(_runs(text)):
            raise _refusal(f"the {what} repeats the instructions", "carry them out instead")


def _refusal(reason: str, advice: str, remedy: Remedy = "redraw") -> ReplyError:
    for_model = f"{reason}: {advice}"
    return ReplyError(reason, kind=FailureKind.INVALID_REPLY, for_model=for_model, remedy=remedy)


def _names_in(path: TopicPath) -> set[str]:
    """Return the names of a path, alone and in a row."""
    names = [*map(words_of, path)]
    return {" ".join(names[begin:end]) for end in range(1, len(names) + 1) for begin in range(end)}


def _is_repeated(question: str, earlier: str) -> bool:
    """Return whether a question is an earlier one, or holds a whole earlier one, or is a part of it."""
    shorter, longer = sorted((question, earlier), key=len)
    return question == earlier or (len(shorter.split()) >= _FEWEST_WORDS_REPEATED and f" {shorter} " in f" {longer} ")


def _runs(text: str) -> Iterable[tuple[str, ...]]:
    words = words_of(text).split()
    return (tuple(words[i : i + _ECHOED_WORDS]) for i in range(len(words) - _ECHOED_WORDS + 1))
