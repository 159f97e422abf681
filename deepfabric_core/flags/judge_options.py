"""The options of `deepfabric judge`, and the config that they and a file give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deepfabric_core.flags.click_options import with_budget_options

if TYPE_CHECKING:
    from deepfabric_core.config.load import Loaded

# What a config needs beside its judges, where there is no file.
_WITHOUT_A_FILE = {
    "topics.prompt": "judged",
    "generation.system_prompt": "judged",
    "output.save_as": "judged.jsonl",
}

_KEYS = {
    "provider": "quality.judge.llm.provider",
    "model": "quality.judge.llm.model",
    "base_url": "quality.judge.llm.base_url",
    "criteria": "quality.judge.criteria",
    "scale": "quality.judge.scale",
    "min_score": "quality.judge.min",
    "batch_size": "output.batch_size",
    "max_cost": "budget.cost",
    "max_tokens_total": "budget.tokens",
    "max_time": "budget.time",
    "max_calls": "budget.calls",
}

# The names by which Python gives them.
OPTIONS = tuple(_KEYS)

_OPTIONS = (
    click.option("--provider", help="Provider of the judge: openai, anthropic, gemini, ollama, simulated, ..."),
    click.option("--model", help="Model of the judge."),
    click.option("--base-url", help="Address of an OpenAI-compatible server for the judge."),
    click.option("--criteria", metavar="NAMES", help="What scores are given for, as in correctness,clarity."),
    click.option("--scale", metavar="FROM-TO", help="Scale of the scores, 1-5 by default."),
    click.option("--min-score", type=click.FLOAT, help="What the mean of a sample's scores must reach."),
    click.option("--batch-size", type=click.IntRange(min=1), help="Calls in flight at most."),
)


def with_judge_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say who judges, by what, and for how much."""
    command = with_budget_options(command)
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _overrides(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config keys that the options override, with their values.

    >>> _overrides({"model": "gpt-4o", "criteria": "clarity, on_topic", "scale": None})
    {'quality.judge.llm.model': 'gpt-4o', 'quality.judge.criteria': ['clarity', 'on_topic']}
    """
    given = {key: values.get(name) for name, key in _KEYS.items()}
    if (named := given["quality.judge.criteria"]) is not None:
        given["quality.judge.criteria"] = [name.strip() for name in named.split(",") if name.strip()]
    return {key: value for key, value in given.items() if value is not None}


def _spelled(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the flag that gave each overridden key, for messages."""
    return {key: f"--{name.replace('_', '-')}" for name, key in _KEYS.items() if values.get(name) is not None}


def load_judges(config_file: Path | None, values: Mapping[str, Any]) -> Loaded:
    """Return the config of a file, or one of judges alone; the options take precedence.

    Raises:
        ConfigError: the file or a value can't be used.
    """
    from deepfabric_core.config.load import NO_FILE, load
    from deepfabric_core.store.files import read_text

    text, source, needed = "", NO_FILE, _WITHOUT_A_FILE
    if config_file is not None:
        text, source, needed = read_text(config_file, what="config"), str(config_file), {}
    return load(text, source=source, overrides={**needed, **_overrides(values)}, spelled=_spelled(values))
