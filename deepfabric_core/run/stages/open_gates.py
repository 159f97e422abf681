"""Open the gates that a config asks for, before any money is spent."""

from __future__ import annotations

from deepfabric_core.run.job import Job
from deepfabric_core.run.stages.gates import Gates


def open_gates(job: Job) -> Gates:
    """Return the gates of a job's samples.

    Raises:
        ConfigError: a check, a file or a package that the config names can't be had.
    """
    return Gates(job.checks)
