"""The judges of `quality`: models that give each sample scores, and how their votes are counted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from deepfabric_core.config.judge_criteria import Criterion
from deepfabric_core.config.llm import Llm, inherited
from deepfabric_core.config.section import Section, switched

Vote = Literal["majority", "mean", "all"]

_WIDEST = 100
# The share of the scale that a sample has to reach unless `min` says otherwise: 4 of 1-5, 8 of 1-10.
_LEAST_SHARE = 0.75
_SCALE = re.compile(r"(\d{1,3})\s*(?:-|\u2013|to)\s*(\d{1,3})")
_BEST_OF = re.compile(r"best[ _]of[ _](\d{1,3})")


def _scale(value: object) -> object:
    text = "-".join(map(str, value)) if isinstance(value, list | tuple) else str(value).strip()
    found = _SCALE.fullmatch(text)
    low, high = (int(found[1]), int(found[2])) if found else (0, 0)
    if not low < high <= low + _WIDEST:
        raise ValueError("it must be two whole numbers, the lower one first, such as 1-5, 1-10 or 0-1")
    return f"{low}-{high}"


def _with_cool_llm(written: object) -> object:
    """Return the settings of a judge's model, with temperature 0 unless they have another one."""
    if written is None:
        written = {}
    return {"temperature": 0.0, **written} if isinstance(written, Mapping) else written


def _listed(value: object) -> object:
    return [value] if isinstance(value, str | Mapping) else value


class Judge(Section):
    """A model that gives a sample a score for each of `criteria`; those that suit its kind, if none are named.

    The mean of the scores must reach `min`, three quarters up the scale by default, and each score the `min` of its
    criterion. `llm` has what the shared one has, but temperature 0. By default, `max_concurrent` is output.batch_size.
    A reply that can't be used is asked for again, at most `reply_retries` times.
    """

    llm: Annotated[Llm, BeforeValidator(_with_cool_llm)] = Llm(temperature=0.0)
    criteria: Annotated[list[Criterion], BeforeValidator(_listed), Field(max_length=12)] = []
    scale: Annotated[str, BeforeValidator(_scale)] = "1-5"
    min: float | None = None
    max_tokens: int = Field(default=1500, ge=1)
    max_retries: int = Field(default=3, ge=0, le=10)
    reply_retries: int = Field(default=2, ge=0, le=5)
    max_concurrent: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _scores_are_on_the_scale(self) -> Judge:
        wanted = {"min": self.min, **{f"min of {one.name}": one.min for one in self.criteria}}
        for name, least in wanted.items():
            if least is not None and not self.low <= least <= self.high:
                raise ValueError(f"{name} must be within the scale {self.scale}")
        if any(not self.low <= score <= self.high for one in self.criteria for score in one.scores):
            raise ValueError(f"scores must be within the scale {self.scale}")
        if len({one.name for one in self.criteria}) < len(self.criteria):
            raise ValueError("each criterion needs a name of its own")
        return self

    @property
    def low(self) -> int:
        """The worst score."""
        return int(self.scale.partition("-")[0])

    @property
    def high(self) -> int:
        """The best score."""
        return int(self.scale.partition("-")[2])

    @property
    def least(self) -> float:
        """What the mean of the scores must reach."""
        if self.min is not None:
            return self.min
        least = self.low + _LEAST_SHARE * (self.high - self.low)
        return float(round(least)) if self.high - self.low > 1 else least


class Compare(Section):
    """How many samples are made for each one that is wanted; judges compare each two of them, and the best is taken."""

    best_of: int = Field(ge=2, le=8)


def _comparison(value: object) -> object:
    if isinstance(value, Mapping | Compare):
        return value
    if isinstance(value, str) and (found := _BEST_OF.fullmatch(value.strip().casefold())):
        return {"best_of": int(found[1])}
    with suppress(ValueError):
        if switched(value) is None:
            return None
    raise ValueError("it must be best_of and a number, such as best_of 3")


class JudgesConfig(Section):
    """One judge or several, and how they decide.

    With `majority`, more than half of the judges must accept a sample; with `mean`, what their scores exceed the least
    by must not be below 0 on average; with `all`, each judge must accept it.
    """

    judge: Annotated[Judge | None, BeforeValidator(switched)] = None
    judges: list[Judge] = Field(default=[], max_length=9)
    vote: Vote = "majority"
    compare: Annotated[Compare | None, BeforeValidator(_comparison)] = None

    @model_validator(mode="before")
    @classmethod
    def _a_list_is_of_judges(cls, written: object) -> object:
        if isinstance(written, Mapping) and isinstance(written.get("judge"), list) and not written.get("judges"):
            return {**written, "judge": None, "judges": written["judge"]}
        return written

    @model_validator(mode="after")
    def _judges_are_clear(self) -> JudgesConfig:
        if self.judge is not None and self.judges:
            raise ValueError("write either judge or judges: one judge stands under judge, several under judges")
        if self.compare is not None and not self.all_judges:
            raise ValueError("compare needs a judge, which says what of several samples is the best")
        return self

    @property
    def all_judges(self) -> tuple[Judge, ...]:
        """Every judge, in their order; none if samples aren't judged."""
        return (self.judge,) if self.judge is not None else tuple(self.judges)


def with_shared_llm(quality: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return `quality` as written, with each judge's `llm` filled in from the shared one but for its temperature."""
    common = {key: value for key, value in shared.items() if key != "temperature"}

    def judge(written: Any) -> Any:
        section = None
        with suppress(ValueError):  # which the schema says itself
            section = switched(written)
        if not isinstance(section, Mapping) or not isinstance(own := section.get("llm") or {}, Mapping):
            return written
        return {**section, "llm": inherited(common, own)}

    filled = dict(quality)
    for key in ("judge", "judges"):
        if isinstance(written := quality.get(key), list):
            filled[key] = [judge(one) for one in written]
        elif written is not None:
            filled[key] = judge(written)
    return filled
