"""What the tests of the command line share: a place to work in, a config, and a way to run a command."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests import ROOT
from tests.command_processes import run_command
from tests.provider import Faults, LocalProvider

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENROUTER_API_KEY")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, no key in the environment, and checkpoints in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)
    return tmp_path


@pytest.fixture
def deepfabric(place: Path) -> Run:
    """Runs the command line in its own process, in an empty folder and without keys."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return run_command(arguments, place, environment, ROOT, timeout=120)

    return run


@pytest.fixture
def provider() -> Iterator[LocalProvider]:
    """A local OpenAI-compatible server; set its `faults` as needed."""
    with LocalProvider(Faults()) as server:
        yield server


def write_config(place: Path, **sections: Mapping[str, object]) -> str:
    """A small config on the simulated model, with the given keys on top; answers its file name."""
    config: dict[str, dict[str, object]] = {
        "llm": {"provider": "simulated"},
        "topics": {"prompt": "Repairing bicycles", "depth": 2, "degree": 3, "save_as": "out/topics.jsonl"},
        "generation": {"system_prompt": "You teach.", "rate_limit": {"base_delay": 0.02}},
        "output": {"save_as": "out/dataset.jsonl", "num_samples": "auto"},
    }
    for name, keys in sections.items():
        config[name] = {**config.get(name, {}), **keys}
    (place / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return "config.yaml"


def local_llm(server: LocalProvider) -> dict[str, object]:
    """The `llm` section that calls a local server through litellm."""
    return {"provider": "openai", "model": "gpt-4o", "base_url": server.base_url}
