"""Examples of samples: the first of each kind, or those with the lowest score, with their texts shortened."""

from __future__ import annotations

from typing import Any

from deepfabric_core.quality.candidate import Candidate

LONGEST_TEXT = 1_500
_LONGEST_NAME = 200
_MOST_KINDS = 200


def shortened(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return a text, cut to a length; a mark shows that it was cut."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def excerpt_of(candidate: Candidate, line: int) -> dict[str, Any]:
    """Return the texts of a sample and the line that it stands on, for a report."""
    fields = {} if candidate.is_conversation else dict(list(candidate.fields.items())[:12])
    return {
        "line": line,
        "path": [shortened(name, _LONGEST_NAME) for name in candidate.path[:12]],
        "question": shortened(candidate.question),
        "answer": shortened(candidate.answer),
        "reasoning": shortened(candidate.reasoning),
        "fields": {shortened(name, _LONGEST_NAME): shortened(text) for name, text in fields.items()},
    }


class FirstOfEachKind:
    """How many there are of each kind, and the first few of each as examples.

    Kinds beyond 200 are counted together, as "other".
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[dict[str, Any]]] = {}

    def wants(self, kind: str) -> bool:
        """Return whether another example of a kind would be kept."""
        return len(self._examples.get(kind, ())) < self._most

    def add(self, kind: str, example: dict[str, Any] | None = None, times: int = 1) -> None:
        """Count one of a kind, and keep the example if there are too few."""
        if kind not in self._counts and len(self._counts) >= _MOST_KINDS:
            kind = "other"
        self._counts[kind] = self._counts.get(kind, 0) + times
        if example is not None and self.wants(kind):
            self._examples.setdefault(kind, []).append(example)

    def merge(self, other: FirstOfEachKind) -> None:
        """Add those of another, which come later."""
        for kind, number in other._counts.items():
            self.add(kind, times=number)
            for example in other._examples.get(kind, ()):
                if self.wants(kind):
                    self._examples.setdefault(kind, []).append(example)

    @property
    def total(self) -> int:
        """How many there are in all."""
        return sum(self._counts.values())

    def as_object(self) -> list[dict[str, Any]]:
        """Return each kind with its count and examples, the most frequent first."""
        ordered = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        return [{"name": kind, "count": count, "examples": self._examples.get(kind, [])} for kind, count in ordered]


class LowestScores:
    """The samples with the lowest scores, a bounded number; of equal ones those that come first."""

    def __init__(self, most: int = 10) -> None:
        self._most = most
        self._kept: list[tuple[float, int, dict[str, Any]]] = []

    def wants(self, score: float) -> bool:
        """Return whether a sample of this score would be kept."""
        return len(self._kept) < self._most or score < self._kept[-1][0]

    def add(self, score: float, example: dict[str, Any]) -> None:
        """Keep a sample if its score is low enough."""
        self._kept.append((score, example["line"], example))
        self._kept.sort(key=lambda one: one[:2])
        del self._kept[self._most :]

    def merge(self, other: LowestScores) -> None:
        """Add those of another."""
        for score, _, example in other._kept:
            self.add(score, example)

    def as_object(self) -> list[dict[str, Any]]:
        """Return them with their scores, the lowest first."""
        return [{"score": score, **example} for score, _, example in self._kept]
