"""A disk that is full, broken or forbidden at any call: one sentence, and nothing that was paid is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash.harness import BROKEN, DENIED, FULL
from tests.crash.scenarios import SCENARIOS
from tests.crash.survival import Case, Places, none_of, sweep

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_disk_that_fills_up_at_any_call_costs_a_sentence_and_no_sample(
    name: str, case: Callable[[str], Case], places: Places
) -> None:
    none_of(sweep(case(name), FULL, places(3)))


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_disk_that_fails_at_any_call_costs_a_sentence_and_no_sample(
    name: str, case: Callable[[str], Case], places: Places
) -> None:
    none_of(sweep(case(name), BROKEN, places(3)))


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_forbidden_at_any_call_costs_a_sentence_and_no_sample(
    name: str, case: Callable[[str], Case], places: Places
) -> None:
    none_of(sweep(case(name), DENIED, places(3)))
