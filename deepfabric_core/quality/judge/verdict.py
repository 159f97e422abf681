"""`Verdict`: what one judge says of a sample; `Unjudged`: why it says nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from deepfabric_core.chat.messages import Usage
from deepfabric_core.errors import FailureKind

# Means of whole numbers, such as a third of ten, may be off by this much.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Score:
    """A score under one criterion, with the judge's reason; `least` is what this score must be, if that is asked."""

    criterion: str
    score: float
    reason: str = ""
    least: float | None = None

    @property
    def passes(self) -> bool:
        """Whether it is as high as this criterion asks for."""
        return self.least is None or self.score >= self.least - _ROUNDING


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one judge says of a sample: scores on a scale from `low` to `high`, whose mean must reach `least`."""

    scores: tuple[Score, ...]
    low: int
    high: int
    least: float
    model: str
    simulated: bool = False
    usage: Usage = field(default_factory=Usage)
    calls: int = 1

    @property
    def mean(self) -> float:
        """The mean of the scores."""
        return sum(one.score for one in self.scores) / len(self.scores)

    @property
    def passes(self) -> bool:
        """Whether the judge accepts the sample."""
        return self.mean >= self.least - _ROUNDING and all(one.passes for one in self.scores)

    @property
    def worst(self) -> Score:
        """The score that most speaks against the sample: one below its own least, or else the lowest."""
        return min(self.scores, key=lambda one: (one.passes, one.score))

    @property
    def excess(self) -> float:
        """By how much of the scale the mean exceeds the least; negative if it is below it."""
        return (self.mean - self.least) / (self.high - self.low)

    @property
    def share(self) -> float:
        """How far up the scale the mean is, from 0 to 1."""
        return (self.mean - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Why a judge said nothing of a sample: the call failed, or no reply could be used."""

    reason: str
    kind: FailureKind
    model: str
    usage: Usage = field(default_factory=Usage)
    calls: int = 1
