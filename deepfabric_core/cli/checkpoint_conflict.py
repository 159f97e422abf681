"""Ask the user what to do about an existing checkpoint; without a terminal that is an error, raised later."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from deepfabric_core.cli.output import ask, say

if TYPE_CHECKING:
    from deepfabric_core.run.job import Job

_PREFACE = """\
{found}
(Starting fresh moves it aside and deletes nothing.)
"""
_QUESTION = """\
⚠ Existing checkpoint found for this configuration

  1) Resume from checkpoint
  2) Clear checkpoint and start fresh
  3) Abort

Choose an option [1/2/3] (1)"""


def settle_conflict(job: Job) -> Job:
    """Return the job with the user's decision about an existing checkpoint, if it needs one and there is a terminal.

    Raises:
        click.Abort: the user aborts.
    """
    if job.resume or job.fresh or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return job
    from deepfabric_core.run.checkpoint.resume import unsettled

    found = unsettled(job)
    if found is None or _is_held(job):
        return job
    say(_PREFACE.format(found=found), err=True)
    choice = ask(_QUESTION, ["1", "2", "3"], default="1")
    if choice == "3":
        raise click.Abort
    return replace(job, resume=choice == "1", fresh=choice == "2")


def _is_held(job: Job) -> bool:
    from deepfabric_core.store.checkpoint_files import is_held

    return is_held(job.checkpoint_files())
