"""What judges look at suits the samples, and scores mean something on every scale."""

from __future__ import annotations

from typing import Any

import pytest

from deepfabric_core.config.judge import Judge
from deepfabric_core.quality.judge.rubric import Rubric, criteria_named, rubric_of
from tests.core.quality.judge.samples import config

CHAT = ["correctness", "helpfulness", "clarity", "on_topic"]


@pytest.mark.parametrize(
    ("generation", "output", "names"),
    [
        ({}, {}, CHAT),
        ({"conversation": {"type": "cot"}}, {}, [*CHAT, "reasoning"]),
        ({"conversation": {"type": "cot", "reasoning_style": "agent"}}, {}, [*CHAT, "tool_use"]),
        ({"tools": {}}, {}, [*CHAT, "tool_use"]),
        ({"output_schema": {"type": "object"}}, {"format": "custom"}, ["content", "consistency", "on_topic"]),
    ],
)
def test_the_default_criteria_suit_the_kind_of_sample(
    generation: dict[str, Any], output: dict[str, Any], names: list[str]
) -> None:
    rubric = rubric_of(Judge(), config(generation, **output))
    assert [one.name for one in rubric.criteria] == names
    assert (rubric.low, rubric.high, rubric.least) == (1, 5, 4)


def test_criteria_of_ones_own_take_the_place_of_the_default_ones() -> None:
    judge = Judge.model_validate({"criteria": [{"style": "It is short."}], "scale": "1-10", "min": 7})
    rubric = rubric_of(judge, config())
    assert [one.name for one in rubric.criteria] == ["style"]
    assert (rubric.low, rubric.high, rubric.least) == (1, 10, 7)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (1, 5, "1 = of no use, 2 = serious faults, 3 = clear faults, 4 = small faults only, 5 = nothing to improve"),
        (0, 1, "0 = no, 1 = yes"),
        (1, 3, "1 = of no use, 3 = nothing to improve"),
        (0, 100, "0 = of no use, 25 = serious faults, 50 = clear faults, 75 = small faults only, 100 = nothing to"),
    ],
)
def test_the_scores_of_every_scale_have_meanings(low: int, high: int, said: str) -> None:
    assert f"The scores mean: {said}" in Rubric(criteria_named(["clarity"]), low, high, low).in_words()


def test_what_a_user_says_of_single_scores_is_told_in_their_order() -> None:
    judge = Judge.model_validate(
        {"criteria": [{"name": "depth", "description": "Deep.", "scores": {5: "yes", 1: "no"}}]}
    )
    assert "- depth: Deep. (1 = no; 5 = yes)" in rubric_of(judge, config()).in_words()
