"""Each command of the specification runs, on the simulated model and through litellm against a local server."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.core.commands import lines
from tests.core.conftest import Run, local_llm, write_config
from tests.provider import LocalProvider

COMMANDS = [
    "generate config.yaml",
    (
        "generate config.yaml --provider anthropic --model claude-sonnet-4-5 --temperature 0.8 --num-samples 100 "
        "--batch-size 5"
    ),
    "generate config.yaml --topics-save-as custom_topics.jsonl --output-save-as custom_dataset.jsonl",
    "generate config.yaml --topics-load existing_topics.jsonl",
    "generate config.yaml --topic-only",
    "generate config.yaml --mode graph --topic-only",
    "generate config.yaml --degree 5 --depth 4 --temperature 0.7 --topic-only",
    "generate config.yaml --num-samples 500 --batch-size 10 --no-system-message",
    "generate config.yaml --conversation-type cot --reasoning-style freetext",
    "generate config.yaml --tui rich",
    "generate config.yaml --tui simple",
    "generate config.yaml --provider openai --model gpt-4 --temperature 0.9",
    (
        "generate config.yaml --topics-save-as research_topics.jsonl --output-save-as research_examples.jsonl "
        "--provider anthropic --model claude-sonnet-4-5 --degree 4 --depth 3 --num-samples 200 --batch-size 8 "
        "--temperature 0.8 --include-system-message"
    ),
]


def prepare(place: Path, llm: dict[str, object]) -> None:
    (place / "existing_topics.jsonl").write_text('{"path": ["Bicycles", "Wheels"]}\n', encoding="utf-8")
    write_config(place, llm=llm)


@pytest.mark.parametrize("command", COMMANDS)
def test_it_runs_on_the_simulated_model(place: Path, deepfabric: Run, command: str) -> None:
    prepare(place, {"provider": "simulated"})
    arguments = [*shlex.split(command), "--provider", "simulated"]
    done = deepfabric(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Complete" in done.stdout


@pytest.mark.parametrize("command", [command for command in COMMANDS if "anthropic" not in command])
def test_it_runs_through_litellm(place: Path, deepfabric: Run, provider: LocalProvider, command: str) -> None:
    prepare(place, local_llm(provider))
    done = deepfabric(*shlex.split(command))
    assert done.returncode == 0, done.stdout + done.stderr
    assert provider.counts.answered == provider.counts.requests > 0


def test_custom_paths_are_where_the_files_are(place: Path, deepfabric: Run) -> None:
    prepare(place, {"provider": "simulated"})
    arguments = ("--topics-save-as", "deep/down/topics.jsonl", "--output-save-as", "new/folder/dataset.jsonl")
    assert deepfabric("generate", "config.yaml", *arguments).returncode == 0
    assert len(lines(place / "deep/down/topics.jsonl")) == len(lines(place / "new/folder/dataset.jsonl")) == 9
