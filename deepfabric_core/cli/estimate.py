"""The `deepfabric estimate` command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deepfabric_core.cli.load_config import load_config
from deepfabric_core.cli.output import note, print_json, print_result, say, terminal_width
from deepfabric_core.flags.click_options import with_all_names, with_config_options, with_preview
from deepfabric_core.flags.job_from_flags import job_of

if TYPE_CHECKING:
    from deepfabric_core.amounts import Expected
    from deepfabric_core.events import BudgetChanged
    from deepfabric_core.run.job import Job


@click.command("estimate")
@click.argument("config_file", required=False, type=click.Path(path_type=Path))
@with_preview
@click.option("--json", "as_json", is_flag=True, help="Print the estimate as JSON, and nothing else.")
@with_config_options
def command(config_file: Path | None, *, preview: int | None, as_json: bool, **values: Any) -> None:
    """Reckon what a run will take, before it does: calls, tokens, US dollars and time, each with a range.

    Without --preview no call is made: it is reckoned from the requests that the run would make. If an unfinished run
    is there, it rests on what that one took. Flags are those of generate, and win over the file.
    """
    loaded = load_config(config_file, values)
    for notice in loaded.notices:
        note(notice)
    job = job_of(loaded.config, config_file, with_all_names(values))
    code, budget = (0, None) if preview is None else _make_preview(job, preview)
    expected = _print_estimate(job, as_json=as_json)
    if preview is not None:
        _advise(job, budget, expected)
    raise click.exceptions.Exit(code)


def _advise(job: Job, budget: BudgetChanged | None, expected: Expected) -> None:
    from deepfabric_core.run.job import resume_command
    from deepfabric_core.run.larger_budget import larger_limits

    is_left = job.unfinished_files().exists
    instead = larger_limits(budget, 0.0, expected) if budget else ()
    command = resume_command(job.command, instead=instead, is_left=is_left)
    say(f"{'Go on' if is_left else 'Begin'} with: {command}", err=True)


def _print_estimate(job: Job, *, as_json: bool) -> Expected:
    from deepfabric_core.run.estimate.finished import estimate_of
    from deepfabric_core.run.estimate.levers import levers
    from deepfabric_core.text.estimate_text import as_document, estimate_table

    found = estimate_of(job)
    less = levers(job, found)
    if as_json:
        print_json(as_document(found, less))
    else:
        print_result(estimate_table(found, less, terminal_width()))
    return found.total


def _make_preview(job: Job, number: int) -> tuple[int, BudgetChanged | None]:
    """Make the samples of a preview that aren't there, and return the exit code and what of the budget is spent."""
    from deepfabric_core.cli.generate import EXIT_CODES, run_shown
    from deepfabric_core.run.estimate.preview import preview_of

    making = preview_of(job, number)
    if making is None:
        note("an unfinished run has as many samples already: the estimate rests on them")
        return 0, None
    state = run_shown(making, "simple")
    ending = state.ending or "aborted"
    return 0 if ending == "incomplete" else EXIT_CODES[ending], state.budget
