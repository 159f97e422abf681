"""Where a run's progress is kept so that another process can go on with it, and who holds it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.store.files import reason, replace_file

_FORMAT = 1
_HASH_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Place:
    """The files of one checkpoint: all in one folder, all named after the dataset."""

    folder: Path
    name: str

    @property
    def samples(self) -> Path:
        """Each finished sample, a line."""
        return self._file("jsonl")

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
        """Held by the process that works on it."""
        return self._file("lock")

    @property
    def exists(self) -> bool:
        """Whether there is anything to resume."""
        return self.metadata.exists()

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them but the lock."""
        return (self.samples, self.failures, self.expansions, self.steps, self.topics, self.metadata)

    def _file(self, ending: str) -> Path:
        return self.folder / f"{self.name}.checkpoint.{ending}"


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
    identity = str((config_file or dataset).resolve())
    digest = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:_HASH_LENGTH]
    return user_folder() / "checkpoints" / digest


def user_folder() -> Path:
    """Where this user's data is kept."""
    import platformdirs

    return Path(platformdirs.user_data_dir("deepfabric", appauthor=False))


def find(folder: Path, name: str) -> Place:
    """The checkpoint in a folder: the one of that name, or else the only one, or else a place for a new one.

    Raises:
        ConfigError: there are several, none of that name.
    """
    wanted = Place(folder, name)
    if wanted.exists:
        return wanted
    others = sorted(folder.glob("*.checkpoint.json")) if folder.is_dir() else []
    if len(others) > 1:
        names = ", ".join(path.name.removesuffix(".checkpoint.json") for path in others)
        raise ConfigError(f"{folder} holds checkpoints of {names}: name one of these datasets as output.save_as.")
    return Place(folder, others[0].name.removesuffix(".checkpoint.json")) if others else wanted


def read_metadata(place: Place) -> Metadata:
    """What the checkpoint says.

    Raises:
        ConfigError: it can't be read, or a later version wrote it.
    """
    try:
        found = TypeAdapter(Metadata).validate_json(place.metadata.read_bytes())
    except OSError as problem:
        raise ConfigError(f"{place.metadata}: the checkpoint can't be read: {reason(problem)}.") from problem
    except ValueError as problem:
        raise ConfigError(f"{place.metadata}: this isn't a checkpoint of ours; begin anew with --fresh.") from problem
    if found.format > _FORMAT:
        raise ConfigError(f"{place.metadata}: a later version wrote this checkpoint; update, or begin with --fresh.")
    return found


def beside(place: Place) -> Iterator[tuple[Place, Metadata]]:
    """The checkpoints of that name in the folders beside its own and in it, as far as they can be read."""
    for path in place.folder.parent.glob(f"*/{place.name}.checkpoint.json"):
        other = Place(path.parent, place.name)
        with suppress(ConfigError):
            yield other, read_metadata(other)


def write_metadata(place: Place, metadata: Metadata) -> None:
    """Replace what the checkpoint says.

    Raises:
        OutputError: it can't be written.
    """
    text = json.dumps(asdict(metadata), ensure_ascii=False, indent=1)
    replace_file(place.metadata, [text.encode("utf-8", "backslashreplace")])


def move_aside(place: Place) -> Path:
    """Make room for a new checkpoint; answers the folder where the old one is now.

    Raises:
        OutputError: it can't be moved.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    aside, number = place.folder / f"{place.name}-{stamp}", 1
    while aside.exists():
        number += 1
        aside = place.folder / f"{place.name}-{stamp}-{number}"
    try:
        aside.mkdir(parents=True)
        for path in place.files:
            if path.exists():
                path.rename(aside / path.name)
    except OSError as problem:
        raise OutputError(f"{place.folder}: the old checkpoint can't be moved: {reason(problem)}.") from problem
    return aside


def clear(place: Place) -> None:
    """Delete what isn't needed any more, and what a killed process left half written, the metadata last.

    The lock stays: who deletes a lock splits it.
    """
    try:
        for path in (*place.folder.glob(f".{place.name}.checkpoint.*.tmp"), *place.files):
            path.unlink(missing_ok=True)
    except OSError as problem:
        raise OutputError(f"{place.folder}: the checkpoint can't be cleared: {reason(problem)}.") from problem


class Held:
    """The right of one process to work on a checkpoint; it ends with the process, however that ends."""

    def __init__(self, place: Place) -> None:
        import filelock

        try:
            place.folder.mkdir(parents=True, exist_ok=True)
            self._lock = filelock.FileLock(place.lock, timeout=0, thread_local=False)
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


def is_held(place: Place) -> bool:
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


def _holder(place: Place) -> str:
    try:
        known = read_metadata(place)
    except ConfigError:
        return f"Another process works on this checkpoint ({place.folder})."
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(known.process_started_at))
    return f"Process {known.process} works on this checkpoint since {since} ({place.folder})."
