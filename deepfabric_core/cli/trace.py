"""The `deepfabric trace` commands: look at the calls that a run has recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepfabric_core.cli.output import note, print_json, print_result
from deepfabric_core.wording import counted

if TYPE_CHECKING:
    from deepfabric_core.chat.trace import Trace
    from deepfabric_core.text.trace_report import NumberedCall


@click.group("trace", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Look at the calls to models that `generate --trace` has recorded."""


@command.command("show", short_help="List the calls of a trace, or show one in full.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--call", "number", type=click.IntRange(1), metavar="N", help="Show one call in full.")
@click.option("--failed", is_flag=True, help="Only calls that had no reply.")
@click.option(
    "-f",
    "--format",
    "style",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to show them; json is for scripts.",
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def show(file: Path, number: int | None, *, failed: bool, style: str) -> None:
    """List the calls of a trace, a line each, with sums at the end; or show one of them in full.

    Lines that are damaged are named and left out.
    """
    from deepfabric_core.store.trace_log import read_trace
    from deepfabric_core.text.trace_report import damage, numbered

    trace = read_trace(file)
    if sentence := damage(trace):
        note(sentence)
    if number is not None:
        _show_one(trace, number, style)
    else:
        _show_all(trace, numbered(trace, failed=failed), style)


def _show_one(trace: Trace, number: int, style: str) -> None:
    from deepfabric_core.chat.trace import line_of
    from deepfabric_core.errors import ConfigError
    from deepfabric_core.text.trace_report import in_full

    calls = trace.calls
    if number > len(calls):
        raise ConfigError(f"{trace.source} has {counted(len(calls), 'call')}, so there is no call {number}.")
    call = calls[number - 1]
    if style == "json":
        print_json({"call": number, **json.loads(line_of(call, str, str))})
    else:
        print_result(in_full(number, call))


def _show_all(trace: Trace, calls: list[NumberedCall], style: str) -> None:
    from deepfabric_core.text.trace_report import as_object, listing, sums, totals_object

    shown = [call for _, call in calls]
    if style == "json":
        rows = [as_object(number, call) for number, call in calls]
        print_json({"calls": rows, "totals": totals_object(shown), "damaged_lines": list(trace.damaged)})
    else:
        print_result("\n".join((*(listing(calls) if calls else ()), *([""] if calls else ()), sums(shown))))
