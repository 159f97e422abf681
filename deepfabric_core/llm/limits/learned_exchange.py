"""Exchange what a limiter has learned with the file of the user's cache and with other processes, in a thread."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from typing import Protocol

from deepfabric_core.llm.limits import learned_file
from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.learned_file import Target
from deepfabric_core.llm.limits.neighbours import Neighbours

# In seconds: between two looks at other processes, between two writings of the file, and the longest wait for the last.
_BETWEEN_LOOKS = 0.25
_BETWEEN_WRITINGS = 5.0
_LONGEST_WAIT = 2.0

_FOLDER = "calling"


class Learner(Protocol):
    """What learns limits: a limiter. Its methods may be called from any thread."""

    def learned(self) -> Learned | None:
        """Return what is known of the limits now."""

    def start_from(self, learned: Learned) -> None:
        """Take limits that were learned before, or by others."""

    def is_idle(self) -> bool:
        """Return whether no call is in flight and none may begin."""


@dataclass(slots=True)
class _Session:
    """The exchange from the first stage of a limiter to the last."""

    learner: Learner
    target: Target
    neighbours: Neighbours | None
    ending: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    written: Learned | None = None

    def begin(self) -> None:
        """Tell the learner what others know, unless it has learned its own, and start the thread."""
        own, known = self.learner.learned(), None
        if self.neighbours is not None:
            try:
                known = self.neighbours.join(own)
            except OSError:
                self.neighbours = None
        if own is None and known is None and (whole := learned_file.recall(self.target)) is not None:
            known = self.neighbours.share_of(whole) if self.neighbours else whole
        if known is not None:
            self.learner.start_from(known)
        self.thread = threading.Thread(target=self._run, name="learned limits", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        written_at = time.monotonic()
        while not self.ending.wait(_BETWEEN_LOOKS):
            self._look_at_neighbours()
            if time.monotonic() - written_at >= _BETWEEN_WRITINGS:
                self._write()
                written_at = time.monotonic()
        self._write()
        if self.neighbours is not None:
            self.neighbours.leave()

    def _look_at_neighbours(self) -> None:
        """Exchange with other processes. Who has nothing to do keeps silent, and so leaves its share to them."""
        if self.neighbours is None or self.learner.is_idle():
            return
        try:
            share = self.neighbours.exchange(self.learner.learned())
        except OSError:
            self.neighbours.leave()
            self.neighbours = None
            return
        if share is not None:
            self.learner.start_from(share)

    def _write(self) -> None:
        own = self.learner.learned()
        whole = self.neighbours.in_sum(own) if self.neighbours and own else own
        if whole is not None and whole != self.written:
            learned_file.keep(self.target, whole)
            self.written = whole


class LearnedExchange:
    """The exchange of one limiter, which may begin again after it has ended."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._session: _Session | None = None

    def begin(self, learner: Learner) -> None:
        """Tell the learner what is known, and start to exchange."""
        folder = learned_file.cache_folder() / _FOLDER
        neighbours = Neighbours(folder, self._target) if os.name != "nt" else None
        self._session = _Session(learner, self._target, neighbours)
        self._session.begin()

    def end(self) -> None:
        """Have what was learned written, without waiting for it."""
        if self._session is not None:
            self._session.ending.set()

    def wait(self) -> None:
        """Wait until it is written, if the exchange has ended."""
        session = self._session
        if session is not None and session.ending.is_set() and session.thread is not None:
            session.thread.join(_LONGEST_WAIT)
