"""What a disk may hold after a power cut, told from a recording of what a run did to its files.

A file holds what it held when it was last synced, and perhaps all or a part of what was written since. Of the names
that were made, changed and removed since a folder was last synced, a file system keeps none or all up to this moment;
and it may be none in the folder of the work and all in that of the user's data, or the other way round, as on two file
systems. All that may be found on one file system may be found on two.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tests.crash.harness import Call
from tests.crash.scenarios import parsed, rejected_or_made

State = Mapping[str, bytes | None]  # what is at each path: None is a folder

# What the shim says of an opened file; and what an expansion begins with among the facts.
_EMPTIED, _NEW = 1, 2
_EXPANSION = "expansion of "


@dataclass(eq=False)
class File:
    """What was written into a file, and what of it is safe."""

    now: bytes = b""
    synced: bytes = b""
    before_last: bytes = b""

    def change(self, content: bytes) -> None:
        """It holds something else now."""
        self.before_last, self.now = self.now, content

    def write(self, offset: int, data: bytes) -> None:
        """Put data at a place."""
        head = self.now[:offset].ljust(offset, b"\0")
        self.change(head + data + self.now[offset + len(data) :])

    def sync(self) -> None:
        """A power cut doesn't take from it what it holds now."""
        self.synced = self.before_last = self.now

    def found(self, how: str) -> bytes:
        """What is found in it: what is `synced`, what was written until `now`, by `half`, or `zeros` in its place."""
        if self.now == self.synced or how == "synced":
            return self.synced
        if how == "half":
            return self.now[: (len(self.now) + min(len(self.now), len(self.before_last))) // 2]
        if how == "zeros":
            return self.synced[: len(self.now)].ljust(len(self.now), b"\0")
        return self.now


HOW = ("synced", "now", "half", "zeros")


@dataclass
class Names:
    """The names of one file system: which there are now, and which are safe."""

    now: dict[str, File | None] = field(default_factory=dict)
    safe: dict[str, File | None] = field(default_factory=dict)

    def move(self, path: str, other: str) -> None:
        """Give something another name, and all that is in it."""
        moved = {name for name in self.now if name == path or name.startswith(f"{path}/")}
        self.now |= {other + name[len(path) :]: self.now.pop(name) for name in moved}

    def sync(self) -> None:
        """A power cut takes none of the names that there are now."""
        self.safe = dict(self.now)


@dataclass(frozen=True, slots=True)
class Cut:
    """A state that may be found after a power cut, and what was safe, or said to be done, by then.

    Its `name` says after which call, whether the latest names of each folder are there, and what is found in the files.
    """

    name: str
    after: Call
    state: State
    promised: frozenset[str]
    done: bool


class Disk:
    """Two folders as they change, and what is promised: what a thread synced that then went on to something else."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._names = {str(folder): Names() for folder in folders}
        self._inodes: dict[int, File] = {}
        self._syncing: defaultdict[int, set[str]] = defaultdict(set)
        self.promised: set[str] = set()
        for folder in self._names:
            self._take_in(Path(folder))

    def _take_in(self, folder: Path) -> None:
        names = self._names[str(folder)]
        for path in folder.rglob("*"):
            if path.is_dir():
                names.now[str(path)] = None
            else:
                names.now[str(path)] = self._inodes[path.stat().st_ino] = file = File(path.read_bytes())
                file.sync()
                self.promised |= facts_in(file.now)
        names.sync()

    def _of(self, path: str) -> Names:
        return next(names for folder, names in self._names.items() if PurePosixPath(path).is_relative_to(folder))

    def apply(self, call: Call) -> None:
        """Change as that call did."""
        if call.name != "fsync":
            self.promised |= self._syncing.pop(call.thread, set())
        if call.how != "done":
            return
        match call.name:
            case "open" | "write" | "truncate":
                self._change(call)
            case "fsync":
                self._sync(call)
            case "rename":
                self._of(call.path).move(call.path, call.other)
            case "unlink" | "rmdir":
                self._of(call.path).now.pop(call.path)
            case "mkdir":
                self._of(call.path).now[call.path] = None
            case "link":
                self._of(call.path).now[call.path] = self._of(call.path).now[call.other]

    def _change(self, call: Call) -> None:
        if call.name == "open" and call.offset == _NEW:
            self._of(call.path).now[call.path] = self._inodes[call.inode] = File()
        elif call.name == "open" and call.offset == _EMPTIED:
            self._inodes[call.inode].change(b"")
        elif call.name == "write":
            self._inodes.setdefault(call.inode, File()).write(call.offset, call.data)
        elif call.name == "truncate":
            file = self._inodes[call.inode]
            file.change(file.now[: call.offset])

    def _sync(self, call: Call) -> None:
        names = self._of(call.path)
        if call.path in self._names or names.now.get(call.path, names) is None:
            names.sync()
            return
        file = self._inodes[call.inode]
        file.sync()
        self._syncing[call.thread] |= facts_in(file.now)

    def states(self) -> Iterator[tuple[str, State]]:
        """All that may be found now, each with a name."""
        for latest in itertools.product((False, True), repeat=len(self._names)):
            chosen = zip(self._names.values(), latest, strict=True)
            there = {path: file for names, new in chosen for path, file in (names.now if new else names.safe).items()}
            label = "".join("+" if new else "-" for new in latest)
            for how in HOW:
                yield f"{label}{how}", {path: None if file is None else file.found(how) for path, file in there.items()}


def cuts(before: Disk, calls: Iterable[Call]) -> list[Cut]:
    """Each state that may be found at any moment of a run, once."""
    found: dict[frozenset[tuple[str, bytes | None]], Cut] = {}
    done = False
    for call in calls:
        before.apply(call)
        done = done or (call.name == "say" and b"Written: dataset" in call.data)
        promised = frozenset(before.promised)
        for name, state in before.states():  # of the moments at which a state may be found, the last one promises most
            found[frozenset(state.items())] = Cut(f"{call.number}{name}", call, state, promised, done)
    return list(found.values())


def facts_in(content: bytes) -> set[str]:
    """The finished and the rejected samples and the expansions in the lines of a file."""
    found = set()
    for record in parsed(content):
        if isinstance(record.get("sample"), dict):
            found.add(rejected_or_made(record))
        elif "children" in record:
            found.add(f"{_EXPANSION}{json.dumps(record['path'])}")
    return found


def expansions(facts: Iterable[str]) -> int:
    """How many of them are expansions of a topic."""
    return sum(map(is_expansion, facts))


def is_expansion(fact: str) -> bool:
    """Whether it is an expansion of a topic, not a sample."""
    return fact.startswith(_EXPANSION)


def put_back(state: State) -> None:
    """Make the folders hold what was found."""
    for path, content in sorted(state.items()):
        if content is None:
            Path(path).mkdir(parents=True, exist_ok=True)
        else:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_bytes(content)
