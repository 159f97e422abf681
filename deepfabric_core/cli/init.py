"""The `deepfabric init` command."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from deepfabric_core.cli.output import say

# What each starter config makes; the config itself is starters/<kind>.yaml.
KINDS = {
    "tree": "questions and answers over a tree of topics",
    "graph": "questions, reasoning and answers over a graph of topics",
    "agent": "an agent's work with tools",
}


@click.command("init")
@click.argument("config_file", default="config.yaml", type=click.Path(path_type=Path))
@click.option("--kind", type=click.Choice(list(KINDS)), default="tree", show_default=True, help="What it makes.")
@click.option("--force", is_flag=True, help="Replace the file, if there is one.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def command(config_file: Path, *, kind: str, force: bool) -> None:
    """Write a config to start from, with comments; it runs as it is, without a key.

    CONFIG_FILE is config.yaml, if left out. A tree makes questions and answers, a graph adds the reasoning between
    them, and an agent works with tools.
    """
    from deepfabric_core.errors import ConfigError
    from deepfabric_core.store.files import replace_file

    if config_file.exists() and not force:
        raise ConfigError(f"{config_file} is there already; give another name, or --force to replace it.")
    replace_file(config_file, [starter(kind).encode()])
    run = shlex.join(["deepfabric", "generate", str(config_file)])
    say(
        f"{config_file} makes {KINDS[kind]}, on the simulated model.\n"
        f"Try it:                {run}\n"
        f"With a model of yours: {run} --provider openai --model gpt-4o-mini"
    )


def starter(kind: str) -> str:
    """Return the text of a starter config."""
    from importlib.resources import files

    return (files("deepfabric_core") / "starters" / f"{kind}.yaml").read_text(encoding="utf-8")
