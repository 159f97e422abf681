"""Shards at an address: their files are mirrored to a place that all workers reach, such as s3://bucket/folder.

What is stored there can't be appended to, so a file is stored in parts, `<file>@<generation>.<begin>`, of which those
of the latest generation that follow each other are its content. A log gets a part for what was added to it. A file that
was replaced, or cut, gets a new generation, whose first part is all of it; then the older parts are deleted.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.redaction import redact
from deepfabric_core.store.files import make_folder, replace_file
from deepfabric_core.store.shard_files import ShardFiles

# In seconds: what is newer may be paid for again if a machine is lost.
_PUSH_EVERY = 1.0
_TRIES, _TRY_AGAIN_AFTER = 4, 2.0
# In bytes: what a log ended with tells whether it was cut in the meantime.
_TAIL = 256
_PART = re.compile(r"(.+)@(\d+)\.(\d+)")
_LEFT_OUT = (".lock", ".tmp")


@dataclass(frozen=True, slots=True)
class _Stored:
    """How much of a local file is stored, and how that ends."""

    generation: int
    size: int
    inode: int
    changed: int
    tail: bytes = b""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part that is to be stored; `file` is how much of the file is stored then."""

    path: Path
    begin: int
    content: bytes
    file: _Stored


def is_address(storage: str | None) -> bool:
    """Whether shards are at an address rather than in a folder of this machine."""
    return storage is not None and "://" in storage


class ShardStorage:
    """The shards of one run at an address.

    Raises:
        ConfigError: nothing can be stored there.
    """

    def __init__(self, address: str, run: str) -> None:
        self.address, self.run = address, run
        try:
            from fsspec.core import url_to_fs

            self.filesystem, root = url_to_fs(address)
        except (ImportError, ValueError) as problem:
            raise _cannot_be_used(address, problem) from problem
        self._root = f"{root.rstrip('/')}/{run}"

    def check(self) -> None:
        """Store something, and delete it.

        Raises:
            ConfigError: that doesn't work.
        """
        try:
            _reach(self._store_and_delete)
        except _NotReached as problem:
            raise _cannot_be_used(self.address, problem) from problem

    def _store_and_delete(self) -> None:
        self._find_bucket()
        self._store(f"{self._root}/check", b"")
        self.filesystem.rm_file(f"{self._root}/check")

    def _find_bucket(self) -> None:
        """Refuse a mistyped bucket, which would be made otherwise."""
        first = self._root[: self._root.index("/", 1)]
        if not self.filesystem.exists(first):
            raise FileNotFoundError(f"there is no {first}")

    def numbers(self) -> list[str]:
        """Return the names of the folders of all shards of which something is stored."""
        return sorted(Path(name).name for name in self._names("") if Path(name).name.isdigit())

    def remove(self) -> None:
        """Delete all of it."""
        self.filesystem.rm(self._root, recursive=True)

    def mirror(self, files: ShardFiles) -> ShardMirror:
        """Return the mirror of a shard's folder on this machine."""
        return ShardMirror(self, files)

    def parts(self, shard: str) -> dict[str, list[tuple[int, int, str]]]:
        """Return the parts of each file of a shard: generation, begin, and where it is."""
        found: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for name in self._names(f"/{shard}"):
            if part := _PART.fullmatch(Path(name).name):
                found[part[1]].append((int(part[2]), int(part[3]), name))
        return {file: sorted(parts) for file, parts in found.items()}

    def _names(self, below: str) -> list[str]:
        self.filesystem.invalidate_cache()
        try:
            return [str(name) for name in self.filesystem.ls(f"{self._root}{below}", detail=False)]
        except FileNotFoundError:
            return []

    def read(self, name: str) -> bytes:
        """Return a part."""
        content: bytes = self.filesystem.cat_file(name)
        return content

    def write(self, shard: str, part: str, content: bytes) -> None:
        """Store a part of a file of a shard."""
        self._store(f"{self._root}/{shard}/{part}", content)

    def _store(self, name: str, content: bytes) -> None:
        self.filesystem.makedirs(name.rpartition("/")[0], exist_ok=True)
        self.filesystem.pipe_file(name, content)

    def give(self, shard: str, file: str, content: bytes) -> None:
        """Store a file of a shard that isn't stored yet, for whoever works on the shard."""
        if file not in self.parts(shard):
            self.write(shard, f"{file}@0.{0:012d}", content)

    def delete(self, names: list[str]) -> None:
        """Delete parts."""
        for name in names:
            self.filesystem.rm_file(name)


@dataclass
class ShardMirror:
    """A shard's folder on this machine, and what of it is stored."""

    storage: ShardStorage
    files: ShardFiles
    _stored: dict[str, _Stored] = field(default_factory=dict)

    @property
    def _name(self) -> str:
        return self.files.folder.name

    def pull(self) -> None:
        """Make the folder on this machine as it is stored."""
        make_folder(self.files.folder)
        parts = self.storage.parts(self._name)
        for path in self.files.folder.iterdir():
            if path.name not in parts and path.is_file():
                path.unlink()
        for name, found in parts.items():
            generation, whole = found[-1][0], []
            size = 0
            for of, begin, where in found:
                if of == generation and begin == size:
                    whole.append(self.storage.read(where))
                    size += len(whole[-1])
            path = self.files.folder / name
            replace_file(path, whole)
            stat = path.stat()
            self._stored[name] = _Stored(
                generation, stat.st_size, stat.st_ino, stat.st_mtime_ns, b"".join(whole)[-_TAIL:]
            )

    def push(self) -> None:
        """Store what has changed on this machine: first what logs got, last what tells that something is finished."""
        for part in self._changes():
            name = part.path.name
            self.storage.write(self._name, f"{name}@{part.file.generation}.{part.begin:012d}", part.content)
            self._stored[name] = part.file
        self._delete_old()

    def _changes(self) -> list[_Part]:
        """Return what is to be stored. What tells of the logs is read before them, and so tells of nothing newer."""
        last = (self.files.mark.name, self.files.checkpoint.metadata.name)
        paths = [path for path in self.files.folder.iterdir() if path.is_file() and not path.name.endswith(_LEFT_OUT)]
        paths = [path for path in paths if not path.name.startswith(".")]
        in_order = sorted(paths, key=lambda path: last.index(path.name) if path.name in last else len(last))
        return [part for path in in_order if (part := self._change(path)) is not None][::-1]

    def _change(self, path: Path) -> _Part | None:
        known = self._stored.get(path.name)
        try:
            with path.open("rb") as file:
                stat = os.fstat(file.fileno())
                if known and (known.size, known.inode, known.changed) == (stat.st_size, stat.st_ino, stat.st_mtime_ns):
                    return None
                begin = known.size if known and known.inode == stat.st_ino and _goes_on(file, known, stat) else 0
                file.seek(begin)
                content = file.read(stat.st_size - begin)
        except FileNotFoundError:
            return None
        generation = 0 if known is None else known.generation + (begin == 0)
        tail = ((known.tail if known and begin else b"") + content)[-_TAIL:]
        stored = _Stored(generation, begin + len(content), stat.st_ino, stat.st_mtime_ns, tail)
        return _Part(path, begin, content, stored)

    def _delete_old(self) -> None:
        """Delete what was replaced, and the files that are gone."""
        gone = [name for name in self._stored if not (self.files.folder / name).exists()]
        replaced = [name for name, stored in self._stored.items() if stored.generation]
        if not gone and not replaced:
            return
        parts = self.storage.parts(self._name)
        for name in gone:
            self.storage.delete([where for _, _, where in parts.get(name, ())])
            del self._stored[name]
        for name in replaced:
            latest = self._stored[name].generation if name in self._stored else 0
            self.storage.delete([where for generation, _, where in parts.get(name, ()) if generation < latest])


def _goes_on(file: IO[bytes], known: _Stored, now: os.stat_result) -> bool:
    """Whether a file only got longer: what was cut and written again ends otherwise where it ended before."""
    if not 0 < known.size < now.st_size:
        return False
    file.seek(known.size - len(known.tail))
    return file.read(len(known.tail)) == known.tail


@asynccontextmanager
async def worked_on(storage: ShardStorage, number: str) -> AsyncIterator[ShardFiles]:
    """Have the files of a stored shard on this machine while it is worked on, and store what changes every second.

    Raises:
        OutputError: it can't be read, or stored.
    """
    with TemporaryDirectory(prefix="deepfabric-shard-") as folder:
        mirror = storage.mirror(ShardFiles(Path(folder, number)))
        await again_and_again(mirror.pull)
        _move_in(mirror.files)
        pushing = asyncio.ensure_future(_push_now_and_then(mirror))
        try:
            yield mirror.files
        finally:
            pushing.cancel()
            await asyncio.gather(pushing, return_exceptions=True)
            await again_and_again(mirror.push)


def _move_in(files: ShardFiles) -> None:
    """Have the checkpoint of a shard, which was on another machine, belong to the dataset here."""
    path = files.checkpoint.metadata
    try:
        known = json.loads(path.read_bytes())
    except FileNotFoundError:
        return
    except ValueError as problem:
        raise OutputError(f"run.storage: {path.name} is damaged; begin anew with --fresh.") from problem
    replace_file(path, [json.dumps({**known, "dataset": str(files.dataset.absolute())}).encode()])


async def _push_now_and_then(mirror: ShardMirror) -> None:
    while True:
        await asyncio.sleep(_PUSH_EVERY)
        # Once it is begun, it is waited for, so that none other is at work on the same files.
        pushed = asyncio.ensure_future(asyncio.to_thread(_reach, mirror.push))
        try:
            await asyncio.shield(pushed)
        except asyncio.CancelledError:
            await asyncio.gather(pushed, return_exceptions=True)
            raise
        except _NotReached:
            continue  # the next time it may work, and the last time it has to


class _NotReached(Exception):
    """What is at the address can't be reached; the message has the reason."""


def _reach(work: Callable[[], None]) -> None:
    """Do something at an address.

    Raises:
        _NotReached: it fails, in whichever way of the package that has to do with the address.
    """
    try:
        work()
    except Exception as problem:
        raise _NotReached(_reason(problem)) from problem


async def again_and_again(work: Callable[[], None]) -> None:
    """Do what may fail for a moment, as often as makes sense, in a thread.

    Raises:
        OutputError: it fails each time.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            await asyncio.to_thread(_reach, work)
        except _NotReached as problem:
            if not tries_left:
                raise OutputError(f"run.storage: {problem}; what is stored is safe.") from problem
            await asyncio.sleep(_TRY_AGAIN_AFTER)
        else:
            return


def _reason(problem: Exception) -> str:
    return redact(" ".join(str(problem).split())) or type(problem).__name__


def _cannot_be_used(address: str, problem: Exception) -> ConfigError:
    said = _reason(problem)
    return ConfigError(f"run.storage: {redact(address)} can't be used: {said.rstrip('.')}.")
