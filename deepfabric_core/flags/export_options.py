"""The options of an export, for the command and the magic alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from deepfabric_core.export.make_request import CheckOptions
    from deepfabric_core.export.splits import SplitRules

_path = click.Path(path_type=Path)
_PLACES = ("think-tags", "reasoning_content", "thinking", "drop")

_OPTIONS = (
    click.option(
        "-o",
        "--output",
        type=_path,
        help="Where to: a .jsonl, a .parquet, or a folder, which datasets reads. By default beside the dataset.",
    ),
    click.option(
        "--reasoning",
        type=click.Choice(_PLACES),
        help="Where reasoning goes: into the text between tags, under a key of the message, or nowhere.",
    ),
    click.option("--split", metavar="SHARES", help="Divide it, as in train=0.9,validation=0.05,test=0.05."),
    click.option(
        "--by",
        type=click.Choice(("topic", "source", "random")),
        default="topic",
        show_default=True,
        help="What stays together on one side of the split; at random, only equal questions do.",
    ),
    click.option(
        "--hold-out",
        "held_out",
        multiple=True,
        metavar="TOPIC",
        help="A topic that goes to test with all below it, so that nothing of it is learned. May be repeated.",
    ),
    click.option(
        "--check",
        "target",
        metavar="TEMPLATE",
        help="Render it through a chat template and say what is lost: a folder with a model's tokenizer files, a Jinja "
        "file, or the name of a family, such as qwen3, llama3.1, mistral or gpt-oss.",
    ),
    click.option(
        "--assistant-only",
        is_flag=True,
        help="With --check: only what the assistant says is learned (assistant_only_loss), which a template has to "
        "mark.",
    ),
    click.option(
        "--report", type=_path, metavar="FILE", help="With --check: write all that it finds, record by record, as JSON."
    ),
    click.option(
        "--context",
        type=click.IntRange(min=1),
        metavar="TOKENS",
        help="With --check: how many tokens the model takes.",
    ),
    click.option(
        "--seed",
        type=int,
        default=0,
        show_default=True,
        help="Of a mix: which samples are taken of a part of a dataset.",
    ),
    click.option("--keep-duplicates", is_flag=True, help="Of a mix: also take what repeats an earlier dataset."),
)


def with_export_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that an export has beside its format to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def split_rules(values: Mapping[str, Any]) -> SplitRules | None:
    """Return how the options divide a dataset; None if they don't.

    Raises:
        ConfigError: the sides can't be read.
        click.UsageError: topics are held out of nothing.
    """
    from deepfabric_core.export.splits import SplitRules, shares_of

    if values["split"] is None:
        if values["held_out"]:
            raise click.UsageError("--hold-out divides a dataset; give the sides by --split, too.")
        return None
    return SplitRules(shares_of(values["split"]), values["by"], tuple(values["held_out"]))


def check_options(values: Mapping[str, Any]) -> CheckOptions | None:
    """Return what the options check against; None if they don't.

    Raises:
        click.UsageError: options of a check are there without one.
    """
    from deepfabric_core.export.make_request import CheckOptions

    given = {"--context": values["context"], "--assistant-only": values["assistant_only"], "--report": values["report"]}
    if values["target"] is None:
        if flag := next((flag for flag, value in given.items() if value), None):
            raise click.UsageError(f"{flag} is for a check; name what to check against by --check.")
        return None
    return CheckOptions(values["target"], values["context"], values["assistant_only"], values["report"])
