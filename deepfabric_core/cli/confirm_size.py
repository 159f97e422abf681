"""Ask the user to confirm a very large plan, unless --yes was given; without a terminal that is an error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from deepfabric_core.cli.output import confirm

if TYPE_CHECKING:
    from deepfabric_core.run.job import Job


def settle_size(job: Job, *, confirmed: bool) -> None:
    """Ask the user to confirm a very large plan.

    Raises:
        click.Abort: the user doesn't confirm it.
        click.UsageError: there is no terminal to ask on.
    """
    from deepfabric_core.run.plan_size import to_confirm

    size = None if confirmed else to_confirm(job)
    if size is None:
        return
    from deepfabric_core.text.estimate_text import likely_cost

    plan = f"{size}{likely_cost(job)}"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(f"{plan}; give --yes if you mean it, or less depth, degree or samples.")
    confirm(f"{plan}. Begin?")
