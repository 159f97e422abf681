"""A stage and a provider for all tests here, and `--every`: at every call instead of a few."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.crash.harness import CannotCompileError, Stage, compiled
from tests.crash.scenarios import ANSWERING, SCENARIOS, World, agent, badly_at_first
from tests.crash.survival import Case
from tests.provider import LocalProvider


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every", action="store_true", help="trouble at every call of a run, not at a few")


@pytest.fixture(scope="session")
def every(pytestconfig: pytest.Config) -> bool:
    """Whether nothing is left out."""
    return bool(pytestconfig.getoption("--every", default=False))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A stage, and a provider that answers."""
    try:
        library = compiled(tmp_path_factory.mktemp("shim"))
    except CannotCompileError as problem:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(problem))
    with (
        LocalProvider(ANSWERING, badly_at_first, agent=agent, record=False) as provider,
        Stage(tmp_path_factory.mktemp("stage"), library) as stage,
    ):
        yield World(stage, provider)


@pytest.fixture(scope="session")
def case(world: World, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    """Make a scenario ready, once."""
    ready: dict[str, Case] = {}

    def of(name: str) -> Case:
        if name not in ready:
            ready[name] = Case(SCENARIOS[name], world, tmp_path_factory.mktemp(name))
        return ready[name]

    return of
