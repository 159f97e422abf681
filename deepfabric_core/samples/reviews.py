"""What people say of samples: each decision, and what follows from all decisions on a dataset.

A sample is known by what it says (`sample_id`), whether it is read from a run, from its dataset or from a DataFrame. So
a decision holds for that text alone: a sample that is made again has no verdict yet, and an edited one keeps its id, as
the dataset itself isn't changed by a review.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any, Generic, Literal, TypeVar

from deepfabric_core.samples.reading import metadata_of
from deepfabric_core.samples.records import Record

Action = Literal["accept", "reject", "edit", "comment", "undo"]
Verdict = Literal["accepted", "rejected"]
Key = TypeVar("Key", bound=Hashable)

_LENGTH = 16
# Of what a person wrote, so much is told to a model.
_LONGEST_TOLD = 1000
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str).encode


def sample_id(record: Mapping[str, Any]) -> str:
    """Return the id by which a review knows a sample: 16 hexadecimal digits of what it says, without its metadata.

    >>> sample_id({"question": "Why?", "metadata": {"cost": 1}}) == sample_id({"question": "Why?"})
    True
    """
    said = {name: value for name, value in record.items() if name != "metadata"}
    return hashlib.sha256(_encode(said).encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody said of a sample, a line of the file of reviews.

    `id` is the decision's own; an undo names the one it takes back in `undoes`. `topic_id` and `cycle` are of the work
    item, if known. `instruction` is for the model that makes a rejected sample again. Of an edit, `before` and `after`
    are the whole records. `at` is in seconds since the epoch.
    """

    id: str
    sample: str
    action: Action
    who: str
    at: float
    topic_id: str | None = None
    cycle: int | None = None
    reason: str = ""
    instruction: str = ""
    comment: str = ""
    before: Record | None = None
    after: Record | None = None
    undoes: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """What holds of a sample after all decisions on it: `edited` is the record as it was edited last."""

    verdict: Verdict | None = None
    reason: str = ""
    instruction: str = ""
    comments: tuple[str, ...] = ()
    edited: Record | None = None
    decisions: tuple[Decision, ...] = ()

    @property
    def is_rejected(self) -> bool:
        """Whether the sample is to be left out, or made again."""
        return self.verdict == "rejected"

    @property
    def verdict_as_made(self) -> Verdict | None:
        """What people say of the sample as a judge saw it; None also if they edited it."""
        return None if self.edited is not None else self.verdict

    def applied_to(self, original: Record) -> Record:
        """Return the record as it was edited last, or else the original."""
        return original if self.edited is None else self.edited

    @property
    def advice(self) -> str:
        """What a model is told that makes a rejected sample again; it completes "an earlier attempt was refused: ...".

        >>> Review("rejected", reason="wrong unit", instruction="Use metres.").advice
        'a reviewer rejected it (wrong unit) and asks for this instead: Use metres'
        """
        reason, instruction = (" ".join(text.split())[:_LONGEST_TOLD] for text in (self.reason, self.instruction))
        asked = f" and asks for this instead: {instruction.rstrip('.')}" if instruction else "; write a different one"
        return f"a reviewer rejected it{f' ({reason})' if reason else ''}{asked}"


_NONE = Review()


@dataclass(slots=True)
class Reviews:
    """The decisions on a dataset, in their order, and what follows from them."""

    decisions: list[Decision] = field(default_factory=list)
    _by_sample: dict[str, list[Decision]] = field(default_factory=dict)
    _undone: set[str] = field(default_factory=set)

    def add(self, decision: Decision) -> None:
        """Add the next decision."""
        self.decisions.append(decision)
        if decision.action == "undo":
            self._undone.add(decision.undoes)
        else:
            self._by_sample.setdefault(decision.sample, []).append(decision)

    def of(self, sample: str) -> Review:
        """Return what holds of a sample, by its id."""
        review = _NONE
        for decision in self._by_sample.get(sample, ()):
            if decision.id not in self._undone:
                review = _after(review, decision)
        return review

    def samples(self) -> Iterator[str]:
        """Yield the ids of the samples on which any decision holds."""
        return (sample for sample in self._by_sample if self.of(sample).decisions)

    def rejected(self) -> dict[str, Review]:
        """Return what holds of each rejected sample, by its id."""
        found = {sample: self.of(sample) for sample in self._by_sample}
        return {sample: review for sample, review in found.items() if review.is_rejected}

    @property
    def last(self) -> Decision | None:
        """The latest decision that holds, which an undo takes back; None if there is none."""
        return next(self._latest_first(), None)

    @property
    def made_last(self) -> list[Decision]:
        """The latest decisions that hold and were made at once, by one person at one time, the latest first."""
        last = self.last
        made_at = last and (last.at, last.who)
        return list(takewhile(lambda one: (one.at, one.who) == made_at, self._latest_first()))

    def _latest_first(self) -> Iterator[Decision]:
        """Yield the decisions that hold."""
        return (one for one in reversed(self.decisions) if one.action != "undo" and one.id not in self._undone)


def _after(review: Review, decision: Decision) -> Review:
    review = replace(review, decisions=(*review.decisions, decision))
    if decision.comment:
        review = replace(review, comments=(*review.comments, decision.comment))
    match decision.action:
        case "accept":
            return replace(review, verdict="accepted", reason="", instruction="")
        case "reject":
            return replace(review, verdict="rejected", reason=decision.reason, instruction=decision.instruction)
        case "edit":
            return replace(review, verdict="accepted", reason="", instruction="", edited=decision.after)
    return review


@dataclass(frozen=True, slots=True)
class Standing(Generic[Key]):
    """Which of several samples of a work item stands, by their places: the last one that isn't rejected.

    `rejected` has the last one of each work item of which all are rejected.
    """

    accepted: Mapping[Key, int]
    rejected: Mapping[Key, int]


def standing(samples: Iterable[tuple[int, Key, Record]], is_rejected: Callable[[Record], bool]) -> Standing[Key]:
    """Return which samples stand, of samples with their places and the keys of their work items, in their order.

    >>> samples = [(1, "tea", {"q": "Why?"}), (2, "tea", {"q": "How?"}), (3, "rye", {"q": "Why?"})]
    >>> standing(samples, lambda record: record["q"] == "Why?")
    Standing(accepted={'tea': 2}, rejected={'rye': 3})
    """
    accepted: dict[Key, int] = {}
    rejected: dict[Key, int] = {}
    for place, key, record in samples:
        (rejected if is_rejected(record) else accepted)[key] = place
    return Standing(accepted, {key: place for key, place in rejected.items() if key not in accepted})


def verdict_of_judge(record: Mapping[str, Any]) -> Verdict | None:
    """Return whether the judge accepted a sample, as its metadata say; None if it wasn't judged."""
    judge = metadata_of(record).get("judge")
    if not isinstance(judge, Mapping) or not judge.get("judged"):
        return None
    return "accepted" if judge.get("passed") else "rejected"
