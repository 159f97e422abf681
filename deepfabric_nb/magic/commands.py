"""The magic's commands and flags: the command line's flags, from the same table, and a few more."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from deepfabric_core.flags.click_options import (
    with_budget_options,
    with_config_options,
    with_options,
    with_preview,
)
from deepfabric_core.flags.export_options import with_export_options
from deepfabric_core.flags.upload_options import with_upload_options

_YAML = (".yaml", ".yml")


def _run_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("run", required=False)(command)


def _makes_a_run(command: Callable[..., Any]) -> Callable[..., Any]:
    for decorate in (
        click.option("--out", metavar="NAME", help="Assign the result to a variable instead of showing it."),
        click.option("--background", is_flag=True, help="Go on with the notebook while it runs; answers its handle."),
        click.option("--name", metavar="NAME", help="What the run is called in other commands."),
    ):
        command = decorate(command)
    return command


def _command(name: str, help_text: str, *decorators: Callable[..., Any]) -> click.Command:
    callback: Callable[..., Any] = lambda **_: None  # noqa: E731 - click needs a new one for each command
    for decorate in decorators:
        callback = decorate(callback)
    return click.command(name, help=help_text, context_settings={"help_option_names": ["-h", "--help"]})(callback)


_config_file = click.argument("config_file", required=False)


def _file_and_name(command: click.Command) -> click.Command:
    """Add the arguments of an import: its file, and what the dataset is called."""
    return click.argument("file")(click.argument("name", required=False)(command))


_folder = click.option("--checkpoint-path", type=click.Path(), help="Folder of the run's checkpoint.")
_dataset = click.option(
    "--output-save-as", type=click.Path(), help="The dataset, where the config isn't what names it."
)

COMMANDS: Mapping[str, click.Command] = {
    command.name or "": command
    for command in (
        _command(
            "generate",
            "Grow topics and write a dataset, from the YAML in the cell or from a file.",
            _config_file,
            with_options,
            _makes_a_run,
        ),
        _command(
            "topics",
            "Show the topics of a cell, of a config or topics file, or of a run.",
            click.argument("what", required=False),
            click.option("--samples", type=click.Path(), help="Dataset of a topics file, to link its samples."),
            with_options,
            _makes_a_run,
        ),
        _command(
            "samples",
            "Read, search and review the samples of a run or of a dataset; without a name, those of the latest run.",
            click.argument("what", required=False, metavar="[RUN or FILE]"),
            click.option("--out", metavar="NAME", help="Assign the view to a variable instead of showing it."),
        ),
        _command(
            "validate", "Check a config without spending anything, and show the plan.", _config_file, with_options
        ),
        _command(
            "estimate",
            "Reckon what a run will take, before it does: calls, tokens, money and time, each with a range.",
            _config_file,
            with_config_options,
            with_preview,
            click.option("--out", metavar="NAME", help="Assign the estimate to a variable instead of showing it."),
        ),
        _command("status", "List the runs of this notebook and those that are kept on this machine."),
        _command(
            "resume",
            "Go on with a run: the one named, or the latest that isn't complete. Its budget can be raised.",
            _run_argument,
            with_budget_options,
            _makes_a_run,
        ),
        _command(
            "stop",
            "Stop a run that goes on in the background; calls in flight finish.",
            _run_argument,
            click.option("--now", is_flag=True, help="Leave the calls in flight as well."),
        ),
        _command(
            "export",
            "Write a run's config to a file, and what it has made beside it, to go on from the command line; or, to a "
            "file that ends in .jsonl, the samples that nobody rejected, as they were edited. With --to, write a run, "
            "a dataset or a DataFrame for a trainer, and check it.",
            click.argument("words", nargs=-1, metavar="[RUN, DATASET or VARIABLE]... [FILE]"),
            click.option("--to", metavar="FORMAT", help="A trainer's format, such as trl; deepfabric export --list."),
            with_export_options,
            click.option("--out", metavar="NAME", help="Assign the result to a variable instead of showing it."),
        ),
        _command(
            "upload-hf",
            "Upload a dataset to the Hugging Face hub, or what a run has made; without a name, the latest run.",
            # The last one is asked for first.
            click.argument("what", required=False, metavar="[FILE or run]"),
            click.argument("repo", metavar="REPO"),
            with_upload_options,
        ),
        _command(
            "import",
            "Write a dataset of another tool as one of ours, NAME.jsonl: to look at, report on, review and export.",
            _file_and_name,
            click.option("--from", "from_format", metavar="FORMAT", help="Its format, if records don't tell it."),
            click.option("--topic-column", metavar="NAME", help="The key that holds the topic, if it isn't topic."),
            click.option("--strict", is_flag=True, help="Write nothing if any record can't be read."),
            click.option("--out", metavar="NAME", help="Assign the dataset to a variable instead of showing it."),
        ),
        _command(
            "watch",
            "Follow a run that a command line is doing on this machine.",
            click.argument("config_file"),
            _folder,
            _dataset,
            _makes_a_run,
        ),
        _command(
            "trace",
            "Show the calls to models that a run has recorded by --trace.",
            click.argument("file"),
            click.option("--failed", is_flag=True, help="Only calls that had no reply."),
        ),
        _command(
            "report",
            "Report on a dataset, or on what a run has made: topics, lengths, repetitions, checks, scores, cost.",
            click.argument("what", required=False, metavar="[FILE or run]"),
            click.option("-o", "--output", type=click.Path(), help="Write the page to a file as well."),
            click.option("--against", type=click.Path(), help="Another dataset, to tell what differs from it."),
            click.option("--topics", type=click.Path(), help="Topics file, to tell which topics have no samples."),
            click.option("--out", metavar="NAME", help="Assign the report to a variable instead of showing it."),
        ),
        _command(
            "limits",
            "Show the limits that were learned of providers; the next run begins with them.",
            click.argument("what", required=False, metavar="[ENDPOINT or MODEL]"),
        ),
        _command(
            "costs",
            "List the past runs of this machine with what they cost, the newest first.",
            click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%d %H:%M"]), help="Only from this day on."),
            click.option("--config", type=click.Path(), help="Only runs of this config file."),
            click.option("-n", "most", type=click.IntRange(min=1), help="Only so many runs, the newest."),
        ),
        _command("help", "Show these commands."),
    )
}


@dataclass(frozen=True, slots=True)
class MagicLine:
    """A parsed line of a magic: the command and the values of its arguments and flags."""

    command: str
    values: Mapping[str, Any]


def read(line: str, *, cell: bool) -> MagicLine:
    """Parse a line; above a cell, `generate` may be omitted.

    Raises:
        click.ClickException: it can't be understood.
    """
    try:
        words = shlex.split(line)
    except ValueError as problem:
        raise click.UsageError(f"{str(problem).lower()} in: {line.strip()}") from problem
    if not words and not cell:
        return MagicLine("help", {})
    if not words or words[0].startswith("-") or words[0].endswith(_YAML):
        words = ["generate", *words]
    name, *rest = words
    if name not in COMMANDS:
        raise click.UsageError(f"There is no command {name}{_nearest(name)}; see %deepfabric help.")
    context = COMMANDS[name].make_context(f"%deepfabric {name}", rest)
    return MagicLine(name, context.params)


def _nearest(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, n=1)
    return f", perhaps {near[0]}" if near else ""


def overview() -> str:
    """Return a list of all commands, a line each."""
    width = max(map(len, COMMANDS))
    return "\n".join(
        (
            "%%deepfabric [generate] [flags], with a config as YAML below it, makes a dataset.",
            *(f"%deepfabric {name:<{width}}  {command.help}" for name, command in COMMANDS.items()),
            "%deepfabric COMMAND --help shows a command's flags.",
        )
    )


def flags_of(command: click.Command) -> list[str]:
    """Return the flags of a command, as they are written."""
    options = (parameter for parameter in command.params if isinstance(parameter, click.Option))
    return [flag for option in options for flag in (*option.opts, *option.secondary_opts)]
