"""The `deepfabric import` command."""

from __future__ import annotations

from pathlib import Path

import click

from deepfabric_core.cli.output import note, print_result, say

_path = click.Path(path_type=Path)


def _list_formats(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    from deepfabric_core.samples.foreign.readers import names

    if wanted:
        width = max(map(len, names()))
        print_result("\n".join(f"{name:{width}}  {what}" for name, what in names().items()))
        context.exit()


@click.command("import")
@click.argument("source", metavar="FILE", type=_path)
@click.option("-o", "--output", type=_path, help="Dataset to write; by default FILE's name with .imported.jsonl.")
@click.option(
    "--from",
    "name",
    metavar="FORMAT",
    help="deepfabric, openai, openai-preference, sharegpt, alpaca, trl, trl-preference, columns, chatml or harmony. "
    "By default each record is read as what it looks like.",
)
@click.option("--topic-column", metavar="NAME", help="The key or column that holds the topic, if it isn't topic.")
@click.option("--strict", is_flag=True, help="Write nothing if any record can't be read.")
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_list_formats, help="List the formats and exit."
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def command(source: Path, *, output: Path | None, name: str | None, topic_column: str | None, strict: bool) -> None:
    """Import a dataset that another tool wrote, as one of ours: to report on, review, mix and export.

    FILE holds records as JSONL, a JSON array, CSV, Parquet or Arrow, which may be compressed (gzip, bz2, xz, zstd), or
    is a folder of such files, as datasets writes. Tool calls, reasoning and topics go where our records have them, and
    what isn't understood is kept in metadata.more. Records that can't be read are counted and told with their places;
    the exit code is 1 then.
    """
    from deepfabric_core.imports.import_dataset import ImportRequest, default_output, find_reader, import_dataset
    from deepfabric_core.text.import_summary import import_notes, import_summary, unreadable_lines

    request = ImportRequest(source, output or default_output(source), find_reader(name), topic_column, strict)
    result = import_dataset(request)
    say(import_summary(result), err=True)
    for sentence in import_notes(result):
        note(sentence)
    for sentence in unreadable_lines(result):
        say(sentence, err=True)
    raise click.exceptions.Exit(1 if result.lost else 0)
