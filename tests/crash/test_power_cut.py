"""All that a disk may hold after a power cut at any moment: no finished dataset is lost, and no synced sample."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash.scenarios import SCENARIOS
from tests.crash.survival import Case, Places, cut_off, none_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "fresh"])
def test_after_a_power_cut_at_any_moment_the_dataset_and_every_synced_sample_are_there(
    name: str, case: Callable[[str], Case], places: Places
) -> None:
    none_of(cut_off(case(name), places(8)))
