"""`%deepfabric costs`, and what a frame says of the cost of its samples."""

from __future__ import annotations

import json
from pathlib import Path

from deepfabric_core.amounts import Spent, Usage
from deepfabric_core.store.run_history import PastRun, remember
from tests.nb.conftest import TEA, Cell


def test_costs_are_a_row_for_each_run_with_the_sums_beside_it(cell: Cell, place: Path) -> None:
    remember(PastRun("a", 1.0, 2.0, "/c.yaml", spending={"samples": Spent(3, Usage(10, 5, 0.25))}, ending="complete"))
    remember(PastRun("b", 2.0, 2.0, models=("a/b", "c/d"), spending={"samples": Spent(3, Usage(10, 5), unpriced=3)}))
    frame = cell("%deepfabric costs")
    assert list(frame["ended"]) == ["unfinished", "complete"]
    assert list(frame["models"]) == ["a/b, c/d", ""]
    assert list(frame["cost"].isna()) == [True, False], "an unknown cost isn't 0"
    assert (frame.attrs["runs"], frame.attrs["cost"], frame.attrs["unpriced_calls"]) == (2, 0.25, 3)
    assert len(cell("%deepfabric costs -n 1 --config /c.yaml --since 1970-01-01")) == 1


def test_without_runs_there_is_an_empty_table(cell: Cell) -> None:
    assert cell("%deepfabric costs").empty


def test_a_frame_says_what_its_samples_cost_by_stage_in_plain_types(cell: Cell) -> None:
    attrs = cell("%%deepfabric", TEA).attrs
    stages = attrs["stages"]
    assert list(stages) == ["topics", "samples"]
    assert stages["samples"]["calls"] == 9
    for name in ("prompt_tokens", "completion_tokens", "cached_tokens"):
        assert attrs["usage"][name] == sum(stage[name] for stage in stages.values())
    assert attrs["cost"] == attrs["cost_per_sample"] == attrs["cost_of_samples"] == 0
    assert json.loads(json.dumps(attrs)) == attrs
    [run] = [row for _, row in cell("%deepfabric costs").iterrows()]
    assert (run["samples"], run["calls"], run["ended"]) == (9, 13, "complete")
