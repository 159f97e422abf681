"""The result of `%deepfabric estimate`: what a run is expected to take, as a table and as data."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from deepfabric_core.printable import printable_text
from deepfabric_core.run.checkpoint.registry import home_of
from deepfabric_core.run.estimate.finished import estimate_of
from deepfabric_core.run.estimate.levers import levers
from deepfabric_core.run.job import Job
from deepfabric_core.text.estimate_text import as_document, estimate_table

_WIDTH = 80
_STYLE = "line-height:1.35;overflow-x:auto"


def kept_job(job: Job) -> Job:
    """Return the job with the checkpoint that a run of it keeps in this notebook, which isn't touched."""
    settings = job.config.output.checkpoint
    own = job.checkpoint_path or (Path(settings.path) if settings and settings.path else None)
    return replace(job, checkpoint_path=own or home_of(job), keep=True)


class RunEstimate:
    """What a job's whole run is expected to take."""

    def __init__(self, job: Job) -> None:
        self._found = estimate_of(job)
        self._levers = levers(job, self._found)

    @cached_property
    def data(self) -> dict[str, Any]:
        """What `deepfabric estimate --json` prints: cost, calls, tokens and seconds, each with low, likely and high."""
        return as_document(self._found, self._levers)

    def __repr__(self) -> str:
        return printable_text(estimate_table(self._found, self._levers, _WIDTH))

    def _repr_html_(self) -> str:
        return f'<pre style="{_STYLE}">{escape(repr(self))}</pre>'
