"""`deepfabric info`: versions, whose keys are there, and where things are kept."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import deepfabric_core
from deepfabric_core.llm.api_keys import KEY_VARIABLES
from deepfabric_core.run.checkpoint.registry import record
from deepfabric_core.run.checkpoint.reuse import with_reuse
from deepfabric_core.run.job import Job
from tests import ROOT
from tests.core.conftest import Run, write_config

# Not in the shape of any provider's keys, so that only leaving it out keeps it out.
KEY = "plain-words-that-nobody-would-take-for-a-key"


def info(deepfabric: Run, **environment: str) -> dict[str, Any]:
    done = deepfabric("info", "--json", **environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def rows(deepfabric: Run, **environment: str) -> dict[str, str]:
    """What it says in words, by label."""
    done = deepfabric("info", **environment)
    assert done.returncode == 0, done.stderr
    return {line.split()[0]: line.split(maxsplit=1)[1] for line in done.stdout.splitlines()}


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever keys the machine has, a test has none."""
    for variables in KEY_VARIABLES.values():
        for name in variables:
            monkeypatch.delenv(name, raising=False)


def test_it_says_which_versions_are_at_work(deepfabric: Run) -> None:
    versions = info(deepfabric)["versions"]
    assert versions["deepfabric"] == deepfabric_core.__version__
    assert versions["python"] == platform.python_version()
    assert versions["system"] == platform.platform()
    for package in ("litellm", "pandas", "ipywidgets", "anywidget"):
        assert versions[package] == version(package)


def test_what_is_said_in_words_is_what_json_has(deepfabric: Run) -> None:
    found, said = info(deepfabric), rows(deepfabric)
    assert {name: said[name] for name in found["versions"]} == {
        name: version or "not installed" for name, version in found["versions"].items()
    }
    assert said["keys"] == "none"
    assert said["data"] == found["paths"]["data"]


def test_the_variables_that_hold_keys_are_named_and_the_keys_never_shown(deepfabric: Run) -> None:
    variables = {"OPENAI_API_KEY": KEY, "AWS_PROFILE": KEY, "GEMINI_API_KEY": KEY, "GOOGLE_API_KEY": KEY}
    assert info(deepfabric, **variables)["providers"] == {
        "openai": ["OPENAI_API_KEY"],
        "gemini": ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        "bedrock": ["AWS_PROFILE"],
    }
    for arguments in (["info"], ["info", "--json"], ["info", "--debug"]):
        done = deepfabric(*arguments, **variables)
        assert "OPENAI_API_KEY" in done.stdout
        assert KEY not in done.stdout + done.stderr


def test_an_empty_variable_is_no_key(deepfabric: Run) -> None:
    assert info(deepfabric, OPENAI_API_KEY=" ")["providers"] == {}


def test_nothing_kept_is_told_without_creating_anything(place: Path, deepfabric: Run) -> None:
    folder = place / "data/deepfabric"
    assert info(deepfabric)["paths"] == {
        "data": str(folder),
        "runs": {"path": str(folder / "runs"), "count": 0, "bytes": 0},
        "checkpoints": {"path": str(folder / "checkpoints"), "count": 0, "bytes": 0},
    }
    assert not folder.exists()


def test_kept_runs_and_checkpoints_are_counted_with_their_size(place: Path, deepfabric: Run) -> None:
    config = write_config(place, llm={"provider": "simulated", "simulated": {"malformed": 0.5}})
    assert deepfabric("generate", config, "--checkpoint-interval", "1", "--num-samples", "30").returncode == 1
    loaded = deepfabric_core.load((place / config).read_text(encoding="utf-8"), source=config)
    record(with_reuse(Job(loaded.config)), loaded.written, "bicycles")
    paths = info(deepfabric)["paths"]
    for kept in ("runs", "checkpoints"):
        files = [path for path in (place / "data/deepfabric" / kept).rglob("*") if path.is_file()]
        assert paths[kept]["count"] == 1
        assert paths[kept]["bytes"] == sum(path.stat().st_size for path in files) > 0
    assert rows(deepfabric)["runs"].startswith(f"1, {paths['runs']['bytes']} bytes, in {place}")
    assert " kB, in " in rows(deepfabric)["checkpoints"]


def test_it_imports_nothing_heavy_and_connects_to_nothing(place: Path) -> None:
    code = (
        "import sys\n"
        "sys.addaudithook(lambda event, _: event.startswith('socket.') and print('used:', event))\n"
        "sys.argv = ['deepfabric', 'info']\n"
        "from deepfabric_core.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('heavy:', {'litellm', 'pandas', 'IPython', 'aiohttp', 'rich', 'mcp'} & set(sys.modules))\n"
    )
    root = str(ROOT)
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}, check=True, capture_output=True, text=True
    )
    assert done.stdout.endswith("heavy: set()\n")
    assert "used:" not in done.stdout
