"""A run that is killed before any call that changes a file, and one that goes on with it: nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash.harness import KILL
from tests.crash.scenarios import SCENARIOS
from tests.crash.survival import Case, Places, chained, none_of, sweep

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", SCENARIOS)
def test_after_a_kill_at_any_call_a_resume_delivers_all_and_pays_only_what_was_in_flight_again(
    name: str, case: Callable[[str], Case], places: Places
) -> None:
    none_of(sweep(case(name), KILL, places(5), once_more=True))


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_resume_that_is_killed_as_well_is_gone_on_with_just_so(
    name: str, case: Callable[[str], Case], places: Places
) -> None:
    none_of(chained(case(name), KILL, places(2)))
