"""The `deepfabric export` command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deepfabric_core.cli.output import note, print_result, say

if TYPE_CHECKING:
    from deepfabric_core.export.splits import By, SplitRules

_path = click.Path(path_type=Path)
_PLACES = ("think-tags", "reasoning_content", "thinking", "drop")


def _list_formats(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    from deepfabric_core.export.find_format import formats

    if wanted:
        width = max(map(len, formats()))
        print_result("\n".join(f"{name:{width}}  {what}" for name, what in formats().items()))
        context.exit()


@click.command("export")
@click.argument("dataset", type=_path)
@click.option(
    "--to",
    "name",
    required=True,
    metavar="FORMAT",
    help="trl, trl-prompt-completion, trl-preference, trl-kto, grpo, openai, openai-preference, sharegpt, alpaca, "
    "axolotl, harmony, chatml, a Jinja template (.jinja), or a format that an installed package brings.",
)
@click.option(
    "-o",
    "--output",
    type=_path,
    help="Where to: a .jsonl, a .parquet, or a folder, which datasets reads. By default beside the dataset.",
)
@click.option(
    "--reasoning",
    type=click.Choice(_PLACES),
    help="Where reasoning goes: into the text between tags, under a key of the message, or nowhere.",
)
@click.option("--split", metavar="SHARES", help="Divide it, as in train=0.9,validation=0.05,test=0.05.")
@click.option(
    "--by",
    type=click.Choice(("topic", "source", "random")),
    default="topic",
    show_default=True,
    help="What stays together on one side of the split; at random, only equal questions do.",
)
@click.option(
    "--hold-out",
    "held_out",
    multiple=True,
    metavar="TOPIC",
    help="A topic that goes to test with all below it, so that nothing of it is learned. May be repeated.",
)
@click.option(
    "--check",
    "target",
    metavar="TEMPLATE",
    help="Render it through a chat template and say what is lost: a folder with a model's tokenizer files, a Jinja "
    "file, or the name of a family, such as qwen3, llama3.1, mistral or gpt-oss.",
)
@click.option(
    "--assistant-only",
    is_flag=True,
    help="With --check: only what the assistant says is learned (assistant_only_loss), which a template has to mark.",
)
@click.option(
    "--report", type=_path, metavar="FILE", help="With --check: write all that it finds, record by record, as JSON."
)
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_list_formats, help="List the formats and exit."
)
@click.option("--context", type=click.IntRange(min=1), metavar="TOKENS", help="How many tokens the model takes.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def command(
    dataset: Path,
    *,
    name: str,
    output: Path | None,
    reasoning: str | None,
    **more: Any,
) -> None:
    """Export a dataset for training, in the format of a trainer.

    DATASET is any dataset of ours or of DeepFabric's. Samples that people rejected are left out, edited ones are taken
    as they were edited. What a format can't hold is counted and told. With --split, -o is a folder, which gets a file
    for each side (train.jsonl), or a path with {split} in it. The exit code is 1 where --check finds anything.
    """
    from deepfabric_core.export.export import export
    from deepfabric_core.export.make_request import CheckOptions, ExportOptions, make_request, write_report
    from deepfabric_core.text.export_summary import check_lines, export_notes, export_summary

    if dataset.is_dir():
        raise click.UsageError(f"{dataset} is a folder; name a dataset in it.")
    target, report = more["target"], more["report"]
    for flag, given in (
        ("--context", more["context"]),
        ("--assistant-only", more["assistant_only"]),
        ("--report", report),
    ):
        if given and target is None:
            raise click.UsageError(f"{flag} is for a check; name what to check against by --check.")
    checking = CheckOptions(target, more["context"], more["assistant_only"], report) if target else None
    rules = _split_rules(more["split"], more["by"], more["held_out"])
    request, check = make_request(dataset, ExportOptions(name, output, reasoning, rules, checking))
    result = export(request, check)
    for sentence in export_summary(result):
        say(sentence, err=True)
    for sentence in export_notes(result):
        note(sentence)
    if check is not None:
        if report is not None:
            write_report(check, report)
            say(f"{report} has all that the check found.", err=True)
        for line in check_lines(check):
            say(line)
        raise click.exceptions.Exit(1 if check.defects else 0)


def _split_rules(split: str | None, by: By, held_out: tuple[str, ...]) -> SplitRules | None:
    from deepfabric_core.export.splits import SplitRules, shares_of

    if split is None:
        if held_out:
            raise click.UsageError("--hold-out divides a dataset; give the sides by --split, too.")
        return None
    return SplitRules(shares_of(split), by, held_out)
