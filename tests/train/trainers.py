"""Trainers that have an environment of their own, whose Python a variable names: see .ci/train."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT

# Neither reaches a network; of LLaMA-Factory only what reads datasets is installed.
_QUIET = {"HF_HUB_OFFLINE": "1", "AXOLOTL_DO_NOT_TRACK": "1", "DISABLE_VERSION_CHECK": "1", "PYTHONPATH": ""}


def ask(trainer: str, model: str, *datasets: Mapping[str, Any]) -> list[list[dict[str, str]]]:
    """Return what `llama_factory` or `axolotl` makes of datasets with a model's tokenizer: the rows of each."""
    variable = f"DEEPFABRIC_{trainer.upper()}"
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"set {variable} to the Python of its environment")
    script = Path(__file__).with_name(f"with_{trainer}.py")
    done = subprocess.run(
        [str(ROOT / python), str(script), model, *map(json.dumps, datasets)],
        env={**os.environ, **_QUIET},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[list[dict[str, str]]] = json.loads(done.stdout.splitlines()[-1])
    return found
