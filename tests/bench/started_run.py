"""A run of 2,500 topics by the command line, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests import ROOT


def start_run(config: Mapping[str, Any], place: str) -> subprocess.Popen[str]:
    """Start a run in a folder, which knows nothing of earlier ones; it says on stderr why it fails."""
    file, topics = Path(place) / "config.json", Path(place) / "topics.jsonl"
    file.write_text(json.dumps(config), encoding="utf-8")
    paths = (["Tea", f"branch {one}", f"leaf {two}"] for one in range(50) for two in range(50))
    topics.write_text("".join(f"{json.dumps({'path': path})}\n" for path in paths), encoding="utf-8")
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "XDG_DATA_HOME": place,
        "XDG_CACHE_HOME": place,
        "OPENAI_API_KEY": "test",
        "DEEPFABRIC_LEARNED_LIMITS": "off",
    }
    command = [sys.executable, "-m", "deepfabric_core", "generate", str(file), "--topics-load", str(topics), "--yes"]
    return subprocess.Popen(
        command, cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
