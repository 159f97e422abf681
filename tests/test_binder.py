"""Binder's image: the same environment, made here from Binder's files, in which the quickstart runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest

from tests import ROOT
from tests.core.conftest import place
from tests.notebooks import NOTEBOOKS, shown

__all__ = ["place"]

BINDER = ROOT / "binder"
MINUTES = 60.0


def pinned() -> str:
    return (BINDER / "runtime.txt").read_text(encoding="utf-8").strip()


def run(*command: str | Path, at: Path, minutes: float, **environment: str) -> str:
    """What a command says; all of it, where it fails."""
    done = subprocess.run(
        command, cwd=at, env=environment, capture_output=True, text=True, timeout=minutes * MINUTES, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def without_ours(**more: str) -> dict[str, str]:
    """The environment, but for what leads Python to the folders of these tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))} | more


def test_the_pinned_python_is_one_that_the_project_takes() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        lowest = tomllib.load(file)["project"]["requires-python"]
    assert pinned() == f"python-{lowest.removeprefix('>=')}"


def test_a_failure_in_post_build_ends_the_build() -> None:
    script = BINDER / "postBuild"
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text(encoding="utf-8").splitlines()
    failed = subprocess.run([script], env={"PATH": "/nowhere:/bin:/usr/bin"}, capture_output=True, check=False, cwd="/")
    assert failed.returncode != 0


@pytest.mark.slow
def test_the_quickstart_runs_in_binders_environment(place: Path) -> None:
    python = sys.executable if sys.version_info[:2] == (3, 11) else shutil.which(pinned().replace("-", ""))
    assert python, f"{pinned()} isn't there"
    made = place / "binder"
    run(python, "-m", "venv", made, at=place, minutes=1, **without_ours())
    own = without_ours(PATH=f"{made / 'bin'}{os.pathsep}{os.environ['PATH']}", IPYTHONDIR=str(place / "ipython"))
    run(made / "bin/pip", "install", "-q", "-r", "binder/requirements.txt", at=ROOT, minutes=15, **own)
    run(BINDER / "postBuild", at=place, minutes=2, **own)
    shutil.copy(NOTEBOOKS / "01-quickstart.ipynb", place)
    run(made / "bin/jupyter", "execute", "--inplace", "01-quickstart.ipynb", at=place, minutes=3, **own)
    document = nbformat.read(place / "01-quickstart.ipynb", as_version=4)
    assert "Complete: 6 samples" in shown(document, of="%%deepfabric")
    assert shown(document, of="config =") == "9 samples, 3 calls\n"
