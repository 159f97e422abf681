"""Who takes part, and how each of them is told what to do: by a command line of its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests import ROOT
from tests.bench.cases import Case
from tests.bench.peers.packages import PACKAGES, Package

_TOPICS = 500
_DATASET = "dataset.jsonl"


@dataclass(frozen=True)
class Task:
    """A case to go through in an empty folder, against a server; `body` is a request as ours makes it."""

    case: Case
    place: Path
    base_url: str
    body: Mapping[str, Any] | None = None


class Contestant(Protocol):
    """Someone who makes samples; `kinds` are the cases it can take part in."""

    @property
    def name(self) -> str: ...

    @property
    def kinds(self) -> tuple[str, ...]: ...

    def command(self, task: Task) -> list[str]:
        """Lay out the files that it needs, and name the command."""

    def environment(self, task: Task, /) -> dict[str, str]:
        """Name the environment of the command."""

    def delivered(self, place: Path) -> int:
        """Count what came of it."""


@dataclass(frozen=True)
class Ours:
    """The command line of this project."""

    name: str = "ours"
    client: str = "auto"
    kinds: tuple[str, ...] = ("samples", "refusals", "topics", "help", "validate")

    def command(self, task: Task) -> list[str]:
        llm = {"provider": "openai", "client": self.client, **task.case.llm}
        return [sys.executable, "-m", "deepfabric_core", *_arguments(task, llm)]

    def environment(self, task: Task) -> dict[str, str]:
        return _environment(OPENAI_API_KEY="none", **_nothing_learned(task))

    def delivered(self, place: Path) -> int:
        return _lines(place / _DATASET)


@dataclass(frozen=True)
class Peer:
    """DeepFabric 4.13, in its own environment. It ignores `base_url` for openai; a variable does it."""

    python: Path
    name: str = "DeepFabric 4.13"
    kinds: tuple[str, ...] = ("samples", "topics", "help", "validate")

    def command(self, task: Task) -> list[str]:
        return [str(self.python.with_name("deepfabric")), *_arguments(task, {"provider": "openai"})]

    def environment(self, task: Task) -> dict[str, str]:
        quiet = {"ANONYMIZED_TELEMETRY": "False", "HF_HUB_OFFLINE": "1"}
        return _environment(OPENAI_API_KEY="none", OPENAI_BASE_URL=task.base_url, **quiet) | {"PYTHONPATH": ""}

    def delivered(self, place: Path) -> int:
        return _lines(place / _DATASET)


@dataclass(frozen=True)
class Bare:
    """A loop with nothing around it: the request of ours, made again and again."""

    name: str
    module: str
    kinds: tuple[str, ...] = ("samples",)

    def command(self, task: Task) -> list[str]:
        if task.body is None:
            raise RuntimeError("The bare loops make the request of ours, so ours has to be run before them.")
        file = task.place / "body.json"
        file.write_text(json.dumps(task.body), encoding="utf-8")
        numbers = (task.case.samples, task.case.width, task.case.llm.get("timeout", 120))
        return [sys.executable, "-m", self.module, task.base_url, *map(str, numbers), str(file)]

    def environment(self, _: Task) -> dict[str, str]:
        return _environment()

    def delivered(self, place: Path) -> int:
        return int((place / "stdout").read_text().strip() or 0)


@dataclass(frozen=True)
class Packaged:
    """A peer in an environment of its own that makes as many equal calls, with its own limiter as it comes.

    If it isn't installed, what it does is to say why.
    """

    peer: Package
    folder: Path
    kinds: tuple[str, ...] = ("refusals",)

    @property
    def name(self) -> str:
        return self.peer.title

    def command(self, task: Task) -> list[str]:
        python, missing = self.peer.python(self.folder), self.peer.missing(self.folder)
        if missing:
            return [sys.executable, "-c", f"raise SystemExit({missing!r})"]
        asked = (task.base_url, str(task.case.samples), str(task.case.width), "Explain how to mend a puncture.")
        return [str(python), str(self.peer.script), *asked]

    def environment(self, task: Task) -> dict[str, str]:
        """Keep its files in the folder, and every connection on this machine: what goes elsewhere goes nowhere."""
        quiet = {"NEMO_TELEMETRY_ENABLED": "false", "TELEMETRY_ENABLED": "false", "HF_HUB_OFFLINE": "1"}
        quiet |= {"HF_HUB_DISABLE_TELEMETRY": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")
        here = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1")
        own = {"HOME": str(task.place), "OPENAI_API_KEY": "none", "PYTHONPATH": ""}
        return _environment() | _nothing_learned(task) | quiet | nowhere | here | own

    def delivered(self, place: Path) -> int:
        file = place / "delivered"
        return int(file.read_text(encoding="utf-8")) if file.exists() else 0


OURS = Ours()
BARE_AIOHTTP = Bare("bare aiohttp", "tests.bench.bare_aiohttp")


def contestants(peer: Path | None, peers: Path) -> tuple[Contestant, ...]:
    """Everyone, ours first; `peers` is the folder with the environments of those that are packages."""
    others = (
        Ours("ours, through litellm", "litellm", kinds=("samples", "topics")),
        BARE_AIOHTTP,
        Bare("bare litellm", "tests.bench.bare_litellm"),
    )
    packaged = (Packaged(package, peers) for package in PACKAGES)
    return (OURS, *others, *((Peer(peer),) if peer else ()), *packaged)


def _arguments(task: Task, llm: Mapping[str, Any]) -> list[str]:
    case = task.case
    if case.kind == "help":
        return ["--help"]
    config = {
        "llm": {"model": "gpt-4o", "base_url": task.base_url, **llm},
        "topics": {"prompt": "Repairing bicycles", "mode": "tree", "save_as": "grown.jsonl", **case.topics},
        "generation": {"system_prompt": "You teach people to repair bicycles.", "conversation": {"type": "basic"}},
        "output": {"save_as": _DATASET, "num_samples": max(1, case.samples), "batch_size": case.width},
    }
    (task.place / "config.yaml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    if case.kind == "validate":
        return ["validate", "config.yaml"]
    if case.kind == "topics":
        return ["generate", "config.yaml", "--topic-only", "--tui", "simple"]
    _write_topics(task.place / "topics.jsonl")
    return ["generate", "config.yaml", "--topics-load", "topics.jsonl", "--tui", "simple"]


def _write_topics(file: Path) -> None:
    paths = (["Repairing bicycles", f"Part {number // 25}", f"Job {number}"] for number in range(_TOPICS))
    file.write_text("".join(f"{json.dumps({'path': path})}\n" for path in paths), encoding="utf-8")


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def _nothing_learned(task: Task) -> dict[str, str]:
    """Begin without what an earlier run has kept."""
    return {f"XDG_{kind}_HOME": str(task.place / kind.lower()) for kind in ("CACHE", "DATA", "STATE")}


def _lines(file: Path) -> int:
    if not file.exists():
        return 0
    with file.open("rb") as lines:
        return sum(1 for _ in lines)
