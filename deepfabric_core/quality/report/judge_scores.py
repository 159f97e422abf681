"""`JudgeScores`: the verdicts of judges in a dataset's metadata, in sum and by criterion, and the worst samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.report.examples import LowestScores, excerpt_of, shortened
from deepfabric_core.quality.report.numbers import finite

_MOST_CRITERIA = 40
_MOST_STEPS = 60
_LONGEST_NAME = 100


class JudgeScores:
    """How often each score was given, overall (in steps of a tenth) and by criterion."""

    def __init__(self) -> None:
        self._scores: Counter[float] = Counter()
        self._sum = 0.0
        self._criteria: dict[str, Counter[float]] = {}
        self._judges: Counter[str] = Counter()
        self._lowest = LowestScores()

    def add(self, verdict: object, candidate: Candidate, line: int) -> float | None:
        """Count a verdict as it stands in the metadata; return its score, or None if there is none that can be read."""
        if not isinstance(verdict, Mapping) or (score := finite(verdict.get("score"))) is None:
            return None
        self._count(self._scores, round(score, 1))
        self._sum += score
        scores, model = verdict.get("scores"), verdict.get("model")
        for name, given in scores.items() if isinstance(scores, Mapping) else ():
            self._add_criterion(str(name)[:_LONGEST_NAME], finite(given))
        if isinstance(model, str) and (model in self._judges or len(self._judges) < _MOST_CRITERIA):
            self._judges[model[:_LONGEST_NAME]] += 1
        if self._lowest.wants(score):
            self._lowest.add(score, {**excerpt_of(candidate, line), "reasons": _reasons(verdict.get("reasons"))})
        return score

    def _add_criterion(self, name: str, score: float | None) -> None:
        if score is not None and (name in self._criteria or len(self._criteria) < _MOST_CRITERIA):
            self._count(self._criteria.setdefault(name, Counter()), round(score, 1))

    @staticmethod
    def _count(scores: Counter[float], score: float, times: int = 1) -> None:
        if score in scores or len(scores) < _MOST_STEPS:
            scores[score] += times
        else:
            scores[min(scores, key=lambda known: abs(known - score))] += times

    def merge(self, other: JudgeScores) -> None:
        """Add the verdicts of another."""
        for score, times in other._scores.items():
            self._count(self._scores, score, times)
        for name, scores in other._criteria.items():
            if name in self._criteria or len(self._criteria) < _MOST_CRITERIA:
                own = self._criteria.setdefault(name, Counter())
                for score, times in scores.items():
                    self._count(own, score, times)
        self._sum += other._sum
        self._judges.update(other._judges)
        self._lowest.merge(other._lowest)

    def as_object(self) -> dict[str, Any] | None:
        """Return the sums, or None if no sample has a verdict."""
        judged = self._scores.total()
        if not judged:
            return None
        return {
            "judged": judged,
            "mean": round(self._sum / judged, 3),
            "scores": _steps(self._scores),
            "criteria": [
                {"name": name, "judged": scores.total(), "mean": _mean(scores), "scores": _steps(scores)}
                for name, scores in sorted(self._criteria.items(), key=lambda item: (_mean(item[1]), item[0]))
            ],
            "judges": dict(self._judges.most_common()),
            "lowest": self._lowest.as_object(),
        }


def _steps(scores: Counter[float]) -> list[dict[str, Any]]:
    return [{"score": score, "count": scores[score]} for score in sorted(scores)]


def _mean(scores: Counter[float]) -> float:
    return round(sum(score * times for score, times in scores.items()) / scores.total(), 3)


def _reasons(reasons: object) -> dict[str, str]:
    given = list(reasons.items())[:_MOST_CRITERIA] if isinstance(reasons, Mapping) else []
    return {str(name)[:_LONGEST_NAME]: shortened(text, 400) for name, text in given if isinstance(text, str)}
