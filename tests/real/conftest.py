"""The servers that all tests share, and the table of figures at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real.figures import Row, Runner, table
from tests.real.servers import gemma3, llama_cpp, llama_cpp_python, smollm2

ROWS: list[Row] = []


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """SmolLM2 on llama.cpp's own server, which takes a JSON Schema."""
    place = tmp_path_factory.mktemp("smollm2")
    with llama_cpp(smollm2(), place / "server.log", "chatml") as address:
        yield Runner(place, "SmolLM2-135M", address)


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """SmolLM2 on an older llama-cpp-python's server: a schema beside JSON mode only, and slow."""
    place = tmp_path_factory.mktemp("older")
    with llama_cpp_python(smollm2(), place / "server.log") as address:
        yield Runner(place, "SmolLM2, older server", address, max_tokens=200)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Gemma 3 270M, which was not trained to chat, on llama.cpp's own server, which takes a JSON Schema."""
    place = tmp_path_factory.mktemp("gemma3")
    with llama_cpp(gemma3(place), place / "server.log", "gemma") as address:
        yield Runner(place, "Gemma3-270M", address, max_tokens=100)


@pytest.fixture(scope="session")
def rows() -> list[Row]:
    """The rows of the table."""
    return ROWS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures, to be compared over time."""
    if ROWS:
        terminalreporter.section("real models")
        for line in table(ROWS):
            terminalreporter.write_line(line)
