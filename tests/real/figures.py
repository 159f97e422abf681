"""Runs on a real model, and what they came to: a row for the table that is printed at the end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests import ROOT

ROOT_TOPIC = "Running Kubernetes in production"
# Given for the runs that only make samples, so that each way is tried on the same topics.
LEAVES = [
    ("Workloads", "Rolling updates of a Deployment"),
    ("Workloads", "Liveness and readiness probes"),
    ("Workloads", "Jobs and CronJobs"),
    ("Networking", "Services and load balancing"),
    ("Networking", "Ingress and TLS certificates"),
    ("Networking", "Network policies"),
    ("Operations", "Resource requests and limits"),
    ("Operations", "Upgrading the nodes of a cluster"),
    ("Operations", "Backing up etcd"),
]
KINDS: dict[str, dict[str, Any]] = {
    "basic": {"conversation": {"type": "basic"}},
    "reasoning": {"conversation": {"type": "cot", "reasoning_style": "freetext"}},
    "agent": {"conversation": {"type": "cot", "reasoning_style": "agent"}},
}
SAMPLES = 10
TOPICS = 12
_WORD = re.compile(r"\w+")
_SHORT_WORD = 4


@dataclass
class Row:
    """What a run came to; `lines` are its topics or records."""

    model: str
    way: str
    what: str
    wanted: int
    code: int = 0
    seconds: float = 0.0
    said: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)

    @property
    def calls(self) -> int:
        found = re.search(r"^\s*Calls\s+(\d+)", self.said, re.MULTILINE)
        return int(found[1]) if found else 0

    @property
    def mended(self) -> int:
        found = re.search(r"Replies mended\s+(\d+)", self.said)
        return int(found[1]) if found else 0

    @property
    def on_topic(self) -> int:
        return sum(map(is_on_topic, self.lines))

    def cells(self) -> list[str]:
        reasons = Counter(str(line["error"])[:40] for line in self.rejected).most_common(3)
        told = ", ".join(f"{count} {reason}" for reason, count in reasons)
        accepted, topical = f"{len(self.lines)}/{self.wanted}", f"{self.on_topic}/{len(self.lines)}"
        figures = [accepted, topical, str(self.calls), str(len(self.rejected)), str(self.mended), f"{self.seconds:.0f}"]
        return [self.model, self.way, self.what, *figures, told]


HEADINGS = ["model", "way", "what", "accepted", "on topic", "calls", "refused", "mended", "s", "most refused"]


def table(rows: list[Row]) -> list[str]:
    """Lay the rows out in columns."""
    cells = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def is_on_topic(line: dict[str, Any]) -> bool:
    """Whether a topic or a sample shares the beginning of a telling word with the topics above it."""
    if "path" in line:
        path, text = line["path"][:1], " ".join(line["path"][1:])
    else:
        path, text = line["metadata"]["topic_path"], f"{line['question']} {line['final_answer']}"
    return bool(_stems(" ".join(path)) & _stems(text))


def _stems(text: str) -> set[str]:
    return {word[:5] for word in _WORD.findall(text.casefold()) if len(word) >= _SHORT_WORD}


@dataclass(frozen=True)
class Runner:
    """Makes topics or samples on a server, in a folder of its own for each run."""

    place: Path
    model: str
    address: str
    max_tokens: int = 400

    def topics(self, way: str) -> Row:
        """Grow a tree of three by three."""
        row = Row(self.model, way, "topics", TOPICS)
        folder = self._run(row, way, "basic", "--topic-only")
        row.lines = _distinct_topics(folder / "topics.jsonl")
        return row

    def samples(self, way: str, kind: str, wanted: int = SAMPLES) -> Row:
        """Make samples on the given topics."""
        row = Row(self.model, way, kind, wanted)
        folder = self._run(row, way, kind, "--topics-load", "given.jsonl", "--num-samples", str(wanted))
        row.lines = _lines(folder / "dataset.jsonl")
        return row

    def _run(self, row: Row, way: str, kind: str, *flags: str) -> Path:
        folder = self.place / f"{self.model}-{way}-{row.what}"
        folder.mkdir()
        given = [json.dumps({"path": [ROOT_TOPIC, *leaf]}) + "\n" for leaf in LEAVES]
        (folder / "given.jsonl").write_text("".join(given))
        (folder / "config.yaml").write_text(yaml.safe_dump(self._config(way, kind)))
        began = time.monotonic()
        own = {name: str(folder / name) for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME")}
        done = subprocess.run(
            [sys.executable, "-m", "deepfabric_core", "generate", "config.yaml", "--tui", "simple", *flags],
            cwd=folder,
            env={**os.environ, **own, "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "no-key-is-needed"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        row.seconds, row.code, row.said = time.monotonic() - began, done.returncode, done.stdout + done.stderr
        (folder / "said.txt").write_text(row.said)
        row.rejected = _rejected(_lines(folder / "dataset.failures.jsonl"))
        return folder

    @property
    def _endpoint(self) -> dict[str, Any]:
        return {"provider": "openai", "model": self.model, "base_url": self.address}

    def _config(self, way: str, kind: str) -> dict[str, Any]:
        return {
            "llm": {**self._endpoint, "structured_output": way, "seed": 7},
            "topics": {
                "prompt": ROOT_TOPIC,
                "degree": 3,
                "depth": 2,
                "max_tokens": min(300, self.max_tokens),
                "save_as": "topics.jsonl",
            },
            "generation": {
                "system_prompt": "You are a site reliability engineer who helps colleagues.",
                "max_tokens": self.max_tokens,
                **KINDS[kind],
            },
            "output": {"save_as": "dataset.jsonl", "num_samples": SAMPLES, "batch_size": 1},
        }


def _rejected(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The calls that came to nothing, of repaired and of failed samples."""
    return [call for line in lines for call in (line.get("calls") or [line])]


def _distinct_topics(path: Path) -> list[dict[str, Any]]:
    paths = [line["path"] for line in _lines(path)]
    every = {tuple(one[:length]) for one in paths for length in range(2, len(one) + 1)}
    return [{"path": list(one)} for one in sorted(every)]


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
