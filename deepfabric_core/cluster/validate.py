"""Check what a run of a job needs, before it begins."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from deepfabric_core.cluster.ray_cluster import check_ray
from deepfabric_core.errors import ConfigError
from deepfabric_core.llm.ray_connection import check_answers
from deepfabric_core.run.budget import check_budget
from deepfabric_core.run.job import Job
from deepfabric_core.run.stages.open_gates import open_gates
from deepfabric_core.tools.toolbox import check_tools


def validate(job: Job, say: Callable[[str], None]) -> None:
    """Check the files, packages, tools and prices that a job needs, and that a cluster answers, if it has an address.

    Nothing is started, paid for or written. `say` is told of a model that is downloaded for the gates.

    Raises:
        ConfigError: something can't work. Several files that can't be written have a line each.
    """
    config = job.config
    if config.uses_tools:
        check_tools(config)
    if config.run.engine == "ray":
        check_ray()
        check_answers(config.run.address)
    open_gates(job, say)
    check_budget(job)
    job.check_paths()
    if problems := "\n".join(_unwritable(job)):
        raise ConfigError(problems)


def _unwritable(job: Job) -> Iterator[str]:
    """Yield a sentence for each file that can't be written; nothing is created for this check."""
    for path in (job.dataset, job.topics):
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        target = path if path.exists() else folder
        if (path.exists() and not path.is_file()) or not folder.is_dir() or not os.access(target, os.W_OK):
            yield f"{path} can't be written; choose another place."
