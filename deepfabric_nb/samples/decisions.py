"""`Decisions`: what people say of the samples in a view, kept in the file of reviews as soon as it is said."""

from __future__ import annotations

import getpass
import os
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from weakref import WeakValueDictionary

from deepfabric_core.errors import ConfigError, DeepFabricError
from deepfabric_core.samples.reviews import Action, Decision, Review, Reviews
from deepfabric_core.store.files import size_of
from deepfabric_core.store.review_log import ReviewLog, read_reviews
from deepfabric_nb.samples.protocol import VerdictShown

_NO_FILE = (
    "These samples belong to no file, so there is no place to keep a decision: save them as a dataset, and open "
    "that by Samples(path)."
)
_TICK = 1e-5  # seconds
_NOTHING = "There is nothing to undo."

# One log for each file, as several views of one dataset may be open.
_logs: WeakValueDictionary[Path, ReviewLog] = WeakValueDictionary()


class Decisions:
    """The decisions on a dataset; `path` is their file, None if there can't be one."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.why_not = "" if path else _NO_FILE
        self._log: ReviewLog | None = None
        self._size = 0
        self._reviews = Reviews()
        self.read()

    def read(self) -> None:
        """Read the file, unless nothing has changed since."""
        if self.path is None or (self._log is not None and self._log.in_place and size_of(self.path) == self._size):
            return
        self.why_not = ""
        try:
            self._log = _log_of(self.path)
            self._reviews = self._log.reviews
        except DeepFabricError as problem:
            self._log, self.why_not = None, str(problem)
            with suppress(ConfigError):
                self._reviews = read_reviews(self.path)
        if not self.why_not and not os.access(self.path if self.path.exists() else self.path.parent, os.W_OK):
            self.why_not = (
                f"{self.path} can't be written, so no decision can be kept: copy the dataset to another folder."
            )
        self._size = size_of(self.path)

    @property
    def reviews(self) -> Reviews:
        """All decisions."""
        return self._reviews

    def of(self, sample: str) -> Review:
        """Return what holds of a sample."""
        return self._reviews.of(sample)

    def add(self, decisions: Sequence[Decision]) -> None:
        """Keep decisions that are made at once, so that one undo takes all of them back.

        Raises:
            DeepFabricError: they can't be kept; the message says why.
        """
        if self._log is None or self.why_not:
            raise ConfigError(self.why_not)
        at = self._next_time()
        try:
            self._log.add_all([replace(decision, at=at) for decision in decisions])
        finally:
            self._size = size_of(self._log.path)

    def _next_time(self) -> float:
        """Return the time, later than that of every decision: what has one time was decided at once."""
        decisions = self._reviews.decisions
        last = decisions[-1].at if decisions else 0.0
        now = time.time()
        return now if now > last else last + _TICK

    def undo(self) -> list[Decision]:
        """Take back what was decided last, and return it.

        Raises:
            DeepFabricError: there is nothing to undo, or it can't be kept.
        """
        undone = self.undoable
        if not undone:
            raise ConfigError(_NOTHING)
        self.add([decision("undo", one.sample, undoes=one.id) for one in undone])
        return undone

    @property
    def undoable(self) -> list[Decision]:
        """What was decided last, and at once; empty if nothing was."""
        last = self._reviews.last
        if last is None:
            return []
        undone = {one.undoes for one in self._reviews.decisions if one.action == "undo"}
        together = []
        for one in reversed(self._reviews.decisions):
            if one.action == "undo" or one.id in undone:
                continue
            if (one.at, one.who) != (last.at, last.who):
                break
            together.append(one)
        return together


def decision(action: Action, sample: str, **said: str) -> Decision:
    """Return a decision of this user, not kept yet."""
    return Decision(id=uuid.uuid4().hex, sample=sample, action=action, who=user_name(), at=0.0, **said)  # type: ignore[arg-type]


def user_name() -> str:
    """Return the name by which this user's decisions are known: that of JupyterHub, or else of the account."""
    if hub := os.environ.get("JUPYTERHUB_USER"):
        return hub
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, as in some containers
        return ""


def verdict_shown(review: Review) -> VerdictShown:
    """Return a verdict as the list shows it."""
    if review.verdict == "accepted" and review.edited is not None:
        return "edited"
    return review.verdict or ""


def _log_of(path: Path) -> ReviewLog:
    path = path.absolute()
    log = _logs.get(path)
    if log is None or not log.in_place or size_of(path) != log.size:
        log = _logs[path] = ReviewLog(path)
    return log
