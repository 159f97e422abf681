"""The gate against duplicates: a candidate is compared with all samples so far, and with those still being judged.

A candidate repeats a sample if all their words are the same, or so many runs of three words that they reach the
threshold; and, unless the rules say otherwise, if the question is the same in all its words, or an answer that isn't
short in nearly all. Samples that ask about other numbers are different ones, as of two calculations, unless an answer
is the same. Another subject put into the same words shows in the runs of words if it is named often enough.

Two equal candidates may be finished at once, and a judge takes its time. So a candidate is claimed before it is judged,
and others are compared with it until it is accepted or released.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Literal

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.finding import Finding
from deepfabric_core.quality.sample_print import SHORTEST_ANSWER, Likeness, SamplePrint, is_pair, print_of, runs_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["same", "near", "question", "answer", "meaning"]
TextOf = Callable[[int], Candidate | None]
NameOf = Callable[[int], str]

# How far the estimate of a print may be off: two and a half standard deviations.
_ESTIMATE_MARGIN = 0.11
# How many texts are read to measure what the prints estimate.
_MOST_READ = 4
_LOADED_AT_ONCE = 4096
_EVIDENCE_CHARACTERS = 160

NAMES: dict[Kind, str] = {
    "same": "duplicate",
    "near": "near_duplicate",
    "question": "same_question",
    "answer": "same_answer",
    "meaning": "same_meaning",
}
_OTHER = "another sample"
_ADVICE = "it is too much like a sample that there is already; ask about something clearly different, in other words"
_ADVICE_SCHEMA = "it is too much like a record that there is already; write one with clearly different content"
_REASONS: dict[Kind, str] = {
    "same": "all its words are those of {other}",
    "near": "{shared:.0%} of the runs of three words are the same in it and in {other}",
    "question": "its question is that of {other}",
    "answer": "its answer is that of {other}",
    "meaning": "it means {shared:.0%} the same as {other}",
}


@dataclass(frozen=True, slots=True)
class DuplicateRules:
    """What counts as a duplicate: the share of common runs of words, and an equal question or an equal answer alone."""

    threshold: float = 0.6
    same_question: bool = True
    same_answer: bool = True


@dataclass(frozen=True, slots=True)
class Match:
    """The sample that a candidate repeats: its key, None while it is pending, and its texts where they can be read."""

    kind: Kind
    shared: float
    key: int | None
    other: Candidate | None = None


def repeated_across(prints: Sequence[SamplePrint], groups: Sequence[int], threshold: float) -> NDArray[np.bool_]:
    """Return for each sample whether it may repeat one of another group, or be repeated, by their prints."""
    from deepfabric_core.quality.prints_across import alike_across

    return alike_across(prints, groups, threshold, _ESTIMATE_MARGIN)


class DuplicateIndex:
    """All samples that a candidate is compared with, by keys that are whole numbers of the caller's.

    `text_of` returns the texts of a sample by its key. With it, estimates near the threshold are measured by texts,
    and what is found can be shown. `name_of` returns what people are told that a sample is, as "record 3 of old.jsonl".
    `expected` is how many samples there will be, so that none waits while room is made.
    A `quick` index takes bounded time for a sample, and may miss one among very many that are much alike.
    """

    def __init__(
        self,
        rules: DuplicateRules | None = None,
        *,
        expected: int = 0,
        text_of: TextOf | None = None,
        name_of: NameOf | None = None,
        quick: bool = False,
    ) -> None:
        from deepfabric_core.quality.pending_prints import PendingPrints
        from deepfabric_core.quality.print_index import PrintIndex

        self.rules = rules or DuplicateRules()
        self._text_of = text_of
        self._name_of = name_of
        margin = _ESTIMATE_MARGIN if text_of else 0.0
        self._nearly_equal = min(1.0, self.rules.threshold + _ESTIMATE_MARGIN)
        self._accepted = PrintIndex(self.rules.threshold, margin, expected, quick=quick)
        self._pending = PendingPrints(self.rules.threshold - _ESTIMATE_MARGIN)
        self._keys = array("q")

    def __len__(self) -> int:
        """Return how many samples a candidate is compared with, without pending ones."""
        return len(self._keys)

    def add(self, key: int, candidate: Candidate) -> SamplePrint | None:
        """Add a sample that is accepted already, and return its print; None if it has no words."""
        own = print_of(candidate)
        if own is not None:
            self.load([(key, own)])
        return own

    def load(self, prints: Iterable[tuple[int, SamplePrint]]) -> None:
        """Add many samples by their prints."""
        remaining = iter(prints)
        while some := list(islice(remaining, _LOADED_AT_ONCE)):
            self._accepted.add_all([own for _, own in some])
            self._keys.extend(key for key, _ in some)

    def nearest(self, candidate: Candidate, owner: Hashable | None = None) -> Match | None:
        """Return the sample that a candidate repeats; what `owner` itself has pending isn't compared with."""
        own = print_of(candidate)
        return None if own is None else self.nearest_to(own, lambda: candidate, owner)

    def nearest_to(
        self, own: SamplePrint, texts: Callable[[], Candidate | None], owner: Hashable | None = None
    ) -> Match | None:
        """Return the sample that another one repeats, by its print; `texts` reads that one where they are needed."""
        pending = ((None, likeness, other) for other, likeness in self._pending.alike(own, owner))
        accepted = ((self._keys[row], likeness, None) for row, likeness in self._accepted.alike(own))
        candidate: Candidate | None = None
        runs: set[str] | None = None
        unread = _MOST_READ
        for key, likeness, known in chain(pending, accepted):
            if kind := self._certain(likeness):
                return Match(kind, likeness.shared, key, known or self._text(key))
            if not likeness.same_numbers or not unread:
                continue
            other = known or self._text(key)
            candidate = candidate or (texts() if other else None)
            if other is None or candidate is None:
                if likeness.shared >= self.rules.threshold:
                    return Match("near", likeness.shared, key)
                continue
            unread -= 1
            runs = runs or runs_of(candidate)
            shared = _shared(runs, runs_of(other))
            if shared >= self.rules.threshold or self._has_answer_of(other, candidate):
                return Match("near", shared, key, other)
        return None

    def claim(self, candidate: Candidate, owner: Hashable) -> Match | None:
        """Return the sample that a candidate repeats; if there is none, keep it as its owner's pending one."""
        self.release(owner)
        own = print_of(candidate)
        if own is None:
            return None
        match = self.nearest_to(own, lambda: candidate, owner)
        if match is None:
            self._pending.put(owner, candidate, own)
        return match

    def accept(self, owner: Hashable, key: int) -> SamplePrint | None:
        """Make a sample of what an owner has claimed, and return its print; None if it has no words."""
        held = self._pending.take(owner)
        if held is None:
            return None
        self.load([(key, held[1])])
        return held[1]

    def release(self, owner: Hashable) -> None:
        """Give up what an owner has claimed, if anything: it was rejected for another reason."""
        self._pending.take(owner)

    def finding(self, candidate: Candidate, owner: Hashable) -> Finding | None:
        """Claim a candidate, and return what there is against it."""
        match = self.claim(candidate, owner)
        return None if match is None else finding_of(match, candidate, self._name_of)

    def _has_answer_of(self, other: Candidate, candidate: Candidate) -> bool:
        """Whether the answers alone are nearly the same, whatever was asked."""
        if not (self.rules.same_answer and is_pair(candidate) and is_pair(other)):
            return False
        runs, others = (runs_of(Candidate("", one.answer)) for one in (candidate, other))
        return min(len(runs), len(others)) >= SHORTEST_ANSWER and _shared(runs, others) >= self._nearly_equal

    def _certain(self, likeness: Likeness) -> Kind | None:
        """Return in what a sample is repeated, if its print alone shows it."""
        if likeness.same_words:
            return "same"
        if likeness.same_question and self.rules.same_question:
            return "question"
        if likeness.same_answer and self.rules.same_answer:
            return "answer"
        return "near" if likeness.shared >= self._nearly_equal and likeness.same_numbers else None

    def _text(self, key: int | None) -> Candidate | None:
        return self._text_of(key) if self._text_of and key is not None else None


def finding_of(match: Match, candidate: Candidate, name_of: NameOf | None = None) -> Finding:
    """Return what there is against a candidate that repeats a sample."""
    other = name_of(match.key) if name_of and match.key is not None else _OTHER
    advice = _ADVICE if candidate.is_conversation else _ADVICE_SCHEMA
    reason = _REASONS[match.kind].format(shared=match.shared, other=other)
    return Finding("duplicates", NAMES[match.kind], reason, advice, _beginning(match.other))


def _beginning(other: Candidate | None) -> str:
    """Return the first words of a sample."""
    if other is None:
        return ""
    texts = (other.question, *(text for _, text in other.texts()))
    first = " ".join(next((text for text in texts if text.strip()), "")[: 2 * _EVIDENCE_CHARACTERS].split())
    return first if len(first) <= _EVIDENCE_CHARACTERS else f"{first[:_EVIDENCE_CHARACTERS].rstrip()}..."


def _shared(runs: set[str], others: set[str]) -> float:
    common = len(runs & others)
    return common / ((len(runs) + len(others) - common) or 1)
