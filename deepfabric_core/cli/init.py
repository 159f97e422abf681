"""The `deepfabric init` command."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from deepfabric_core.cli.output import say

# What each starter config makes, as it stands; the config itself is starters/<kind>.yaml.
KINDS = {
    "tree": "questions and answers over a tree of topics, from the demo",
    "graph": "questions, reasoning and answers over a graph of topics, on the simulated model",
    "agent": "an agent's work with tools, on the simulated model",
    "bicycle-repair": "the demo's 60 questions and answers on bicycle repair",
    "household-chemistry": "the demo's 15 questions on household chemistry, with reasoning and answers",
    "on-call": "the demo's 15 tasks of an agent on call for Kubernetes, with their tool calls",
}

# The names of the files beside a config of kind on-call, as they stand in it and at the end of the config's own name.
_TOOLS, _MOCK_DATA = "tools.yaml", "mock-data.json"


@click.command("init")
@click.argument("config_file", default="config.yaml", type=click.Path(path_type=Path))
@click.option("--kind", type=click.Choice(list(KINDS)), default="tree", show_default=True, help="What it makes.")
@click.option("--force", is_flag=True, help="Replace the file, if there is one.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def command(config_file: Path, *, kind: str, force: bool) -> None:
    """Write a config to start from, with comments; it runs as it is, without a key.

    CONFIG_FILE is config.yaml, if left out. A tree makes questions and answers, a graph adds the reasoning between
    them, and an agent works with tools. The others make whole datasets that were written by hand, to see what the
    results look like; on-call also writes the tools of its agent and what they answer, beside the config.
    """
    from deepfabric_core.errors import ConfigError
    from deepfabric_core.store.files import replace_file

    written = _files(config_file, kind)
    there = next((path for path in written if path.exists()), None)
    if there is not None and not force:
        raise ConfigError(f"{there} is there already; give another name, or --force to replace it.")
    for path, text in written.items():
        replace_file(path, [text.encode()])
    run = shlex.join(["deepfabric", "generate", str(config_file)])
    beside = f"It uses {' and '.join(map(str, list(written)[1:]))}.\n" if len(written) > 1 else ""
    say(
        f"{config_file} makes {KINDS[kind]}.\n{beside}"
        f"Try it:                {run}\n"
        f"With a model of yours: {run} --provider openai --model gpt-4o-mini"
    )


def starter(kind: str) -> str:
    """Return the text of a starter config."""
    from importlib.resources import files

    return (files("deepfabric_core") / "starters" / f"{kind}.yaml").read_text(encoding="utf-8")


def _files(config_file: Path, kind: str) -> dict[Path, str]:
    """Return the texts of the config and, for kind on-call, of the files that it names."""
    text = starter(kind)
    if kind != "on-call":
        return {config_file: text}
    from deepfabric_core.llm.demo.tool_files import mock_data, tool_definitions

    beside = {name: config_file.with_name(f"{config_file.stem}-{name}") for name in (_TOOLS, _MOCK_DATA)}
    for name, path in beside.items():
        text = text.replace(f'"{kind}-{name}"', json.dumps(str(path), ensure_ascii=False))
    return {config_file: text, beside[_TOOLS]: tool_definitions(), beside[_MOCK_DATA]: mock_data()}
