"""The gate that asks judges, each a model with a limiter of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deepfabric_core.chat.messages import Spent
from deepfabric_core.errors import ModelError
from deepfabric_core.events import Notice
from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.judge.judgement import Judgement, metadata_of
from deepfabric_core.run.stages.circuit_breaker import CircuitBreaker
from deepfabric_core.run.stages.gates import Decision
from deepfabric_core.run.stages.judging import Judges, choose, judge_sample

if TYPE_CHECKING:
    from deepfabric_core.config.judge import Compare


# So many samples in a row without a judgement are told.
_UNJUDGED_ARE_TOLD = 5


class JudgeGate:
    """Accepts what the judges find good enough, and what they can't judge."""

    def __init__(self, judges: Judges, compare: Compare | None) -> None:
        self._judges = judges
        self._breaker = CircuitBreaker()
        self._unjudged_in_a_row = 0
        self._has_told = False
        self.best_of = compare.best_of if compare else 1

    async def examine(self, candidate: Candidate) -> Decision:
        """Return what the judges say of a candidate.

        Raises:
            Stopped: a stop came before all judges were asked.
            RunAborted: no judge can say anything of any sample, as with a wrong key.
        """
        judgement = await self.judgement_of(candidate)
        return Decision(
            judgement.finding(),
            {"judge": metadata_of(judgement, self._judges.criteria)},
            judgement.score,
            Spent(judgement.calls, judgement.usage),
            "" if judgement.is_judged else "; ".join(one.reason for one in judgement.unjudged),
        )

    async def judgement_of(self, candidate: Candidate) -> Judgement:
        """Return what each judge says of a candidate.

        Raises:
            Stopped, RunAborted: as by `examine`.
        """
        judgement = await judge_sample(candidate, self._judges)
        self._tell_if_useless(judgement)
        if judgement.is_judged:
            self._breaker.succeeded()
        elif (first := judgement.unjudged[0]).kind.hopeless:
            self._breaker.failed(ModelError(f"The judge {first.model} says nothing: {first.reason}", kind=first.kind))
        return judgement

    def _tell_if_useless(self, judgement: Judgement) -> None:
        """Tell once if the judges say nothing of any sample, though they are paid for."""
        if judgement.is_judged:
            self._unjudged_in_a_row = 0
            return
        self._unjudged_in_a_row += 1
        if self._unjudged_in_a_row == _UNJUDGED_ARE_TOLD and not self._has_told:
            self._has_told = True
            why = judgement.unjudged[0]
            self._judges.emit(
                Notice(
                    f"The last {_UNJUDGED_ARE_TOLD} samples are all unjudged, and accepted as they are: "
                    f"{why.model}: {why.reason}"
                )
            )

    async def ranked(self, candidates: Sequence[Candidate], scores: Sequence[float]) -> tuple[Sequence[int], Spent]:
        """Return the places of candidates, the best first, and what it took to find out.

        Raises:
            Stopped: a stop came before all comparisons were made.
        """
        choice = await choose(candidates, scores, self._judges)
        return choice.order, Spent(choice.calls, choice.usage)
