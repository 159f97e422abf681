"""Runs the command line in processes that come to grief at a chosen call, and reads what they did to their files."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
SHIM = Path(__file__).with_name("shim.c")

# The kinds of calls, as in shim.c.
OPEN, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, MKDIR, LINK = (1 << bit for bit in range(8))
ALL = (1 << 8) - 1

# What becomes of the chosen call.
_COUNT, _KILL, _FAIL_ONCE, _FAIL_ON = range(4)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens at the `at`-th call of some kinds, about files of some ending."""

    name: str = "nothing"
    at: int = 0
    action: int = _COUNT
    kinds: int = ALL
    error: int = 0
    ending: str = ""

    def __str__(self) -> str:
        return f"--{self.name} {self.at}"

    def moved(self, at: int) -> Trouble:
        """The same at another call."""
        return replace(self, at=at)


NOTHING = Trouble()
KILL = Trouble("kill", action=_KILL)
# From that call on there is no room, and what is being written then is written by half.
FULL = Trouble("full", action=_FAIL_ON, kinds=OPEN | WRITE | SYNC | RENAME | MKDIR | LINK, error=errno.ENOSPC)
BROKEN = Trouble("eio", action=_FAIL_ONCE, error=errno.EIO)
DENIED = Trouble("eacces", action=_FAIL_ONCE, kinds=OPEN | RENAME | UNLINK | MKDIR | LINK, error=errno.EACCES)
TROUBLES = {trouble.name: trouble for trouble in (KILL, FULL, BROKEN, DENIED)}


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a process made, or was about to make."""

    number: int
    thread: int
    name: str
    how: str
    inode: int
    offset: int
    result: int
    path: str
    other: str
    data: bytes

    def __str__(self) -> str:
        if self.name == "say":
            return f"say {self.data.decode(errors='replace').strip().partition(chr(10))[0]}"
        name = self.name if not self.other else f"{self.name} {Path(self.path).name} to"
        return f"{name} {self.other or self.path}"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit code (less than 0: the signal), what it said, and what it did to its files."""

    code: int
    out: str
    err: str
    calls: tuple[Call, ...]

    @property
    def struck(self) -> Call | None:
        """The first call that was prevented, if it came to that."""
        return next((call for call in self.calls if call.how in ("killed", "failed") or "half" in call.name), None)

    def count(self, kinds: int) -> int:
        """How many calls of these kinds there were."""
        return sum(bool(_KINDS[call.name.partition(" ")[0]] & kinds) for call in self.calls)


_KINDS = {
    "open": OPEN,
    "write": WRITE,
    "truncate": TRUNCATE,
    "fsync": SYNC,
    "rename": RENAME,
    "unlink": UNLINK,
    "rmdir": UNLINK,
    "mkdir": MKDIR,
    "link": LINK,
    "symlink": LINK,
    "say": 0,
}


class CannotCompileError(Exception):
    """There is no compiler on this machine, or it can't make what is needed."""


def compiled(folder: Path) -> Path:
    """Compile the shim into a folder.

    Raises:
        CannotCompileError: it can't be done here.
    """
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        raise CannotCompileError("there is no C compiler here, or this isn't Linux")
    library = folder / "shim.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SHIM), "-pthread"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotCompileError(f"shim.c can't be compiled: {done.stderr.strip()}")
    return library


class Stage:
    """A folder to work in and a folder for the user's data, both made anew from a copy for each run that is watched.

    A context manager: it holds the process that starts the others.
    """

    def __init__(self, root: Path, library: Path) -> None:
        self.root = root.resolve()
        self.work, self.data = self.root / "work", self.root / "data"
        self._library = library

    def __enter__(self) -> Self:
        environment = {**os.environ, "LD_PRELOAD": str(self._library), "PYTHONPATH": str(ROOT)}
        self._launcher = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.launcher", str(self._library)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._launcher.communicate()

    def clear(self) -> None:
        """Begin with two empty folders."""
        for folder in (self.work, self.data):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)

    def save(self, copy: Path) -> None:
        """Keep what stands there now."""
        for folder in (self.work, self.data):
            shutil.copytree(folder, copy / folder.name)

    def load(self, copy: Path) -> None:
        """Put back what was kept."""
        for folder in (self.work, self.data):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(copy / folder.name, folder)

    def run(self, *arguments: str, trouble: Trouble = NOTHING, record: bool = False) -> Ended:
        """Run the command line to its end, whatever that is."""
        asked = {
            "folder": str(self.work),
            "environment": {
                "PATH": os.environ["PATH"],
                "HOME": str(self.data),
                "XDG_DATA_HOME": str(self.data),
                "XDG_CACHE_HOME": str(self.root / "cache"),  # not watched: what is lost there is found out again
                "NO_PROXY": "*",
                "COLUMNS": "200",
            },
            "arguments": arguments,
            "watched": f"{self.work}:{self.data}",
            "ending": trouble.ending,
            "trouble": [trouble.kinds, trouble.action, trouble.at, trouble.error],
            "record": record,
            **{name: str(self.root / name) for name in ("out", "err", "log")},
        }
        assert self._launcher.stdin and self._launcher.stdout
        self._launcher.stdin.write(json.dumps(asked) + "\n")
        self._launcher.stdin.flush()
        code = int(self._launcher.stdout.readline())
        out, err = ((self.root / name).read_text(encoding="utf-8", errors="replace") for name in ("out", "err"))
        return Ended(code, out, err, tuple(calls_in((self.root / "log").read_bytes())))

    def files(self) -> set[str]:
        """The names of all files that are there."""
        folders = (self.work, self.data)
        return {str(path.relative_to(self.root)) for folder in folders for path in folder.rglob("*") if path.is_file()}


def calls_in(log: bytes) -> Iterator[Call]:
    """Read a log of the shim's."""
    place = 0
    while place < len(log):
        end = log.index(b"\n", place)
        fields = log[place:end].decode(errors="surrogateescape").split("\t")
        number, thread, name, how, inode, offset, result, size, path, other = fields
        place = end + 1 + int(size)
        data = log[end + 1 : place]
        yield Call(int(number), int(thread), name, how, int(inode), int(offset), int(result), path, other, data)
