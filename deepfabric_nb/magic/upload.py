"""`upload-hf`: upload a dataset, or what a run has made, to the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepfabric_core.errors import ConfigError
from deepfabric_core.flags.upload_options import given
from deepfabric_core.run.checkpoint.registry import job_to_look_at
from deepfabric_core.run.job import Job
from deepfabric_nb.runs.session import Session, find_kept, latest_kept
from deepfabric_nb.runs.upload import Upload, upload


def upload_hf(session: Session, values: Mapping[str, Any]) -> Upload:
    """Upload what a line names: a run of this notebook or an earlier one, or a file.

    Raises:
        ConfigError: there is no such run or file, or something isn't as an upload needs it.
        OutputError: the hub can't be reached, or doesn't take it now.
    """
    rest = dict(values)
    repository, what, dry_run = rest.pop("repo"), rest.pop("what"), rest.pop("dry_run")
    settings = given(rest)
    job = _job(session, what)
    if job is not None:
        return upload(job.dataset, repository, config=job.config, dry_run=dry_run, **settings)
    if not what:
        raise ConfigError("There is no run to upload; name a dataset: %deepfabric upload-hf REPO FILE.")
    return upload(Path(what), repository, dry_run=dry_run, **settings)


def _job(session: Session, what: str | None) -> Job | None:
    if (run := session.run(what)) is not None:
        return run.job
    kept = find_kept(what) if what else latest_kept()
    return job_to_look_at(kept) if kept else None
