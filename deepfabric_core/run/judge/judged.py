"""`Judged`: what became of a dataset that was judged."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from deepfabric_core.amounts import Spent
from deepfabric_core.events import Ending
from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.judge.judgement import Judgement

_WORST = 5


class Rated(NamedTuple):
    """A judged sample: its score, its line in the dataset (from 1), its topic, and the judges' reason."""

    score: float
    line: int
    topic: str
    reason: str


@dataclass(slots=True)
class Judged:
    """What became of a dataset: `ending` as of a run, counts, the mean of each criterion, and the worst samples.

    `samples` were to be judged. Of these, `judged` have a judgement and `accepted` a good enough one, `empty` have no
    text. `spent` is what all sessions took, and `low` to `high` the scale. `output` is None if nothing was written,
    and `why_unjudged` is why the first sample of this session has no judgement that has none.
    """

    samples: int = 0
    judged: int = 0
    accepted: int = 0
    empty: int = 0
    ending: Ending = "complete"
    reason: str = ""
    spent: Spent = field(default_factory=Spent)
    output: Path | None = None
    rejected: Path | None = None
    low: int = 1
    high: int = 5
    totals: dict[str, float] = field(default_factory=dict)
    scores: Counter[int] = field(default_factory=Counter)
    sum_of_scores: float = 0.0
    worst: list[Rated] = field(default_factory=list)
    simulated: bool = False
    why_unjudged: str = ""

    @property
    def unjudged(self) -> int:
        """How many samples have no judgement, though they have a text."""
        return self.samples - self.judged - self.empty

    @property
    def mean(self) -> float:
        """The mean score; 0 if there is none."""
        return self.sum_of_scores / self.judged if self.judged else 0.0

    def add(self, line: int, candidate: Candidate, judgement: Judgement, said: Mapping[str, Any]) -> None:
        """Count a judged sample; `said` is what its metadata say of it."""
        self.judged += 1
        self.accepted += judgement.passes
        self.simulated |= said["simulated"]
        self.sum_of_scores += judgement.score
        self.scores[round(judgement.score)] += 1
        for name, score in said["scores"].items():
            self.totals[name] = self.totals.get(name, 0.0) + score
        lowest = min(said["scores"], key=lambda name: said["scores"][name])
        reason = f"{lowest}: {said['reasons'][lowest]}"
        rated = Rated(-judgement.score, -line, " > ".join(candidate.about), reason)
        (heapq.heappush if len(self.worst) < _WORST else heapq.heappushpop)(self.worst, rated)

    def finish(self) -> None:
        """Put the worst samples in order, the worst first."""
        ordered = sorted(self.worst, reverse=True)
        self.worst = [one._replace(score=-one.score, line=-one.line) for one in ordered]
