"""What a notebook shows as text: nothing that a terminal obeys, and a lost terminal doesn't end a run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.errors import ConfigError
from deepfabric_core.run.job import Job
from deepfabric_nb.errors import CellError, RunInterrupted
from deepfabric_nb.magic.export import ExportResult
from deepfabric_nb.magic.validate import PlanText
from deepfabric_nb.runs.run import Run
from deepfabric_nb.runs.run_request import request_from_cell
from tests import ROOT
from tests.core.cli.test_output import HOSTILE, UNFIT
from tests.core.commands import lines
from tests.core.conftest import write_config
from tests.nb.conftest import TEA, Cell, tea


def clean(text: str) -> bool:
    return "planted" in text and not UNFIT.search(text)


def test_an_error_names_what_was_written_without_obeying_it(cell: Cell) -> None:
    hostile = ascii(HOSTILE).replace("'", '"').replace("\\x1b", "\\e")
    with pytest.raises(ConfigError) as problem:
        cell("%%deepfabric", TEA.replace("depth: 2", f"{hostile}: 2"))
    assert clean("\n".join(problem.value._render_traceback_()))
    assert clean("\n".join(RunInterrupted(f"Go on with: {HOSTILE}")._render_traceback_()))


def test_every_line_of_an_error_is_told_as_one() -> None:
    assert CellError("one\ntwo")._render_traceback_() == ["Error: one", "Error: two"]


def test_a_plan_a_handle_and_an_export_are_clean(place: Path) -> None:
    async def nothing(*_: Any) -> Any:
        raise NotImplementedError

    hostile = ascii(HOSTILE).replace("'", '"').replace("\\x1b", "\\e")
    asked = request_from_cell(
        tea().replace("provider: simulated", f"provider: simulated, model: {hostile}"), {**FLAGS}, {}
    )
    assert clean(repr(PlanText(asked)))
    assert clean(repr(Run(HOSTILE, Job(asked.loaded.config), nothing)))
    assert clean(repr(ExportResult(f"{HOSTILE} is written.\nRun it.")))
    assert repr(ExportResult("two\nlines")) == "two\nlines"


# What a line without flags has.
FLAGS: dict[str, Any] = dict.fromkeys(
    ("topics_load", "topic_only", "checkpoint_path", "resume", "retry_failed", "fresh", "accept_changes", "trace")
)

SCRIPT = """
import sys, deepfabric_nb
from deepfabric_nb.display.screens import show
run = deepfabric_nb.start("config.yaml", name=sys.argv[1])
show(run)
print(run.wait().status, file=sys.stderr)
"""


@pytest.mark.parametrize("to", ["| cat", "| true", ">/dev/full"])
def test_in_plain_python_a_run_goes_on_to_its_end_whatever_becomes_of_its_screen(place: Path, to: str) -> None:
    write_config(place, llm={"provider": "simulated", "model": HOSTILE})
    (place / "script.py").write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        ["bash", "-c", f'PYTHONPATH={ROOT} {sys.executable} script.py "$1" {to}', "bash", HOSTILE],  # noqa: S607
        cwd=place,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.stderr.decode().startswith("complete"), done
    assert len(lines(place / "out/dataset.jsonl")) == 9
    assert to != "| cat" or clean(done.stdout.decode())
