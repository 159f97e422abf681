"""Pairs of a better and a worse answer to the same prompt, from what people and gates said of samples.

A pair comes from a sample that was edited (the text before is the worse one), from one that was made again after people
rejected it, and from one that a check or the judge rejected before another one was accepted for the same work item. A
repetition of another sample isn't a worse answer, so what was rejected as one makes no pair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from deepfabric_core.samples.reading import JournalLine, key_of, messages_of
from deepfabric_core.samples.reviews import Reviews, sample_id

Source = Literal["edit", "review", "checks", "judge"]
LeftOut = Literal["another question", "the same answer", "no conversation"]
Messages = list[JournalLine]

# Equal pairs are of the same work item, so they stand close together.
_LATELY = 100
# What a gate is called in a line of the log of rejected samples, by the source of pairs that it is.
_SOURCES: Mapping[tuple[str, bool], Source] = {
    ("review", True): "review",
    ("checks", False): "checks",
    ("judge", False): "judge",
}


@dataclass(frozen=True, slots=True)
class Preference:
    """A pair: the messages of the prompt, and those of the `chosen` and of the `rejected` answer.

    `source` says why one is better: people edited it ("edit") or had the other one made again ("review"), or the
    "checks" or the "judge" rejected the other one. `records` are those of both, which may hold reasoning beside them.
    """

    prompt: Messages
    chosen: Messages
    rejected: Messages
    source: Source
    records: tuple[JournalLine, JournalLine] = field(default=({}, {}), compare=False, repr=False)

    def as_object(self) -> dict[str, Any]:
        """Return it as a record of TRL's format for preferences, with its source."""
        return {"prompt": self.prompt, "chosen": self.chosen, "rejected": self.rejected, "source": self.source}


@dataclass(frozen=True, slots=True)
class Preferences:
    """The pairs, in the order of the samples, and how many were left out, by the reason."""

    pairs: tuple[Preference, ...]
    left_out: Mapping[LeftOut, int]


def preferences(samples: Iterable[JournalLine], rejected: Iterable[JournalLine], reviews: Reviews) -> Preferences:
    """Return the pairs of samples that nobody rejects.

    Args:
        samples: lines of the journal, a sample each.
        rejected: lines of the log of rejected samples.
        reviews: what people said of them.
    """
    pairs: list[Preference] = []
    left_out: Counter[LeftOut] = Counter()
    for chosen, worse, source in _candidates(samples, rejected, reviews):
        found = _pair(chosen, worse, source)
        if not isinstance(found, Preference):
            left_out[found] += 1
        elif found not in pairs[-_LATELY:]:
            pairs.append(found)
    return Preferences(tuple(pairs), dict(left_out))


def _candidates(
    samples: Iterable[JournalLine], rejected: Iterable[JournalLine], reviews: Reviews
) -> Iterator[tuple[JournalLine, JournalLine, Source]]:
    """Yield a better record, a worse one for the same work item, and why it is worse."""
    refused = _by_work_item(rejected)
    for line in samples:
        record, key = line["sample"], key_of(line)
        review = reviews.of(sample_id(record))
        if review.is_rejected:
            continue
        chosen = review.applied_to(record)
        if review.edited is not None:
            yield chosen, record, "edit"
        for worse, source in refused.get(key, ()) if key else ():
            yield chosen, worse, source


def source_of(line: JournalLine) -> Source | None:
    """Return who found a rejected sample worse, by its line in their log; None if it only repeats another one."""
    return _SOURCES.get((str(line.get("gate")), line.get("check") == "review"))


def _by_work_item(rejected: Iterable[JournalLine]) -> dict[tuple[str, int], list[tuple[JournalLine, Source]]]:
    found: dict[tuple[str, int], list[tuple[JournalLine, Source]]] = {}
    for line in rejected:
        source = source_of(line)
        key, record = key_of(line), line.get("sample")
        if source and key and isinstance(record, Mapping):
            found.setdefault(key, []).append((record, source))
    return found


def _pair(chosen: JournalLine, rejected: JournalLine, source: Source) -> Preference | LeftOut:
    """Return the pair of two records, or why they are none."""
    better, worse = prompt_and_answer(chosen), prompt_and_answer(rejected)
    if better is None or worse is None:
        return "no conversation"
    if better[0] != worse[0]:
        return "another question"
    return "the same answer" if better[1] == worse[1] else Preference(*better, worse[1], source, (chosen, rejected))


def prompt_and_answer(record: JournalLine) -> tuple[Messages, Messages] | None:
    """Return the messages up to the last one of the user, and the answer: those after it; None if there is none.

    >>> prompt_and_answer({"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]})
    ([{'role': 'user', 'content': 'Why?'}], [{'role': 'assistant', 'content': 'So.'}])
    """
    messages = messages_of(record) or []
    asked = max((place for place, one in enumerate(messages) if one.get("role") == "user"), default=-1) + 1
    return (messages[:asked], messages[asked:]) if 0 < asked < len(messages) else None
