"""What is to become of a very large plan: asked on a terminal, an error elsewhere, unless --yes was given."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from deepfabric_core.cli.output import confirm

if TYPE_CHECKING:
    from deepfabric_core.run.job import Job


def settle_size(job: Job, *, confirmed: bool) -> None:
    """Make sure that a very large plan is meant.

    Raises:
        click.Abort: it isn't.
        click.UsageError: nobody is there to say so.
    """
    from deepfabric_core.run.plan_size import to_confirm

    size = None if confirmed else to_confirm(job)
    if size is None:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(f"{size}; give --yes if you mean it, or less depth, degree or samples.")
    confirm(f"{size}. Begin?")
