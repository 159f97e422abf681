"""Start a command as users do, and read what it wrote."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests import ROOT
from tests.provider import LocalProvider


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def keys(path: Path) -> list[tuple[str, int]]:
    return [(record["metadata"]["topic_id"], record["metadata"]["cycle"]) for record in lines(path)]


def start(
    place: Path, *arguments: str, config: str = "config.yaml", largest_file: int | None = None
) -> subprocess.Popen[str]:
    def limit() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.Popen(
        [sys.executable, "-m", "deepfabric_core", "generate", config, *arguments],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,  # noqa: PLW1509 - the child is a single thread until then
    )


def wait_for(provider: LocalProvider, answered: int) -> None:
    deadline = time.monotonic() + 60
    while provider.counts.answered < answered and time.monotonic() < deadline:
        time.sleep(0.02)
