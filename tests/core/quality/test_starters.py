"""What runs of today deliver, from the demo and the simulated model, passes all checks that are on by default."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from deepfabric_core import Job, Stop, generate, load
from deepfabric_core.cli.init import KINDS, starter
from deepfabric_core.llm.demo.tool_files import mock_data, tool_definitions
from deepfabric_core.quality.candidate import candidate_of
from deepfabric_core.quality.checks.check import Settings
from deepfabric_core.quality.checks.choose import choose
from deepfabric_core.quality.checks.examine import findings
from tests.core.commands import lines

SIMULATED: Mapping[str, Mapping[str, Any]] = {
    "basic": {},
    "cot": {"conversation": {"type": "cot"}},
    "agent": {"conversation": {"type": "cot", "reasoning_style": "agent"}},
    "custom": {
        "output_schema": {
            "type": "object",
            "required": ["title", "question", "answer", "steps"],
            "properties": {
                **{name: {"type": "string"} for name in ("title", "question", "answer")},
                "steps": {"type": "array", "items": {"type": "string"}, "minItems": 2},
                "email": {"type": "string", "format": "email"},
            },
        }
    },
}


def refused(text: str) -> list[str]:
    """What the checks have against the samples that a config makes."""
    config = load(text, source="here").config
    asyncio.run(generate(Job(config), emit=lambda _: None, stop=Stop()))
    settings = Settings("en", (config.generation.system_prompt, config.generation.instructions))
    checks = choose("default", settings)
    records = lines(Path(config.output.save_as))
    assert records
    return [f"{found}: {json.dumps(one)}" for one in records for found in findings(candidate_of(one), checks)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_samples_of_each_starter_pass(place: Path, kind: str) -> None:
    (place / "on-call-tools.yaml").write_text(tool_definitions(), encoding="utf-8")
    (place / "on-call-mock-data.json").write_text(mock_data(), encoding="utf-8")
    assert not refused(starter(kind))


@pytest.mark.parametrize("kind", SIMULATED)
def test_the_samples_of_the_simulated_model_pass(place: Path, kind: str) -> None:
    document = {
        "llm": {"provider": "simulated"},
        "topics": {"prompt": "Growing vegetables", "depth": 2, "degree": 5},
        "generation": {"system_prompt": "You are a gardener who explains why something works.", **SIMULATED[kind]},
        "output": {"save_as": "made.jsonl", "num_samples": 100, "format": "custom" if kind == "custom" else "messages"},
    }
    assert not refused(yaml.safe_dump(document))
