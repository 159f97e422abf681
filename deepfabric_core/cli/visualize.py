"""The `deepfabric visualize` command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepfabric_core.cli.output import note, print_result, say
from deepfabric_core.wording import counted

if TYPE_CHECKING:
    from deepfabric_core.topics.model import Topics

_FORMATS = {".svg": "svg", ".html": "html", ".htm": "html", ".mmd": "mermaid", ".md": "mermaid"}
_CONFIGS = {".yaml", ".yml"}


@click.command("visualize")
@click.argument("topics_file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write: .svg, .html, .mmd or .md.")
@click.option(
    "--format",
    "style",
    type=click.Choice(sorted(set(_FORMATS.values()))),
    help="Kind of picture, where the ending of the file doesn't say it.",
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def command(topics_file: Path, output: Path | None, style: str | None) -> None:
    """Draw topics: as SVG, as a page with the interactive view (.html), or as Mermaid text (.mmd; .md for Markdown).

    TOPICS_FILE is a tree or a graph, or a config whose topics have been grown. Without -o, an outline is printed.
    """
    from deepfabric_core.store.files import replace_file
    from deepfabric_core.store.topics_file import load_topics

    style = style or (_style_of(output) if output else None)
    source = _topics_of(topics_file) if topics_file.suffix.lower() in _CONFIGS else topics_file
    if output and output.absolute() in (source.absolute(), topics_file.absolute()):
        raise click.UsageError(f"--output: {output} holds the topics themselves; give the picture another name.")
    topics, notices = load_topics(source)
    for notice in notices:
        note(notice)
    text = _drawn(topics, style, fenced=bool(output and output.suffix.lower() == ".md"))
    if output is None:
        print_result(text)
        return
    replace_file(output, [text.encode()])
    say(f"{output} shows {counted(len(topics), 'topic')}.", err=True)


def _style_of(output: Path) -> str:
    ending = output.suffix.lower()
    if ending == ".png":
        raise click.UsageError(f"--output: {output} can't be written as PNG; write an .svg and convert that.")
    if ending not in _FORMATS:
        raise click.UsageError(f"--output: {output} ends in none of {', '.join(_FORMATS)}; name one, or give --format.")
    return _FORMATS[ending]


def _topics_of(config_file: Path) -> Path:
    from deepfabric_core.cli.load_config import load_config
    from deepfabric_core.run.job import Job

    return Job(load_config(config_file, {}).config, config_file=config_file).topics


def _drawn(topics: Topics, style: str | None, *, fenced: bool) -> str:
    from deepfabric_core.pictures.html_page import page
    from deepfabric_core.pictures.mermaid import mermaid
    from deepfabric_core.pictures.svg import svg
    from deepfabric_core.text.outline import outline

    match style:
        case "svg":
            return svg(topics)
        case "html":
            return page(topics)
        case "mermaid":
            return f"```mermaid\n{mermaid(topics)}```\n" if fenced else mermaid(topics)
        case _:
            return f"{outline(topics)}\n"
