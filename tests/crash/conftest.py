"""A stage and a provider for all tests here, and `--places`: at more calls of a run than a few, or at every one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.crash.harness import CannotCompileError, Stage, compiled
from tests.crash.scenarios import ANSWERING, SCENARIOS, World, agent, badly_at_first
from tests.crash.survival import Case, Places
from tests.provider import LocalProvider


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every", action="store_true", help="trouble at every call of a run, not at a few")
    parser.addoption("--places", type=int, help="trouble at so many calls of a run, spread over it, where it has more")


@pytest.fixture(scope="session")
def places(pytestconfig: pytest.Config) -> Places:
    """Return at how many calls there is trouble, where the usual number is given; None for every one."""
    if pytestconfig.getoption("--every", default=False):
        return lambda _: None
    asked = pytestconfig.getoption("--places", default=None)
    return lambda usual: asked or usual


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
