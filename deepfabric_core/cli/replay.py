"""The `deepfabric replay` command."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepfabric_core.cli.load_config import load_config
from deepfabric_core.cli.output import say
from deepfabric_core.printable import printable
from deepfabric_core.wording import counted

if TYPE_CHECKING:
    from deepfabric_core.run.tool_replay import Replayed

_SHOWN = 20
_CHARACTERS = 160


@click.command("replay")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("config_file", type=click.Path(path_type=Path))
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def command(dataset: Path, config_file: Path) -> None:
    """Carry out every tool call of a dataset again, each sample on fresh state, and compare the results.

    Exit code 0: all results are the same; 1: some differ.
    """
    from deepfabric_core.run.tool_replay import replay

    loaded = load_config(config_file, {})
    done = asyncio.run(replay(dataset, loaded.config))
    for difference in done.differences[:_SHOWN]:
        say(f"{printable(str(dataset))}, line {difference.line}, {printable(difference.call)}:")
        say(f"  recorded  {printable(difference.recorded, _CHARACTERS)}")
        say(f"  now       {printable(difference.now, _CHARACTERS)}")
    if len(done.differences) > _SHOWN:
        say(f"... and {len(done.differences) - _SHOWN:,} more")
    say(_summary(done))
    raise click.exceptions.Exit(1 if done.differences else 0)


def _summary(done: Replayed) -> str:
    return (
        f"{counted(done.samples, 'sample')} with {counted(done.calls, 'call')}: "
        f"{counted(len(done.differences), 'difference')}"
        f"{', ' + counted(done.without_calls, 'sample') + ' without a call' if done.without_calls else ''}"
    )
