"""Other processes of this user on this machine that call the same endpoint, model and key: share its limits with them.

Each process keeps a small file of its own up to date: when, and what it has learned of its share. Whoever hasn't
written for a moment is gone, so a killed process leaves no harm, and there is no lock. What a process has learned is
about its own share, since it sees only its own calls. So shares change only when a process comes or goes:

- Who comes begins with an equal part of the sum of all shares, and the others give that part up.
- The share of whoever goes is divided among those that stay.

In between each process adjusts its share by its own refusals, as if it were alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from deepfabric_core.llm.limits.learned import Learned, from_json, to_json, total
from deepfabric_core.llm.limits.learned_file import Target

# A process writes a few times a second; after so many seconds without a word it is gone.
_GONE_AFTER = 1.5
# Files that nobody removed, since no process has called that endpoint again, are deleted after so many seconds.
_LEFT_FOR = 3600.0
_PRIVATE = 0o600
_PRIVATE_FOLDER = 0o700
_LARGEST_FILE = 4096


_process = f"{os.getpid()}-{secrets.token_hex(4)}"


@dataclass
class Neighbours:
    """The processes that share a target with this one, which is called `process`.

    All processes of a machine have to have the same clock.
    """

    folder: Path
    target: Target
    clock: Callable[[], float] = time.monotonic
    process: str = _process
    _own: Path = field(init=False)
    _known: Mapping[str, Learned | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # A folder may belong to several machines, whose processes don't share a clock.
        facts = "\n".join((*astuple(self.target), socket.gethostname()))
        self._prefix = f"{hashlib.sha256(facts.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}."
        self._own = self.folder / f"{self._prefix}{self.process}.{secrets.token_hex(4)}"

    def join(self, own: Learned | None) -> Learned | None:
        """Come to the others, and return the share of their limits to begin with.

        It is None if they know none, or if this process knows its own.

        Raises:
            OSError: the folder can't be written.
        """
        self.folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        self._remove_leftovers()
        self._known = dict(self._alive())
        known = total(self._known.values()) if own is None else None
        share = known and known.part(1 / (len(self._known) + 1))
        self._write(own or share)
        return share

    def exchange(self, own: Learned | None) -> Learned | None:
        """Tell the others what was learned of the own share, and return the share from now on; None if it stays.

        Raises:
            OSError: the folder can't be read or written.
        """
        alive = dict(self._alive())
        gone = [self._known[name] for name in self._known.keys() - alive.keys()]
        came, stayed = len(alive.keys() - self._known.keys()), len(self._known) + 1 - len(gone)
        self._known = alive
        share = own
        if share is not None and (left := total(gone)) is not None:
            share = _sum(share, left.part(1 / stayed))
        if share is not None and came:
            share = share.part(stayed / (stayed + came))
        self._write(share)
        return share if share != own else None

    def in_sum(self, own: Learned | None) -> Learned | None:
        """Return what is known of the whole limits, of which all have a share."""
        return total((own, *self._known.values()))

    def share_of(self, whole: Learned) -> Learned:
        """Return the equal share of limits that were learned earlier."""
        return whole.part(1 / (len(self._known) + 1))

    def leave(self) -> None:
        """Go, so that the others take over at once."""
        with contextlib.suppress(OSError):
            self._own.unlink(missing_ok=True)

    def _write(self, learned: Learned | None) -> None:
        text = json.dumps({"at": self.clock(), **(to_json(learned) if learned else {})})
        beside = self._own.with_name(f".{self._own.name}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        beside.replace(self._own)

    def _alive(self) -> Iterator[tuple[str, Learned | None]]:
        """Yield the others that have written lately, and what they know."""
        now = self.clock()
        for path in self.folder.glob(f"{self._prefix}*"):
            if path.name.startswith(f"{self._prefix}{self.process}."):
                continue
            document = _document(path)
            at = document.get("at")
            if isinstance(at, float) and abs(now - at) <= _GONE_AFTER:
                yield path.name, from_json(document)

    def _remove_leftovers(self) -> None:
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):
                if abs(time.time() - path.stat().st_mtime) > _LEFT_FOR:
                    path.unlink()


def _sum(own: Learned, more: Learned) -> Learned:
    """Return the own share with more of those limits that this process has met itself."""
    return Learned(
        own.per_second and own.per_second + (more.per_second or 0),
        own.at_once and own.at_once + (more.at_once or 0),
        own.accepted_at_once,
        own.delay,
    )


def _document(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_LARGEST_FILE))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
