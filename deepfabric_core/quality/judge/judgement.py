"""`Judgement`: what all judges together say of a sample, the finding that follows, and what its metadata keep of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from deepfabric_core.chat.messages import Usage
from deepfabric_core.config.judge import Vote
from deepfabric_core.printable import printable
from deepfabric_core.quality.finding import Finding
from deepfabric_core.quality.judge.sample_text import harmless
from deepfabric_core.quality.judge.verdict import Score, Unjudged, Verdict

_LONGEST_ADVICE = 240
_LONGEST_EVIDENCE = 500
_ROUNDING = 1e-9
# What a judge quotes of a sample isn't repeated to the model that wrote it.
_QUOTED = re.compile(r'"[^"]{12,}"|\u201c[^\u201d]{12,}\u201d|\u00ab[^\u00bb]{12,}\u00bb|`[^`]{12,}`')


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict of each judge in their order, or why there is none, and how the votes are counted."""

    outcomes: tuple[Verdict | Unjudged, ...]
    vote: Vote = "majority"

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts that there are."""
        return tuple(one for one in self.outcomes if isinstance(one, Verdict))

    @property
    def unjudged(self) -> tuple[Unjudged, ...]:
        """Why single judges said nothing."""
        return tuple(one for one in self.outcomes if isinstance(one, Unjudged))

    @property
    def is_judged(self) -> bool:
        """Whether any judge said something."""
        return bool(self.verdicts)

    @property
    def passes(self) -> bool:
        """Whether the sample is accepted. Judges that failed have no vote; if all did, it is accepted unjudged."""
        votes = [one.passes for one in self.verdicts]
        if not votes or self.vote == "all":
            return all(votes)
        if self.vote == "mean":
            own_minimums = all(score.passes for one in self.verdicts for score in one.scores)
            return own_minimums and fmean(one.excess for one in self.verdicts) >= -_ROUNDING
        return sum(votes) * 2 > len(votes)

    @property
    def score(self) -> float:
        """The mean of all judges, on the scale of the first; 0 if there is none."""
        if not self.verdicts:
            return 0.0
        first = self.verdicts[0]
        return first.low + fmean(one.share for one in self.verdicts) * (first.high - first.low)

    @property
    def usage(self) -> Usage:
        """What all judges used."""
        return sum((one.usage for one in self.outcomes), Usage())

    @property
    def calls(self) -> int:
        """How many calls all judges took."""
        return sum(one.calls for one in self.outcomes)

    def finding(self) -> Finding | None:
        """Return what the judges have against the sample, or None if it is accepted."""
        return None if self.passes else _finding(self.verdicts)


def _finding(verdicts: tuple[Verdict, ...]) -> Finding:
    against = min(verdicts, key=lambda one: (one.passes, one.excess))
    worst = against.worst
    said = [f"{_number(worst.score)} of {against.high} for {worst.criterion}"]
    if len(against.scores) > 1:
        said.append(f"{_number(against.mean)} on average")
    needed = f"where {_number(against.least)} are needed"
    if not worst.passes and worst.least is not None:
        needed = f"where {worst.criterion} needs {_number(worst.least)}"
    several = f"{sum(not one.passes for one in verdicts)} of {len(verdicts)} judges are against it: "
    reason = f"{several if len(verdicts) > 1 else 'the judge gave '}{', '.join(said)}, {needed}"
    return Finding("judge", worst.criterion, reason, _advice(worst), harmless(worst.reason, _LONGEST_EVIDENCE))


def _advice(worst: Score) -> str:
    """Return what the model is told: the judge's reason on one line, bounded, without what it quotes."""
    criterion = worst.criterion.replace("_", " ")
    reason = printable(_QUOTED.sub("\u2026", harmless(worst.reason, 2 * _LONGEST_ADVICE)), _LONGEST_ADVICE).strip()
    return f"it was rated low for {criterion}{f' ({reason})' if reason else ''}, so write one that is better in this"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def metadata_of(judgement: Judgement, criteria: tuple[str, ...]) -> dict[str, Any]:
    """Return what a record's metadata keep, with the same columns of the same types whatever the judges said.

    `criteria` are the names of all criteria of all judges. Of an unjudged sample scores are 0 and texts empty. Of
    several judges, a score is the mean of theirs, on the scale of the first.
    """
    given = dict(_by_criterion(judgement))
    models = ", ".join(dict.fromkeys(one.model for one in judgement.verdicts))
    return {
        "judged": judgement.is_judged,
        "passed": judgement.is_judged and judgement.passes,
        "score": round(judgement.score, 4),
        "scores": {name: given[name][0] if name in given else 0.0 for name in criteria},
        "reasons": {name: given[name][1] if name in given else "" for name in criteria},
        "model": models,
        "unjudged": "; ".join(f"{one.model}: {one.reason}" for one in judgement.unjudged),
        "simulated": any(one.simulated for one in judgement.verdicts),
    }


def _by_criterion(judgement: Judgement) -> Iterator[tuple[str, tuple[float, str]]]:
    """Yield each criterion with its score, on the scale of the first judge, and the reasons."""
    verdicts = judgement.verdicts
    for name in dict.fromkeys(score.criterion for one in verdicts for score in one.scores):
        given = [(one, score) for one in verdicts for score in one.scores if score.criterion == name]
        first = verdicts[0]
        shares = [(score.score - one.low) / (one.high - one.low) for one, score in given]
        score = first.low + fmean(shares) * (first.high - first.low)
        reasons = [f"{one.model}: {score.reason}" if len(verdicts) > 1 else score.reason for one, score in given]
        yield name, (round(score, 4), "\n".join(reasons))


def not_chosen(place: int, of: int) -> Finding:
    """Return the finding of a sample that isn't the best of those that were made for its topic."""
    reason = f"another of {of} samples for its topic is better: it came {place} of {of} in the comparison"
    return Finding("judge", "not chosen", reason, "another one was better, so write a better one")
