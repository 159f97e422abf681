"""Make a job of a config and the flags that were given with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deepfabric_core.flags.options import as_flags

if TYPE_CHECKING:
    from deepfabric_core.config.schema import Config
    from deepfabric_core.run.job import Job


def job_of(config: Config, config_file: Path | None, values: Mapping[str, Any]) -> Job:
    """Return the job that a config and the values of the flags ask for.

    Raises:
        click.UsageError: the flags contradict each other.
    """
    from deepfabric_core.run.job import Job

    _check_sense(values)
    return Job(
        config,
        Path(values["topics_load"]) if values["topics_load"] else None,
        topic_only=bool(values["topic_only"]),
        config_file=config_file,
        checkpoint_path=Path(values["checkpoint_path"]) if values["checkpoint_path"] else None,
        resume=bool(values["resume"]),
        retry_failed=bool(values["retry_failed"]),
        fresh=bool(values["fresh"]),
        accept_changes=bool(values["accept_changes"]),
        command=("deepfabric", "generate", *([str(config_file)] if config_file else []), *as_flags(values)),
        trace=Path(values["trace"]) if values["trace"] else None,
    )


def _check_sense(values: Mapping[str, Any]) -> None:
    if values["resume"] and values["fresh"]:
        raise click.UsageError("--resume and --fresh contradict each other: give one of them.")
    if values.get("no_quality"):
        for name in ("judge", "min_score", "no_duplicates"):
            if values.get(name) is not None:
                flag = f"--{name.replace('_', '-')}"
                raise click.UsageError(f"--no-quality accepts every sample and contradicts {flag}: give one of them.")
    if not values["resume"] and (values["retry_failed"] or values["accept_changes"]):
        flag = "--retry-failed" if values["retry_failed"] else "--accept-changes"
        raise click.UsageError(f"{flag} says how to resume: give --resume with it.")
