"""On five hundred labelled samples each check finds its fault, and hardly a good sample is refused."""

from __future__ import annotations

import pytest

from deepfabric_core.quality.checks.registry import catalogue
from tests.core.quality.labelled import HALF, labelled
from tests.core.quality.table import Outcome, outcomes

DEFAULT = [name for name, _, default in catalogue() if default]


@pytest.fixture(scope="module")
def by_check() -> dict[str, Outcome]:
    return dict(outcomes())


def test_half_of_the_samples_are_good_and_all_checks_have_faults_to_find() -> None:
    samples = labelled()
    assert len(samples) == 2 * HALF and samples == labelled()
    assert sum(not one.fault for one in samples) == HALF
    assert {one.fault for one in samples} == {"", *DEFAULT}


@pytest.mark.parametrize("name", DEFAULT)
def test_recall_and_precision(by_check: dict[str, Outcome], name: str) -> None:
    outcome = by_check[name]
    assert outcome.recall >= 0.95, outcome.missed
    assert outcome.precision >= 0.98, outcome.unfair
