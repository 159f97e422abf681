"""The registry of runs whose checkpoints notebooks keep, so that repeating a run costs nothing and a similar one less.

Each run has its own folder, below one for its dataset::

    <user data>/deepfabric/runs/<dataset>/<what decides the data>/run.json, <name>.checkpoint.*
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from deepfabric_core.config.fingerprint import Fingerprint, fingerprint, without_topics
from deepfabric_core.config.schema import Config
from deepfabric_core.config.secret_keys import masked_config
from deepfabric_core.errors import ConfigError
from deepfabric_core.redaction import redact
from deepfabric_core.run.checkpoint.reviewed import to_make_again
from deepfabric_core.run.job import Job
from deepfabric_core.store.checkpoint_files import (
    CheckpointFiles,
    forget_secrets,
    read_metadata,
)
from deepfabric_core.store.files import replace_file
from deepfabric_core.store.keyed_hash import keyed_hash
from deepfabric_core.store.user_folder import user_folder

_DIGITS = 16
_NOTE = "run.json"


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A kept run, as it was asked for; paths are absolute.

    `written` is its config as written by the user, without possible secrets; `left_out` are the keys of those. `folder`
    is the notebook's working folder.
    """

    name: str
    dataset: str
    checkpoint: str
    written: dict[str, Any] | None
    topics_load: str | None = None
    topic_only: bool = False
    asked_at: float = 0.0
    folder: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def files(self) -> CheckpointFiles:
        """Its checkpoint's files."""
        return CheckpointFiles(Path(self.checkpoint), Path(self.dataset).stem)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do; samples that were rejected in review are to be made again."""
        if self.topic_only:
            return self.files.topics.exists()
        try:
            known = read_metadata(self.files)
            is_done = 0 < known.samples_wanted <= known.samples_done
            return is_done and not to_make_again(self.files, Path(self.dataset))
        except ConfigError:
            return False


def kept_runs() -> list[KeptRun]:
    """Return all runs that are kept for this user on this machine, the latest first."""
    found = [run for path in _runs_folder().glob(f"*/*/{_NOTE}") if (run := _read(path))]
    return sorted(found, key=lambda run: run.asked_at, reverse=True)


def job_again(run: KeptRun) -> Job:
    """Return the job of a kept run, to resume it.

    Raises:
        ConfigError: its config isn't kept completely.
    """
    if run.written is None or run.left_out:
        where = f" in {' and '.join(run.left_out)}" if run.left_out else ""
        raise ConfigError(
            f"The config of {run.name} isn't kept as a whole, since it may hold a secret{where}: run its cell again "
            "instead, which goes on where it stopped."
        )
    return replace(job_to_look_at(run), keep=True, resume=True, retry_failed=True)


def job_to_look_at(run: KeptRun) -> Job:
    """Return the job of a kept run, to read what it made; secrets may be missing from its config.

    Raises:
        ConfigError: its config isn't kept, or can't be used any more.
    """
    try:
        config = Config.model_validate(run.written)
    except ValueError as problem:
        raise ConfigError(f"The config of {run.name} isn't kept: run its cell again instead.") from problem
    settings = config.output.model_copy(update={"save_as": run.dataset})
    topics_load = Path(run.topics_load) if run.topics_load else None
    job = Job(config.model_copy(update={"output": settings}), topics_load, topic_only=run.topic_only)
    return replace(job, checkpoint_path=Path(run.checkpoint))


def _runs_folder() -> Path:
    return user_folder() / "runs"


def home_of(job: Job) -> Path:
    """Return the folder of a job's own: the same for all jobs that make the same data in the same file."""
    topics = f"loaded from {job.topics_load.absolute()}" if job.topics_load else ""
    return _runs_folder() / _digest(str(job.dataset.absolute())) / _digest(json.dumps([fingerprint_of(job), topics]))


def fingerprint_of(job: Job) -> Fingerprint:
    """Return what decides the data of a job, in a fixed order; topics from a file don't count."""
    prints = dict(sorted(fingerprint(job.config, keyed_hash).items()))
    return without_topics(prints) if job.topics_load else prints


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def record(job: Job, written: Mapping[str, Any], name: str) -> None:
    """Write what was asked for, so that it can be found by its name; `written` is the config as written by the user.

    Raises:
        OutputError: it can't be written.
    """
    home = home_of(job)
    shown, left_out = masked_config(written, redact)
    run = KeptRun(
        name,
        str(job.dataset.absolute()),
        str((job.checkpoint_path or home).absolute()),
        shown,
        str(job.topics_load.absolute()) if job.topics_load else None,
        job.topic_only,
        time.time(),
        str(Path.cwd()),
        left_out,
    )
    _write(home / _NOTE, run)
    _forget_secrets(home)


def _write(path: Path, run: KeptRun) -> None:
    replace_file(path, [json.dumps(asdict(run), ensure_ascii=False).encode("utf-8", "backslashreplace")])


def _forget_secrets(home: Path) -> None:
    """Remove possible secrets from what earlier versions kept of the same dataset."""
    for path in home.parent.glob(f"*/{_NOTE}"):
        if (run := _read(path)) and run.written:
            shown, left_out = masked_config(run.written, redact)
            if left_out and not run.left_out:
                _write(path, replace(run, written=shown, left_out=left_out))
            forget_secrets(run.files)


def _read(path: Path) -> KeptRun | None:
    try:
        return TypeAdapter(KeptRun).validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
