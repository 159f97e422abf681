"""Judging a dataset from Python."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

import deepfabric_nb
from deepfabric_core.errors import ConfigError


def write(place: Path, count: int) -> Path:
    def sample(number: int) -> dict[str, object]:
        said = (("user", f"Why tea {number}?"), ("assistant", f"Since tea {number} is as it is."))
        return {"messages": [{"role": role, "content": content} for role, content in said], "metadata": {}}

    lines = [json.dumps(sample(number)) for number in range(count)]
    (place / "tea.jsonl").write_text("\n".join(lines) + "\n")
    return place / "tea.jsonl"


def test_a_dataset_is_judged_and_its_scores_are_columns(place: Path) -> None:
    judged = asyncio.run(deepfabric_nb.judge(write(place, 4), provider="simulated", criteria="clarity", min_score=2))
    assert judged.result.judged == 4 and "4 of 4 judged" in repr(judged)
    assert judged.path == place / "tea.judged.jsonl"
    assert judged.df["score"].between(1, 5).all()


def test_a_part_that_was_judged_is_known_to_the_command_line_too(place: Path) -> None:
    write(place, 6)
    judged = asyncio.run(deepfabric_nb.judge("tea.jsonl", provider="simulated", sample=2))
    assert judged.result.samples == 2 and len(judged.df) == 6
    lines = (place / "tea.judged.judgements.jsonl").read_text().splitlines()
    assert len(lines) == 1 + 2


def test_a_budget_leaves_no_dataset_and_says_how_to_go_on(place: Path) -> None:
    judged = asyncio.run(deepfabric_nb.judge(write(place, 6), provider="simulated", max_calls=2, batch_size=1))
    assert judged.result.ending == "budget"
    with pytest.raises(ConfigError, match="call judge again to go on"):
        _ = judged.df


def test_a_misspelt_flag_names_the_nearest(place: Path) -> None:
    with pytest.raises(ConfigError, match="There is no option modle; did you mean model"):
        asyncio.run(deepfabric_nb.judge(write(place, 1), modle="gpt-4o"))
