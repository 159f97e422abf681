"""The `deepfabric export` command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deepfabric_core.cli.output import note, print_result, say

if TYPE_CHECKING:
    from deepfabric_core.export.mix import Mix
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
@click.argument("datasets", metavar="DATASET[=WEIGHT]...", nargs=-1, required=True)
@click.option(
    "--to",
    "name",
    required=True,
    metavar="FORMAT",
    help="trl, trl-prompt-completion, trl-preference, trl-kto, grpo, openai, openai-preference, sharegpt, "
    "sharegpt-preference, alpaca, axolotl, harmony, chatml, a Jinja template (.jinja), or a format that an installed "
    "package brings.",
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
    "--seed", type=int, default=0, show_default=True, help="Of a mix: which samples are taken of a part of a dataset."
)
@click.option("--keep-duplicates", is_flag=True, help="Of a mix: also take what repeats an earlier dataset.")
@click.option(
    "--check",
    "target",
    type=_path,
    metavar="PATH",
    help="Render it through a chat template (a Jinja file, or a folder with tokenizer files), and say what is lost.",
)
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_list_formats, help="List the formats and exit."
)
@click.option("--context", type=click.IntRange(min=1), metavar="TOKENS", help="How many tokens the model takes.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def command(
    datasets: tuple[str, ...],
    *,
    name: str,
    output: Path | None,
    reasoning: str | None,
    target: Path | None,
    context: int | None,
    **more: Any,
) -> None:
    """Export a dataset for training, in the format of a trainer.

    DATASET is any dataset: ours, DeepFabric's, or what another tool wrote. Several are mixed: chats.jsonl=0.3 takes
    three tenths of it, chats.jsonl=2 each sample twice, and chats.jsonl=30% as much as makes up that share of the mix;
    what repeats a sample of a dataset named earlier, exactly or nearly, is left out.

    Samples that people rejected are left out, edited ones are taken as they were edited. What a format can't hold is
    counted and told. With --split, -o is a folder, which gets a file for each side (train.jsonl), or a path with
    {split} in it. The exit code is 1 where --check finds anything.
    """
    from deepfabric_core.export.check.target import open_target
    from deepfabric_core.export.check.training_check import TrainingCheck
    from deepfabric_core.export.export import ExportRequest, export
    from deepfabric_core.export.find_format import find_format, reasoning_for
    from deepfabric_core.text.export_summary import check_lines, export_notes, export_summary

    mix = _mix(datasets, seed=more["seed"], keeps_duplicates=more["keep_duplicates"])
    dataset = mix.parts[0].path if mix else Path(datasets[0])
    if context is not None and target is None:
        raise click.UsageError("--context is for a check; name what to check against by --check.")
    chosen = find_format(name)
    place = reasoning_for(chosen, reasoning)
    rules = _split_rules(more["split"], more["by"], more["held_out"])
    ending = "" if rules else ".jsonl"
    stem = "mix" if mix else dataset.stem
    output = output or dataset.with_name(f"{stem}.{chosen.name}{ending}")
    check = TrainingCheck(open_target(target), chosen, place, context) if target else None
    result = export(ExportRequest(dataset, chosen, output, place, rules, mix), check)
    for sentence in export_summary(result):
        say(sentence, err=True)
    for sentence in export_notes(result):
        note(sentence)
    if check is not None:
        for line in check_lines(check):
            say(line)
        raise click.exceptions.Exit(1 if check.defects else 0)


def _mix(datasets: tuple[str, ...], *, seed: int, keeps_duplicates: bool) -> Mix | None:
    """Return the mix of several datasets, or of a part of one; None if it is one as it stands."""
    from deepfabric_core.export.mix import Mix, check_readable, parts_of

    parts = parts_of(datasets)
    if len(parts) == 1 and str(parts[0].path) == datasets[0]:
        return None
    mix = Mix(parts, seed, keeps_duplicates)
    check_readable(mix)
    return mix


def _split_rules(split: str | None, by: By, held_out: tuple[str, ...]) -> SplitRules | None:
    from deepfabric_core.export.splits import SplitRules, shares_of

    if split is None:
        if held_out:
            raise click.UsageError("--hold-out divides a dataset; give the sides by --split, too.")
        return None
    return SplitRules(shares_of(split), by, held_out)
