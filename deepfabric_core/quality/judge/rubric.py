"""What a judge looks at: the criteria that suit a kind of sample, and what the scores mean, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from deepfabric_core.config.judge import Judge
from deepfabric_core.config.judge_criteria import Criterion
from deepfabric_core.config.schema import Config
from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.samples.reading import messages_of

_CHAT = ("correctness", "helpfulness", "clarity", "on_topic")
_RECORD = ("content", "consistency", "on_topic")
# What the scores from the worst to the best mean; of a finer scale, those at these places.
_MEANINGS = ("of no use", "serious faults", "clear faults", "small faults only", "nothing to improve")


@dataclass(frozen=True, slots=True)
class Rubric:
    """Criteria, and the scale of their scores; the mean must reach `least`."""

    criteria: tuple[Criterion, ...]
    low: int
    high: int
    least: float

    def in_words(self) -> str:
        """Return the criteria and what scores mean, as the judge is told."""
        return "\n".join([*self._lines(), "", f"The scores mean: {self._meanings()}."])

    def _lines(self) -> Iterator[str]:
        for one in self.criteria:
            said = "; ".join(f"{score} = {meaning}" for score, meaning in sorted(one.scores.items()))
            yield f"- {one.name}: {one.description}{f' ({said})' if said else ''}"

    def _meanings(self) -> str:
        width = self.high - self.low
        if width == 1:
            return f"{self.low} = no, {self.high} = yes"
        last = len(_MEANINGS) - 1
        at = {self.low + round(width * place / last): meaning for place, meaning in enumerate(_MEANINGS)}
        if width < last:
            at = {self.low: _MEANINGS[0], self.high: _MEANINGS[-1]}
        return ", ".join(f"{score} = {meaning}" for score, meaning in at.items())


def rubric_of(judge: Judge, config: Config) -> Rubric:
    """Return what a judge looks at: its own criteria, or else those that suit the samples of a config."""
    criteria = judge.criteria or criteria_named(default_names(config))
    return Rubric(tuple(criteria), judge.low, judge.high, judge.least)


def default_names(config: Config) -> tuple[str, ...]:
    """Return the names of the criteria that suit the samples of a config."""
    if config.output.format == "custom":
        return _RECORD
    if config.uses_tools:
        return (*_CHAT, "tool_use")
    return (*_CHAT, "reasoning") if config.generation.conversation.type == "cot" else _CHAT


def names_for(candidates: Iterable[Candidate]) -> tuple[str, ...]:
    """Return the names of the criteria that suit samples of any origin, by what is in them."""
    seen = list(candidates)
    if not any(one.is_conversation for one in seen):
        return _RECORD
    uses_tools = any(turn.get("tool_calls") for one in seen for turn in messages_of(one.record) or ())
    if uses_tools:
        return (*_CHAT, "tool_use")
    return (*_CHAT, "reasoning") if any(one.reasoning for one in seen) else _CHAT


def criteria_named(names: Sequence[str]) -> tuple[Criterion, ...]:
    """Return known criteria by their names."""
    return tuple(Criterion.model_validate(name) for name in names)
