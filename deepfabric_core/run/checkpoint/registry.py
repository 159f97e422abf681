"""Runs whose checkpoint is kept: asking for the same again costs nothing, and for something like it, less.

Each has a folder of its own, below one for its dataset::

    <user data>/deepfabric/runs/<dataset>/<what decides the data>/run.json, <name>.checkpoint.*
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from deepfabric_core.config.fingerprint import Fingerprint, fingerprint, part_of_topics, without_topics
from deepfabric_core.config.schema import Config
from deepfabric_core.config.secret_keys import masked_config
from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.redaction import redact
from deepfabric_core.run.checkpoint.session import with_topics
from deepfabric_core.run.job import Job
from deepfabric_core.run.stages.topics import save_topics
from deepfabric_core.store.checkpoint_files import (
    Held,
    Metadata,
    Place,
    beside,
    forget_secrets,
    read_metadata,
    recovered_metadata,
    user_folder,
    write_metadata,
)
from deepfabric_core.store.files import make_folder, reason, replace_file
from deepfabric_core.store.keyed_hash import keyed_hash
from deepfabric_core.topics.model import Topics

_DIGITS = 16
_NOTE = "run.json"


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run as it was asked for; paths are absolute.

    `written` is its config as it was written, without what may be secret: `left_out` are the keys of that. `folder` is
    where its notebook worked.
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
    def place(self) -> Place:
        """Its checkpoint."""
        return Place(Path(self.checkpoint), Path(self.dataset).stem)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        if self.topic_only:
            return self.place.topics.exists()
        try:
            known = read_metadata(self.place)
        except ConfigError:
            return False
        return 0 < known.samples_wanted <= known.samples_done


def keep(job: Job) -> Job:
    """The job with a checkpoint that stays, begun with what earlier runs of the same dataset have in common with it.

    Where the job names a folder for its checkpoint, that folder is used as it is. `record` it when it begins.

    Raises:
        OutputError: nothing can be kept in the user's folder.
    """
    home = _home(job)
    settings = job.config.output.checkpoint
    own = job.checkpoint_path or (Path(settings.path) if settings and settings.path else None)
    folder = own or home
    kept = replace(
        job,
        checkpoint_path=folder,
        keep=True,
        resume=not job.fresh,
        retry_failed=not job.fresh,
        accept_changes=job.accept_changes or job.topics_load is not None,
    )
    try:
        if own is None and not job.fresh:
            _take_over(Place(folder, job.dataset.stem), job)
    except OSError as problem:
        raise OutputError(
            f"{home} can't be written: {reason(problem)}; set XDG_DATA_HOME to another place."
        ) from problem
    return kept


def kept_runs() -> list[KeptRun]:
    """All runs that are kept on this machine for this user, the latest first."""
    found = [run for path in _runs_folder().glob(f"*/*/{_NOTE}") if (run := _read(path))]
    return sorted(found, key=lambda run: run.asked_at, reverse=True)


def job_again(run: KeptRun) -> Job:
    """The job of a kept run, to go on with it.

    Raises:
        ConfigError: its config isn't kept as a whole.
    """
    if run.written is None or run.left_out:
        where = f" in {' and '.join(run.left_out)}" if run.left_out else ""
        raise ConfigError(
            f"The config of {run.name} isn't kept as a whole, since it may hold a secret{where}: run its cell again "
            "instead, which goes on where it stopped."
        )
    return replace(job_to_look_at(run), keep=True, resume=True, retry_failed=True)


def job_to_look_at(run: KeptRun) -> Job:
    """The job of a kept run, to see what it made; secrets may be missing in its config.

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


def change_topics(job: Job, topics: Topics) -> None:
    """Replace the topics of a run that nobody works on: in their file, and in its checkpoint, where there is one.

    Raises:
        ConfigError: a process works on it at this moment.
        OutputError: they can't be written.
    """
    place = job.checkpoint_place()
    if not place.exists:
        save_topics(job, topics)
        return
    held = Held(place)
    try:
        known = with_topics(place, recovered_metadata(place)[0], topics, failed_expansions=0)
        write_metadata(place, replace(known, updated_at=time.time()))
        save_topics(job, topics)
    finally:
        held.release()


def _runs_folder() -> Path:
    return user_folder() / "runs"


def _home(job: Job) -> Path:
    """The folder of the job's own: the same for all jobs that make the same data in the same file."""
    topics = f"loaded from {job.topics_load.absolute()}" if job.topics_load else ""
    return _runs_folder() / _digest(str(job.dataset.absolute())) / _digest(json.dumps([_prints(job), topics]))


def _prints(job: Job) -> Fingerprint:
    prints = dict(sorted(fingerprint(job.config, keyed_hash).items()))
    return without_topics(prints) if job.topics_load else prints


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def record(job: Job, written: Mapping[str, Any], name: str) -> None:
    """Write down what was asked for, so that it is found again by its name; `written` is the config as it was written.

    Raises:
        OutputError: it can't be written.
    """
    home = _home(job)
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
    """Take out of what earlier versions kept of the same dataset what may be secret."""
    for path in home.parent.glob(f"*/{_NOTE}"):
        if (run := _read(path)) and run.written:
            shown, left_out = masked_config(run.written, redact)
            if left_out and not run.left_out:
                _write(path, replace(run, written=shown, left_out=left_out))
            forget_secrets(run.place)


def _read(path: Path) -> KeptRun | None:
    try:
        return TypeAdapter(KeptRun).validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None


# ---- what a new checkpoint takes over from those of the same dataset


def _take_over(place: Place, job: Job) -> None:
    if place.exists:
        return
    mine, neighbours = _prints(job), list(beside(place))
    alike = [one for one in neighbours if not job.topics_load and _same_topics(one[1], mine)]
    grown = max(alike, key=lambda one: one[1].updated_at, default=None)
    made = max(
        (one for one in neighbours if _same_samples(one[1], mine)), key=lambda one: one[1].samples_done, default=None
    )
    if not grown and not made:
        return
    make_folder(place.folder)
    known = Metadata(fingerprint=mine, created_at=time.time(), dataset=str(job.dataset.absolute()))
    if grown:
        _copy(grown[0], place, ("expansions", "topics"))
        theirs = grown[1]
        known = replace(
            known,
            topics=theirs.topics,
            leaves=theirs.leaves,
            failed_expansions=theirs.failed_expansions,
            topics_digest=theirs.topics_digest,
        )
    if made:
        _copy(made[0], place, ("samples", "failures", "steps"))
    write_metadata(place, known)


def _same_topics(other: Metadata, mine: Fingerprint) -> bool:
    return bool(theirs := part_of_topics(other.fingerprint)) and theirs == part_of_topics(mine)


def _same_samples(other: Metadata, mine: Fingerprint) -> bool:
    return other.samples_done > 0 and without_topics(other.fingerprint) == without_topics(mine)


def _copy(source: Place, target: Place, roles: tuple[str, ...]) -> None:
    for role in roles:
        path: Path = getattr(source, role)
        if path.exists():
            shutil.copy2(path, getattr(target, role))  # with its time, which tells a topics file edited since
