"""Which job makes the samples of a preview, and whether one is needed."""

from __future__ import annotations

from dataclasses import replace

from deepfabric_core.errors import ConfigError
from deepfabric_core.run.checkpoint.resume import mark_of_finished
from deepfabric_core.run.estimate.estimate import work_of
from deepfabric_core.run.job import Job


def preview_of(job: Job, number: int) -> Job | None:
    """Return the job that makes so many real samples, to be kept for the whole run; None if as many are there.

    The samples are spread over the branches of the topics, since neighbours resemble each other, and of the topics only
    those grow that they need: up to `number` on each level.

    Raises:
        ConfigError: the job makes no samples, or its run is complete.
    """
    if job.topic_only:
        raise ConfigError("--topic-only makes no samples, so there is no preview of them: leave one of the two out.")
    asked = replace(job, resume=True, fresh=False)
    if mark_of_finished(asked) is not None:
        raise ConfigError(
            f"{job.dataset} is complete already, so a preview would make nothing for it; leave --preview out, or write "
            "another dataset by --output-save-as."
        )
    size, known = work_of(asked)
    wanted = min(number, size.samples)
    return None if known.settled >= wanted else replace(asked, preview=wanted)
