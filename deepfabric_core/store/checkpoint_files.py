"""The files of a checkpoint: their paths, the metadata, moving, copying and deleting them, and the lock."""

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

from deepfabric_core.amounts import Amounts, Spending, Spent, Usage
from deepfabric_core.config.fingerprint import without_secrets
from deepfabric_core.config.secret_values import shown_word
from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.store.files import (
    PRIVATE,
    holds_something,
    is_locked,
    make_folder,
    reason,
    replace_file,
    sync_folder,
)
from deepfabric_core.store.finished_mark import read_mark
from deepfabric_core.store.keyed_hash import keyed_hash
from deepfabric_core.store.user_folder import user_folder

_FORMAT = 1
_HASH_LENGTH = 16
_SHORT_DIGEST = 8
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class CheckpointFiles:
    """The files of one checkpoint: all in one folder, and all named after the dataset.

    If the run wasn't `asked` to keep a checkpoint, they are beside its dataset, and hidden except for the journal.
    """

    folder: Path
    name: str
    asked: bool = True

    @property
    def samples(self) -> Path:
        """The journal, with a line for each finished sample."""
        return self._file("jsonl") if self.asked else self.folder / f"{self.name}.journal.jsonl"

    @property
    def failures(self) -> Path:
        """The failure log, with a line for each failed sample."""
        return self._file("failures.jsonl")

    @property
    def metadata(self) -> Path:
        """The metadata: what the run is, and its progress when they were last saved."""
        return self._file("json")

    @property
    def expansions(self) -> Path:
        """The expansion log, with a line for each topic's subtopics, while topics grow."""
        return self._file("expansions.jsonl")

    @property
    def steps(self) -> Path:
        """The step log, with a line for each reply or result of a work item that takes several calls."""
        return self._file("steps.jsonl")

    @property
    def rejected(self) -> Path:
        """The log of rejected samples, with a line for each."""
        return self._file("rejected.jsonl")

    @property
    def prints(self) -> Path:
        """The print file, by which samples are compared with those of an earlier run."""
        return self._file("prints")

    @property
    def topics(self) -> Path:
        """The topics file, once the topics are complete."""
        return self._file("topics")

    @property
    def lock(self) -> Path:
        """The lock file, locked by the process that works on the checkpoint."""
        return self._file("lock")

    @property
    def mark(self) -> Path:
        """The mark that a finished run leaves."""
        return self.folder / f"{'' if self.asked else '.'}{self.name}.finished.json"

    @property
    def done(self) -> Path:
        """The metadata after the dataset was delivered, while the checkpoint is being deleted."""
        return self._file("done")

    @property
    def exists(self) -> bool:
        """Whether there is anything to resume, even if the metadata is lost."""
        return (self.metadata.exists() or self.holds_work) and not self.done.exists()

    @property
    def holds_work(self) -> bool:
        """Whether it holds results of model calls."""
        return any(map(holds_something, (self.samples, self.expansions, self.steps, self.rejected)))

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files except the lock, the mark and `done`."""
        return (
            self.samples,
            self.failures,
            self.rejected,
            self.expansions,
            self.steps,
            self.prints,
            self.topics,
            self.metadata,
        )

    def _file(self, ending: str) -> Path:
        return self.folder / (f"{self.name}.checkpoint.{ending}" if self.asked else f".{self.name}.run.{ending}")


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of a checkpoint. Times are in seconds since the epoch; `seconds` is the time worked so far.

    All sessions of a run have the same `run_id`; `spending` is theirs together, of the calls that were answered.
    `next_call` is what the call takes at most that no longer fitted into the budget, if that was reached. `weights` are
    those of topics, by their ids, when samples were last planned; `weights_changed` says that others were made before.
    """

    config_file: str | None = None
    dataset: str = ""
    command: tuple[str, ...] = ()
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    topics: int = 0
    leaves: int = 0
    failed_expansions: int = 0
    topics_digest: str = ""
    weights: Mapping[str, float] = field(default_factory=dict)
    weights_changed: bool = False
    samples_wanted: int = 0
    samples_done: int = 0
    samples_failed: int = 0
    samples_rejected: int = 0
    samples_bytes: int = 0
    rejected_bytes: int = 0
    expansions_bytes: int = 0
    steps_bytes: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    cached_tokens: int = 0
    seconds: float = 0.0
    created_at: float = 0.0
    updated_at: float = 0.0
    process: int = 0
    process_started_at: float = 0.0
    run_id: str = ""
    spending: Spending = field(default_factory=dict)
    next_call: Amounts = field(default_factory=Amounts)
    format: int = _FORMAT

    @property
    def spent(self) -> Spent:
        """All calls, also those that failed, with the tokens and the cost of those that were answered."""
        usage = Usage(self.prompt_tokens, self.completion_tokens, self.cost, self.cached_tokens)
        return Spent(self.calls, usage)


def usual_folder(config_file: Path | None, dataset: Path) -> Path:
    """Return the default folder for the checkpoints of a config file or, without a file, of a dataset."""
    identity = os.path.realpath(config_file or dataset)
    return checkpoints_folder() / _digest(identity)[:_HASH_LENGTH]


def checkpoints_folder() -> Path:
    """Return the folder of all checkpoints of this user, which has a folder for each config."""
    return user_folder() / "checkpoints"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def find(folder: Path, dataset: Path, *, asked: bool = True) -> CheckpointFiles:
    """Return the checkpoint of a dataset in a folder, which may also hold those of other datasets of the same name."""
    plain = CheckpointFiles(folder, dataset.stem, asked)
    own = CheckpointFiles(folder, f"{dataset.stem}-{_digest(os.path.realpath(dataset))[:_SHORT_DIGEST]}", asked)
    taken = any(known and not same_file(known, dataset) for known in _datasets_of(plain))
    return own if own.exists or own.mark.exists() or taken else plain


def _datasets_of(files: CheckpointFiles) -> Iterator[str]:
    """Yield the datasets that the metadata and the mark name; nothing for a file that can't be read."""
    with suppress(ConfigError):
        yield read_metadata(files).dataset
    if mark := read_mark(files.mark):
        yield mark.dataset


def same_file(one: str | Path, other: str | Path) -> bool:
    """Return whether two paths point to the same file."""
    return os.path.realpath(one) == os.path.realpath(other)


def checkpoints_in(*folders: Path) -> Iterator[tuple[CheckpointFiles, Metadata]]:
    """Yield the checkpoints in some folders that can be read."""
    for folder in folders:
        for path in sorted(folder.glob("*.checkpoint.json")):
            files = CheckpointFiles(folder, path.name.removesuffix(".checkpoint.json"))
            with suppress(ConfigError):
                yield files, read_metadata(files)


def read_metadata(files: CheckpointFiles) -> Metadata:
    """Return the metadata of a checkpoint, without secrets.

    Raises:
        ConfigError: it can't be read, or a later version wrote it.
    """
    return _without_secrets(_as_written(files))


def forget_secrets(files: CheckpointFiles) -> None:
    """Rewrite the metadata if an earlier version left a secret in it, unless a process works on the checkpoint.

    Raises:
        OutputError: it can't be written.
    """
    with suppress(ConfigError):
        found = _as_written(files)
        if (safe := _without_secrets(found)) != found and not is_held(files):
            write_metadata(files, safe)


def _as_written(files: CheckpointFiles) -> Metadata:
    try:
        return _read(files)
    except OSError as problem:
        raise ConfigError(f"{files.metadata}: the checkpoint can't be read: {reason(problem)}.") from problem
    except ValueError as problem:
        raise ConfigError(f"{files.metadata}: this isn't a checkpoint of ours; begin anew with --fresh.") from problem


def _read(files: CheckpointFiles) -> Metadata:
    text = files.metadata.read_bytes()
    found = TypeAdapter(Metadata).validate_json(text)
    if found.format > _FORMAT:
        raise ConfigError(f"{files.metadata}: a later version wrote this checkpoint; update, or begin with --fresh.")
    return found


def recovered_metadata(files: CheckpointFiles) -> tuple[Metadata, bool]:
    """Return the metadata, or new metadata if it is lost; the second value says whether it is lost.

    Raises:
        ConfigError: a later version wrote it.
    """
    try:
        return _without_secrets(_read(files)), False
    except (OSError, ValueError):
        return Metadata(created_at=time.time()), True


def _without_secrets(found: Metadata) -> Metadata:
    """Remove the secrets that earlier versions wrote."""
    return replace(
        found,
        fingerprint=without_secrets(found.fingerprint, keyed_hash),
        command=tuple(map(shown_word, found.command)),
    )


def beside(files: CheckpointFiles) -> Iterator[tuple[CheckpointFiles, Metadata]]:
    """Yield the checkpoints of the same name in the sibling folders and in its own folder that can be read."""
    for path in files.folder.parent.glob(f"*/{glob.escape(files.name)}.checkpoint.json"):
        other = CheckpointFiles(path.parent, files.name)
        with suppress(ConfigError):
            yield other, read_metadata(other)


def write_metadata(files: CheckpointFiles, metadata: Metadata) -> None:
    """Replace the metadata of a checkpoint.

    Raises:
        OutputError: it can't be written.
    """
    text = json.dumps(asdict(metadata), ensure_ascii=False, indent=1)
    replace_file(files.metadata, [text.encode("utf-8", "backslashreplace")])


def move_aside(files: CheckpointFiles) -> Path:
    """Move a checkpoint to a new folder, to make room for another; return that folder.

    All files are there before the first one is deleted here.

    Raises:
        OutputError: it can't be moved.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    name = files.name if files.asked else f"{files.name}.journal"
    aside, number = files.folder / f"{name}-{stamp}", 1
    while aside.exists():
        number += 1
        aside = files.folder / f"{name}-{stamp}-{number}"
    try:
        make_folder(aside)
        for path in files.paths:
            if path.exists():
                _also_at(path, aside / path.name)
        sync_folder(aside)
    except OSError as problem:
        raise OutputError(f"{files.folder}: the old checkpoint can't be moved: {reason(problem)}.") from problem
    clear(files)
    return aside


def _also_at(path: Path, other: Path) -> None:
    try:
        other.hardlink_to(path)
    except OSError:  # a file system without links
        shutil.copy2(path, other)


def clear(files: CheckpointFiles) -> None:
    """Delete the files of a finished checkpoint, and temporary files that a killed process left.

    If this is interrupted, the remaining files don't count as a checkpoint. The lock file stays: if it were deleted,
    two processes could each lock a file of that name.

    Raises:
        OutputError: it can't be deleted.
    """
    try:
        if files.metadata.exists():
            files.metadata.rename(files.done)
            sync_folder(files.folder)
        for path in (*files.paths, *_half_written(files)):
            path.unlink(missing_ok=True)
        if files.done.exists():
            sync_folder(files.folder)
            files.done.unlink()
    except OSError as problem:
        raise OutputError(f"{files.folder}: the checkpoint can't be cleared: {reason(problem)}.") from problem


def _half_written(files: CheckpointFiles) -> Iterator[Path]:
    for path in files.paths:
        yield from files.folder.glob(f".{glob.escape(path.name)}.*.tmp")


def copy_checkpoint(source: CheckpointFiles, target: CheckpointFiles, metadata: Metadata | None = None) -> None:
    """Copy a checkpoint, with other metadata if given; until everything is copied, the target counts as empty.

    Raises:
        OutputError: it can't be written there.
    """
    replace_file(target.done, [])
    for path, copy in zip(source.paths, target.paths, strict=True):
        if path.exists() and path != source.metadata:
            replace_file(copy, _chunks(path))
            shutil.copystat(path, copy)  # the modification time shows whether a topics file was edited later
    write_metadata(target, metadata or read_metadata(source))
    target.done.unlink()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


class CheckpointLock:
    """The lock of a checkpoint, which one process holds until it releases it or ends."""

    def __init__(self, files: CheckpointFiles) -> None:
        import filelock

        try:
            make_folder(files.folder)
            self._lock = filelock.FileLock(files.lock, timeout=0, thread_local=False, mode=PRIVATE)
            self._lock.acquire()
        except filelock.Timeout:
            raise ConfigError(f"{_holder(files)} Wait for it or stop it.") from None
        except OSError as problem:
            raise ConfigError(
                f"{files.folder} can't be written: {reason(problem)}; name another folder by --checkpoint-path."
            ) from problem

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()


def is_held(files: CheckpointFiles) -> bool:
    """Return whether a process holds the lock of the checkpoint now."""
    return is_locked(files.lock)


def _holder(files: CheckpointFiles) -> str:
    try:
        known = read_metadata(files)
    except ConfigError:
        return f"Another process works on this checkpoint ({files.folder})."
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(known.process_started_at))
    return f"Process {known.process} works on this checkpoint since {since} ({files.folder})."
