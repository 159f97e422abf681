"""Where a run's progress is kept so that another process can go on with it, and who holds it."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from deepfabric_core.config.fingerprint import without_secrets
from deepfabric_core.config.secret_values import shown_word
from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.store.files import PRIVATE, holds_something, make_folder, reason, replace_file, sync_folder
from deepfabric_core.store.finished_mark import read_mark
from deepfabric_core.store.keyed_hash import keyed_hash
from deepfabric_core.store.user_folder import user_folder

_FORMAT = 1
_HASH_LENGTH = 16
_SHORT_DIGEST = 8
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class CheckpointFiles:
    """The files of one checkpoint: all in one folder, all named after the dataset.

    Those of a run that wasn't `asked` to keep a checkpoint are beside its dataset, hidden but for the samples.
    """

    folder: Path
    name: str
    asked: bool = True

    @property
    def samples(self) -> Path:
        """Each finished sample, a line."""
        return self._file("jsonl") if self.asked else self.folder / f"{self.name}.journal.jsonl"

    @property
    def failures(self) -> Path:
        """Each sample that could not be made, a line."""
        return self._file("failures.jsonl")

    @property
    def metadata(self) -> Path:
        """What the run is, and how far it had come a moment ago."""
        return self._file("json")

    @property
    def expansions(self) -> Path:
        """Each topic's subtopics, a line, while topics grow."""
        return self._file("expansions.jsonl")

    @property
    def steps(self) -> Path:
        """Each answer on the way to what takes more than one call, a line."""
        return self._file("steps.jsonl")

    @property
    def topics(self) -> Path:
        """The topics, once they are complete."""
        return self._file("topics")

    @property
    def lock(self) -> Path:
        """The lock of a checkpoint, held by the process that works on it."""
        return self._file("lock")

    @property
    def mark(self) -> Path:
        """What a finished run leaves."""
        return self.folder / f"{'' if self.asked else '.'}{self.name}.finished.json"

    @property
    def done(self) -> Path:
        """The metadata once it is all delivered: the rest is being deleted, or was when the process was killed."""
        return self._file("done")

    @property
    def exists(self) -> bool:
        """Whether there is anything to resume: the metadata may be lost, what was paid counts."""
        return (self.metadata.exists() or self.holds_work) and not self.done.exists()

    @property
    def holds_work(self) -> bool:
        """Whether anything in it was paid for."""
        return any(map(holds_something, (self.samples, self.expansions, self.steps)))

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them but the lock."""
        return (self.samples, self.failures, self.expansions, self.steps, self.topics, self.metadata)

    def _file(self, ending: str) -> Path:
        return self.folder / (f"{self.name}.checkpoint.{ending}" if self.asked else f".{self.name}.run.{ending}")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a checkpoint says of itself. Times are seconds since the epoch, `seconds` those worked so far."""

    config_file: str | None = None
    dataset: str = ""
    command: tuple[str, ...] = ()
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    topics: int = 0
    leaves: int = 0
    failed_expansions: int = 0
    topics_digest: str = ""
    samples_wanted: int = 0
    samples_done: int = 0
    samples_failed: int = 0
    samples_bytes: int = 0
    expansions_bytes: int = 0
    steps_bytes: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0
    created_at: float = 0.0
    updated_at: float = 0.0
    process: int = 0
    process_started_at: float = 0.0
    format: int = _FORMAT


def usual_folder(config_file: Path | None, dataset: Path) -> Path:
    """The folder of a config's checkpoints; without a file, that of its dataset."""
    identity = os.path.realpath(config_file or dataset)
    return checkpoints_folder() / _digest(identity)[:_HASH_LENGTH]


def checkpoints_folder() -> Path:
    """Where the checkpoints of this user are, a folder for each config."""
    return user_folder() / "checkpoints"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def find(folder: Path, dataset: Path, *, asked: bool = True) -> CheckpointFiles:
    """The place of a dataset's checkpoint in a folder, which may hold those of others, of the same name too."""
    plain = CheckpointFiles(folder, dataset.stem, asked)
    own = CheckpointFiles(folder, f"{dataset.stem}-{_digest(os.path.realpath(dataset))[:_SHORT_DIGEST]}", asked)
    taken = any(known and not same_file(known, dataset) for known in _datasets_of(plain))
    return own if own.exists or own.mark.exists() or taken else plain


def _datasets_of(place: CheckpointFiles) -> Iterator[str]:
    """The datasets that a place is known to be of; what can't be read is anyone's."""
    with suppress(ConfigError):
        yield read_metadata(place).dataset
    if mark := read_mark(place.mark):
        yield mark.dataset


def same_file(one: str | Path, other: str | Path) -> bool:
    """Whether two paths lead to one place."""
    return os.path.realpath(one) == os.path.realpath(other)


def checkpoints_in(*folders: Path) -> Iterator[tuple[CheckpointFiles, Metadata]]:
    """The checkpoints in some folders, as far as they can be read."""
    for folder in folders:
        for path in sorted(folder.glob("*.checkpoint.json")):
            place = CheckpointFiles(folder, path.name.removesuffix(".checkpoint.json"))
            with suppress(ConfigError):
                yield place, read_metadata(place)


def read_metadata(place: CheckpointFiles) -> Metadata:
    """What the checkpoint says.

    Raises:
        ConfigError: it can't be read, or a later version wrote it.
    """
    return _without_secrets(_as_written(place))


def forget_secrets(place: CheckpointFiles) -> None:
    """Write the metadata anew where an earlier version left a secret in them; those that a process works on stay.

    Raises:
        OutputError: they can't be written.
    """
    with suppress(ConfigError):
        found = _as_written(place)
        if (safe := _without_secrets(found)) != found and not is_held(place):
            write_metadata(place, safe)


def _as_written(place: CheckpointFiles) -> Metadata:
    try:
        return _read(place)
    except OSError as problem:
        raise ConfigError(f"{place.metadata}: the checkpoint can't be read: {reason(problem)}.") from problem
    except ValueError as problem:
        raise ConfigError(f"{place.metadata}: this isn't a checkpoint of ours; begin anew with --fresh.") from problem


def _read(place: CheckpointFiles) -> Metadata:
    text = place.metadata.read_bytes()
    found = TypeAdapter(Metadata).validate_json(text)
    if found.format > _FORMAT:
        raise ConfigError(f"{place.metadata}: a later version wrote this checkpoint; update, or begin with --fresh.")
    return found


def recovered_metadata(place: CheckpointFiles) -> tuple[Metadata, bool]:
    """What the checkpoint says; or, where that is lost, what is known without it. The second value tells which.

    Raises:
        ConfigError: a later version wrote it.
    """
    try:
        return _without_secrets(_read(place)), False
    except (OSError, ValueError):
        return Metadata(created_at=time.time()), True


def _without_secrets(found: Metadata) -> Metadata:
    """What earlier versions wrote as it stood in the config."""
    return replace(
        found,
        fingerprint=without_secrets(found.fingerprint, keyed_hash),
        command=tuple(map(shown_word, found.command)),
    )


def beside(place: CheckpointFiles) -> Iterator[tuple[CheckpointFiles, Metadata]]:
    """The checkpoints of that name in the folders beside its own and in it, as far as they can be read."""
    for path in place.folder.parent.glob(f"*/{glob.escape(place.name)}.checkpoint.json"):
        other = CheckpointFiles(path.parent, place.name)
        with suppress(ConfigError):
            yield other, read_metadata(other)


def write_metadata(place: CheckpointFiles, metadata: Metadata) -> None:
    """Replace what the checkpoint says.

    Raises:
        OutputError: it can't be written.
    """
    text = json.dumps(asdict(metadata), ensure_ascii=False, indent=1)
    replace_file(place.metadata, [text.encode("utf-8", "backslashreplace")])


def move_aside(place: CheckpointFiles) -> Path:
    """Make room for a new checkpoint; answers the folder where the old one is now.

    It is there as a whole before anything of it goes here.

    Raises:
        OutputError: it can't be moved.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    name = place.name if place.asked else f"{place.name}.journal"
    aside, number = place.folder / f"{name}-{stamp}", 1
    while aside.exists():
        number += 1
        aside = place.folder / f"{name}-{stamp}-{number}"
    try:
        make_folder(aside)
        for path in place.files:
            if path.exists():
                _also_at(path, aside / path.name)
        sync_folder(aside)
    except OSError as problem:
        raise OutputError(f"{place.folder}: the old checkpoint can't be moved: {reason(problem)}.") from problem
    clear(place)
    return aside


def _also_at(path: Path, other: Path) -> None:
    try:
        other.hardlink_to(path)
    except OSError:  # a file system without links
        shutil.copy2(path, other)


def clear(place: CheckpointFiles) -> None:
    """Delete what isn't needed any more, and what a killed process left half written.

    Whatever comes in between, the rest is known to be done with. The lock stays: who deletes a lock splits it.

    Raises:
        OutputError: it can't be deleted.
    """
    try:
        if place.metadata.exists():
            place.metadata.rename(place.done)
            sync_folder(place.folder)
        for path in (*place.files, *_half_written(place)):
            path.unlink(missing_ok=True)
        if place.done.exists():
            sync_folder(place.folder)
            place.done.unlink()
    except OSError as problem:
        raise OutputError(f"{place.folder}: the checkpoint can't be cleared: {reason(problem)}.") from problem


def _half_written(place: CheckpointFiles) -> Iterator[Path]:
    for path in place.files:
        yield from place.folder.glob(f".{glob.escape(path.name)}.*.tmp")


def copy_checkpoint(source: CheckpointFiles, target: CheckpointFiles, metadata: Metadata | None = None) -> None:
    """Copy a checkpoint, with other metadata if given; until all of it is there, the target counts as empty.

    Raises:
        OutputError: it can't be written there.
    """
    replace_file(target.done, [])
    for path, copy in zip(source.files, target.files, strict=True):
        if path.exists() and path != source.metadata:
            replace_file(copy, _chunks(path))
            shutil.copystat(path, copy)  # its time tells whether a topics file was edited since
    write_metadata(target, metadata or read_metadata(source))
    target.done.unlink()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


class CheckpointLock:
    """The right of one process to work on a checkpoint; it ends with the process, however that ends."""

    def __init__(self, place: CheckpointFiles) -> None:
        import filelock

        try:
            make_folder(place.folder)
            self._lock = filelock.FileLock(place.lock, timeout=0, thread_local=False, mode=PRIVATE)
            self._lock.acquire()
        except filelock.Timeout:
            raise ConfigError(f"{_holder(place)} Wait for it or stop it.") from None
        except OSError as problem:
            raise ConfigError(
                f"{place.folder} can't be written: {reason(problem)}; name another folder by --checkpoint-path."
            ) from problem

    def release(self) -> None:
        """Let others work on it."""
        self._lock.release()


def is_held(place: CheckpointFiles) -> bool:
    """Whether a process works on the checkpoint at this moment."""
    import filelock

    if not place.lock.exists():
        return False
    probe = filelock.FileLock(place.lock, timeout=0, thread_local=False)
    try:
        probe.acquire()
    except (filelock.Timeout, OSError):
        return True
    probe.release()
    return False


def _holder(place: CheckpointFiles) -> str:
    try:
        known = read_metadata(place)
    except ConfigError:
        return f"Another process works on this checkpoint ({place.folder})."
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(known.process_started_at))
    return f"Process {known.process} works on this checkpoint since {since} ({place.folder})."
