"""The `deepfabric report` command."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deepfabric_core.cli.output import print_json, say
from deepfabric_core.wording import counted

if TYPE_CHECKING:
    from deepfabric_core.run.report.make_report import ReportRequest

_STANDARD_OUTPUT = "-"
# Progress is told from this many seconds on, and no more often, in steps of a tenth.
_SECONDS = 3.0
_STEP = 0.1
_path = click.Path(path_type=Path)


@click.command("report")
@click.argument("dataset", type=_path)
@click.option("-o", "--output", type=_path, help="Page to write; by default the dataset's name with .report.html.")
@click.option("--json", "data", metavar="FILE", help="Write the report as JSON instead, or too; - prints it.")
@click.option("--against", type=_path, metavar="FILE", help="Another dataset, to tell what differs from it.")
@click.option("--topics", type=_path, metavar="FILE", help="Topics file, to tell which topics have no samples.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def command(dataset: Path, output: Path | None, data: str | None, against: Path | None, topics: Path | None) -> None:
    """Report on a dataset: topics, lengths, repetitions, checks, a judge's scores and cost, as a page or as JSON.

    DATASET is any dataset: ours, DeepFabric's, or what another tool wrote, in any kind of file that import reads. The
    page is one file that loads nothing. The topics file, the rejected samples and the reviews that stand beside the
    dataset are read as well. Nothing leaves this machine.
    """
    from deepfabric_core.run.report.make_report import ReportRequest, make_report

    if output is None and data is None:
        output = dataset.with_name(f"{dataset.stem}.report.html")
    request = ReportRequest(dataset, against, topics)
    _check(request, output, data)
    document = make_report(request, _Progress().show)
    if output is not None:
        _write_page(document, output)
    if data == _STANDARD_OUTPUT:
        print_json(document)
    elif data is not None:
        _write_json(document, Path(data))


def _check(request: ReportRequest, output: Path | None, data: str | None) -> None:
    """Refuse to write over what is read, or to write both to one file."""
    read = {path.absolute() for path in (request.dataset, request.against, request.topics) if path}
    wanted = [output, Path(data) if data and data != _STANDARD_OUTPUT else None]
    written = [path.absolute() for path in wanted if path]
    for path in written:
        if path in read:
            raise click.UsageError(f"{path.name} is read for the report; give the report another name.")
    if len(set(written)) < len(written):
        raise click.UsageError("--output and --json name the same file; give one another name.")


def _write_page(document: dict[str, Any], output: Path) -> None:
    from deepfabric_core.pictures.report.page import page
    from deepfabric_core.store.files import replace_file

    replace_file(output, [page(document).encode("utf-8", "replace")])
    say(f"{output} reports on {counted(document['samples'], 'sample')}.", err=True)


def _write_json(document: dict[str, Any], output: Path) -> None:
    from deepfabric_core.printable import printable_json
    from deepfabric_core.store.files import replace_file

    replace_file(output, [printable_json(document).encode(), b"\n"])
    say(f"{output} has the report as JSON.", err=True)


class _Progress:
    """Tells now and then how much has been read, of files that take a while."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _SECONDS
        self._told = 0.0

    def show(self, share: float) -> None:
        """Tell the share that has been read, if it is time."""
        if time.monotonic() >= self._next and share >= self._told + _STEP:
            self._next, self._told = time.monotonic() + _SECONDS, share
            say(f"{share * 100:.0f} % read", err=True)
