"""The `deepfabric export` command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from deepfabric_core.cli.output import note, print_result, say
from deepfabric_core.flags.export_options import check_options, split_rules, with_export_options


def _list_formats(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    from deepfabric_core.export.check.shipped_templates import shipped_templates
    from deepfabric_core.export.find_format import formats

    if wanted:
        width = max(map(len, formats()))
        templates = ((name, one.family) for name, one in shipped_templates().items())
        lines = (f"{name:{width}}  {what}".rstrip() for name, what in [*formats().items(), ("", ""), *templates])
        print_result("\n".join(lines))
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
@with_export_options
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_formats,
    help="List the formats, and the templates for --check.",
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def command(datasets: tuple[str, ...], *, name: str, output: Path | None, reasoning: str | None, **values: Any) -> None:
    """Export a dataset for training, in the format of a trainer.

    DATASET is any dataset: ours, DeepFabric's, or what another tool wrote. Several are mixed: chats.jsonl=0.3 takes
    three tenths of it, chats.jsonl=2 each sample twice, and chats.jsonl=30% as much as makes up that share of the mix;
    what repeats a sample of a dataset named earlier, exactly or nearly, is left out.

    Samples that people rejected are left out, edited ones are taken as they were edited. What a format can't hold is
    counted and told. With --split, -o is a folder, which gets a file for each side (train.jsonl), or a path with
    {split} in it. The exit code is 1 where --check finds anything.
    """
    from deepfabric_core.export.export import export
    from deepfabric_core.export.make_request import ExportOptions, make_request, write_report
    from deepfabric_core.export.mix import mix_of
    from deepfabric_core.export.summary import check_lines, export_notes, export_summary

    mix = mix_of(datasets, seed=values["seed"], keeps_duplicates=values["keep_duplicates"])
    if mix is None and (flag := _of_a_mix(values)):
        raise click.UsageError(f"{flag} is for a mix; name several datasets, or a weight, as in chats.jsonl=0.3.")
    dataset = mix.parts[0].path if mix else Path(datasets[0])
    options = ExportOptions(name, output, reasoning, split_rules(values), check_options(values), mix)
    request, check = make_request(dataset, options)
    result = export(request, check)
    for sentence in export_summary(result):
        say(sentence, err=True)
    for sentence in export_notes(result):
        note(sentence)
    if check is not None:
        if values["report"] is not None:
            write_report(check, values["report"])
            say(f"{values['report']} has all that the check found.", err=True)
        for line in check_lines(check):
            say(line)
        raise click.exceptions.Exit(1 if check.defects else 0)


def _of_a_mix(values: dict[str, Any]) -> str:
    """Return a flag that is given and says something of a mix only; "" for none."""
    return "--seed" if values["seed"] else "--keep-duplicates" if values["keep_duplicates"] else ""
