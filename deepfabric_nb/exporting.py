"""From a notebook's run to a config file that the command line goes on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deepfabric_core.config.document import as_yaml
from deepfabric_core.errors import ConfigError
from deepfabric_core.run.job import Job
from deepfabric_core.store.files import replace_file
from deepfabric_core.text.printable import printable_text
from deepfabric_nb.session import Session, find_kept


def export(session: Session, name: str | None, path: Path) -> str:
    """Write the config, and a copy of the checkpoint beside it; answers what to do with them.

    Raises:
        ConfigError: there is no such run, or its config isn't known.
        OutputError: a file can't be written.
    """
    from deepfabric_core.run.kept import copy_checkpoint, job_again

    run = session.run(name)
    if run is not None:
        job, text = run.job, session.texts.get(run.name)
        written: dict[str, Any] | None = run.written
    elif (kept := find_kept(name)) is not None:
        job, written, text = job_again(kept), kept.written, None
    else:
        raise ConfigError("There is no such run to export; %deepfabric status lists them.")
    if written is None:
        raise ConfigError(
            f"The config of {job.dataset.stem} isn't kept, since it may hold a key: run its cell again first."
        )
    replace_file(path, [(text or as_yaml(written)).encode()])
    folder = path.with_suffix(".checkpoint")
    copied = copy_checkpoint(job.checkpoint_place(), folder)
    until = ""
    if run is not None and not run.over:
        until = f"Stop the run first (%deepfabric stop {run.name}), else both make the same samples. "
    return Exported(
        f"{path} is written. {until}Run it with:\n  deepfabric generate {_command(path, job, folder, copied)}"
    )


class Exported(str):
    """A text that is shown as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return printable_text(self)


def _command(path: Path, job: Job, folder: Path, copied: bool) -> str:
    import shlex

    words = [str(path)]
    if job.topics_load:
        words += ["--topics-load", str(job.topics_load)]
    if job.topic_only:
        words.append("--topic-only")
    if copied:
        words += ["--checkpoint-path", str(folder), "--resume"]
    return shlex.join(words)
