"""After a preview of ten, the truth lies where the estimate says it does; `calibration_table` prints the figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.samples.calibration import Outcome
from tests.core.samples.calibration_table import FAMILIES, HEAD, cycles, judged, outcomes, row, troubled


def test_a_few_runs_of_each_kind_cost_what_was_expected(place: Path) -> None:
    assert place.exists()
    made = [one for family in (troubled, judged, cycles) for one in outcomes(family, 1, first=100)]
    assert sum(outcome.holds for outcome in made) >= 2
    assert max(abs(outcome.error) for outcome in made) < 0.5


@pytest.mark.slow
def test_of_a_hundred_runs_85_are_within_the_range_and_70_near_the_likely_figure(place: Path) -> None:
    assert place.exists()
    made: list[Outcome] = []
    lines = [HEAD]
    for family in FAMILIES:
        found = list(outcomes(family, 100 // len(FAMILIES) + 1))
        lines.append(row(family.__name__, found))
        made += found
    made = made[:100]
    table = "\n".join([*lines, row("all", made)])
    assert sum(outcome.holds for outcome in made) >= 85, table
    assert sum(outcome.is_near for outcome in made) >= 70, table
