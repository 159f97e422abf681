"""What the tests of the notebook share: a shell of IPython with the extension loaded, in an empty folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from tests.core.conftest import deepfabric, place, provider

__all__ = ["deepfabric", "place", "provider"]

Cell = Callable[..., Any]


@pytest.fixture
def shell(place: Path) -> Iterator[InteractiveShell]:
    """A shell without a kernel, as IPython in a terminal is, with the extension loaded."""
    settings = Config()
    settings.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=settings)
    shell.run_line_magic("load_ext", "deepfabric_nb")
    yield shell
    shell.run_line_magic("unload_ext", "deepfabric_nb")
    InteractiveShell.clear_instance()


@pytest.fixture
def cell(shell: InteractiveShell) -> Cell:
    """Runs a cell and answers its result; an error in it is raised."""

    def run(*lines: str) -> Any:
        done = shell.run_cell("\n".join(lines), store_history=True)
        done.raise_error()
        return done.result

    return run


TEA = """\
llm: {provider: simulated}
topics: {prompt: Tea, depth: 2, degree: 3}
generation: {system_prompt: You teach.}
output: {save_as: tea.jsonl, num_samples: auto}
"""


def tea(**llm: object) -> str:
    """A small config on the simulated model, which may be slow or faulty."""
    extra = "".join(f", {key}: {value}" for key, value in llm.items())
    return TEA.replace("{provider: simulated}", f"{{provider: simulated, simulated: {{latency: 0{extra}}}}}")
